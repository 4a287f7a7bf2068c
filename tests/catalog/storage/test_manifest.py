"""Manifests, configurations and parameters, byte for byte."""

import hashlib
import json
from pathlib import Path

import pytest

from portal.catalog.names import Digest
from portal.catalog.papers import details, gguf
from portal.catalog.storage.manifest import (
    CONFIG_TYPE,
    LICENSE_TYPE,
    WEIGHTS_TYPE,
    BadManifest,
    Config,
    Layer,
    Manifest,
    read_parameters,
    write_messages,
    write_parameters,
)
from tests.catalog.gguf_files import MINIMAL

GGUF_DIGEST = "89a2116c3a82d6a97f59f748d86ed4417214353fd178ee54df418fde32495fad"
CONFIG_DIGEST = "99759ad5b91e723db0393d698ffbb448b1b7df5ff6377a108c49254583b1bc8c"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_smallest_file_has_the_digest_that_everybody_finds() -> None:
    assert len(MINIMAL) == 68
    assert sha256(MINIMAL) == GGUF_DIGEST


def test_the_configuration_of_the_smallest_file_is_ollamas_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "test.gguf"
    path.write_bytes(MINIMAL)

    data = details.config_of(gguf.read(path)).as_bytes()

    assert sha256(data) == CONFIG_DIGEST
    assert Config.read(data).as_bytes() == data


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"{{ .Prompt }}", "b507b9c2f6ca642bffcd06665ea7c91f235fd32daeefdf875a0f938db05fb315"),
        (
            write_parameters({"top_k": 10, "temperature": 1, "stop": ["USER:", "ASSISTANT:"]}),
            "1d0ad71299d48c2fb7ae2b98e683643e771f8a5b72be34942af90d97a91c1e37",
        ),
        (
            write_parameters(
                {
                    "stop": ["USER:", "ASSISTANT:"],
                    "temperature": 0.6,
                    "top_k": 10,
                    "top_p": 0.7,
                }
            ),
            "e29a7b3c47287a2489c895d21fe413c20f859a85d20e749492f52a838e36e1ba",
        ),
        (
            write_parameters(
                {"stop": ["<|endoftext|>"], "temperature": 0.6, "top_k": 10, "top_p": 0.7}
            ),
            "12f58bb75cb3042d69a7e013ab87fb3c3c7088f50ddc62f0c77bd332f0d44d35",
        ),
        (
            write_messages(
                [
                    {"role": "assistant", "content": "What is my purpose?"},
                    {"role": "user", "content": "You run tests."},
                    {"role": "assistant", "content": "Oh, my god."},
                ]
            ),
            "298baeaf6928a60cf666d88d64a1ba606feb43a2865687c39e40652e407bffc4",
        ),
        (b"MIT", "e5dcffe836b6ec8a58e492419b550e65fb8cbdc308503979e5dacb33ac7ea3b7"),
        (b"Apache-2.0", "2af71558e438db0b73a20beab92dc278a94e1bbe974c00c1a33e3ab62d53a608"),
    ],
)
def test_layers_have_the_digests_that_everybody_finds(data: bytes, digest: str) -> None:
    assert sha256(data) == digest


def test_a_manifest_is_written_in_gos_order_and_read_back() -> None:
    weights = Layer(media_type=WEIGHTS_TYPE, digest=Digest(GGUF_DIGEST), size_bytes=68)
    licence = Layer(
        media_type=LICENSE_TYPE, digest=Digest("0" * 64), size_bytes=3, source="a:b", name="<x>"
    )
    config = Layer(media_type=CONFIG_TYPE, digest=Digest(CONFIG_DIGEST), size_bytes=144)
    manifest = Manifest(config=config, layers=(weights, licence))

    data = manifest.as_bytes()

    assert data.decode() == (
        '{"schemaVersion":2,'
        '"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
        '"config":{"mediaType":"application/vnd.docker.container.image.v1+json",'
        f'"digest":"sha256:{CONFIG_DIGEST}","size":144}},'
        '"layers":[{"mediaType":"application/vnd.ollama.image.model",'
        f'"digest":"sha256:{GGUF_DIGEST}","size":68}},'
        '{"mediaType":"application/vnd.ollama.image.license",'
        f'"digest":"sha256:{"0" * 64}","size":3,'
        '"from":"a:b","name":"\\u003cx\\u003e"}]}\n'
    )
    assert Manifest.read(data) == manifest
    assert manifest.size_bytes == 68 + 3 + 144
    assert manifest.weights == weights


def test_of_several_weights_the_last_one_is_loaded() -> None:
    layers = tuple(
        Layer(media_type=WEIGHTS_TYPE, digest=Digest(digit * 64), size_bytes=1) for digit in "12"
    )

    assert Manifest(config=layers[0], layers=layers).weights == layers[1]


def _manifest_with(**changes: object) -> bytes:
    layer: dict[str, object] = {
        "mediaType": WEIGHTS_TYPE,
        "digest": f"sha256:{GGUF_DIGEST}",
        "size": 68,
    }
    layer |= changes
    return json.dumps({"config": layer, "layers": [layer]}).encode()


def test_fields_that_others_add_are_read_over() -> None:
    assert Manifest.read(_manifest_with(annotations={"a": "b"})).layers[0].size_bytes == 68


def test_null_stands_for_what_a_model_does_not_have() -> None:
    written = json.loads(_manifest_with())
    assert Manifest.read(json.dumps({**written, "layers": None}).encode()).layers == ()
    assert read_parameters(b"null\n") == {}


@pytest.mark.threat("E1")
@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"null", b"[]", b"{}", b'{"layers":[]}', b'{"config":1,"layers":[]}', b"\xff\xfe"),
        *(b"[" * 100_000, b'{"layers":{}}'),
        *(_manifest_with(digest="../../etc/passwd"), _manifest_with(digest=f"{GGUF_DIGEST}\n")),
        *(_manifest_with(digest=1), _manifest_with(size=-1), _manifest_with(size="1")),
        *(_manifest_with(size=True), _manifest_with(size=2**63), _manifest_with(mediaType=1)),
        _manifest_with(digest=None),
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(BadManifest):
        Manifest.read(data)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"nul", b'"x"', b"{" * 10_000),
        *(b'{"a":1e999}', b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":"\\u0000"}'),
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_object_is_no_configuration_and_no_parameters(data: bytes) -> None:
    with pytest.raises(BadManifest):
        Config.read(data)
    with pytest.raises(BadManifest):
        read_parameters(data)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        *((0, "0"), (999, "999"), (12_345, "12K"), (137_000_000, "137M")),
        *((136_730_000, "136.73M"), (134_515_008, "134.52M"), (7_000_000_000, "7B")),
        (7_241_732_096, "7.2B"),
    ],
)
def test_numbers_of_parameters_are_shown_as_ollama_shows_them(count: int, shown: str) -> None:
    assert details.human_count(count) == shown
