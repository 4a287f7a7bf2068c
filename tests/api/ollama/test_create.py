"""POST /api/create, over HTTP, byte for byte."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.accounts.models import KeyScope, Person
from portal.catalog.models import Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.storage.manifest import Manifest
from portal.catalog.storage.store import Store
from tests.api.conftest import Caller, in_thread, make_person, make_secret
from tests.catalog.gguf_files import MINIMAL, build_gguf, number_value, tensor, text_value

CONFIG = (
    '{"model_format":"gguf","model_family":"test","model_families":["test"],"model_type":"0",'
    '"file_type":"unknown","architecture":"amd64","os":"linux"}\n'
)
# From section 11.1 of the contract.
MINIMAL_SHA = "89a2116c3a82d6a97f59f748d86ed4417214353fd178ee54df418fde32495fad"
GOLDEN = {
    "config": "99759ad5b91e723db0393d698ffbb448b1b7df5ff6377a108c49254583b1bc8c",
    "{{ .Prompt }}": "b507b9c2f6ca642bffcd06665ea7c91f235fd32daeefdf875a0f938db05fb315",
    "{{ .System }} {{ .Prompt }}": (
        "fe7ac77b725cda2ccad03f88a880ecdfd7a33192d6cae08fce2c0ee1455991ed"
    ),
    "Say hi!": "f29e82a8284dbdf5910b1555580ff60b04238b8da9d5e51159ada67a4d0d5851",
    "Say bye!": "4c5f51faac758fecaff8db42f0b7382891a4d0c0bb885f7b86be88c814a7cc86",
    "params": "1d0ad71299d48c2fb7ae2b98e683643e771f8a5b72be34942af90d97a91c1e37",
    "derived": "e29a7b3c47287a2489c895d21fe413c20f859a85d20e749492f52a838e36e1ba",
    "stopped": "12f58bb75cb3042d69a7e013ab87fb3c3c7088f50ddc62f0c77bd332f0d44d35",
    "messages": "298baeaf6928a60cf666d88d64a1ba606feb43a2865687c39e40652e407bffc4",
    "MIT": "e5dcffe836b6ec8a58e492419b550e65fb8cbdc308503979e5dacb33ac7ea3b7",
    "Apache-2.0": "2af71558e438db0b73a20beab92dc278a94e1bbe974c00c1a33e3ab62d53a608",
    "phi-3": "35360843d0c84fb1506952a131bbef13cd2bb4a541251f22535170c05b56e672",
    "phi-3 stops": "0d79f567714c62c048378f2107fb332dabee0135d080c302d884317da9433cc5",
}
PREFIX = "application/vnd.ollama.image."
TALK = [
    {"role": "assistant", "content": "What is my purpose?"},
    {"role": "user", "content": "You run tests."},
    {"role": "assistant", "content": "Oh, my god."},
]


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> Store:
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    return Store(root)


@pytest.fixture
async def carol(http: httpx.AsyncClient) -> Caller:
    person = await in_thread(make_person)("carol@example.com", is_staff=True, is_superuser=True)
    key = await in_thread(make_secret)(person, scopes=[KeyScope.MANAGE, KeyScope.CHAT])
    return Caller(person, key, http)


def blob(store: Store, data: bytes) -> str:
    """Uploaded before, by somebody."""
    staged = store.stage_bytes(data)
    store.publish(staged)
    return str(staged.digest)


def lines_of(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]


def layers_of(store: Store, name: str) -> list[tuple[str, str]]:
    """(kind, digest) in the order of the manifest."""
    manifest = store.manifest(ModelName.parse(name)).manifest
    return [(layer.media_type.removeprefix(PREFIX), layer.digest.hex) for layer in manifest.layers]


def blobs_of(store: Store) -> set[str]:
    folder = store.blob_path(Digest("0" * 64)).parent
    return {path.name.removeprefix("sha256-") for path in folder.iterdir()}


@pytest.fixture
async def base(carol: Caller, store: Store) -> str:
    """The smallest model there is, made of a file."""
    made = await carol.post(
        "/api/create",
        {
            "model": "test",
            "files": {"test.gguf": blob(store, MINIMAL)},
            "template": "{{ .System }} {{ .Prompt }}",
            "system": "Say hi!",
            "license": "MIT",
            "parameters": {"temperature": 1, "top_k": 10, "stop": ["USER:", "ASSISTANT:"]},
            "messages": TALK,
            "stream": False,
        },
    )
    assert (made.status_code, made.text) == (200, '{"status":"success"}')
    return "test"


async def test_every_layer_of_a_made_model_is_theirs_to_the_byte(base: str, store: Store) -> None:
    stored = store.manifest(ModelName.parse(base))

    assert layers_of(store, base) == [
        ("model", MINIMAL_SHA),
        ("template", GOLDEN["{{ .System }} {{ .Prompt }}"]),
        ("system", GOLDEN["Say hi!"]),
        ("license", GOLDEN["MIT"]),
        ("params", GOLDEN["params"]),
        ("messages", GOLDEN["messages"]),
    ]
    assert stored.manifest.config.digest.hex == GOLDEN["config"]
    assert store.read_document(stored.manifest.config.digest) == CONFIG.encode()
    assert stored.manifest.layers[0].source == "test.gguf"
    assert stored.manifest.as_bytes().endswith(b"}\n")


async def test_what_is_said_while_a_model_is_made(carol: Caller, store: Store) -> None:
    digest = blob(store, MINIMAL)
    prompt, mit = GOLDEN["{{ .Prompt }}"], GOLDEN["MIT"]

    first = await carol.post(
        "/api/create",
        {"name": "one", "files": {"a.gguf": digest}, "template": "{{ .Prompt }}"},
    )
    again = await carol.post(
        "/api/create",
        {"model": "two", "from": "one", "license": ["MIT"], "template": "{{ .Prompt }}"},
    )

    assert first.headers["content-type"] == "application/x-ndjson"
    assert [line["status"] for line in lines_of(first)] == [
        "parsing GGUF",
        "validating GGUF model",
        f"using existing layer {digest}",
        f"creating new layer sha256:{prompt}",
        "writing manifest",
        "success",
    ]
    assert [line["status"] for line in lines_of(again)] == [
        f"using existing layer {digest}",
        f"using existing layer sha256:{prompt}",
        f"creating new layer sha256:{mit}",
        "writing manifest",
        "success",
    ]


async def test_a_derived_model_inherits_what_it_does_not_replace(
    carol: Caller, base: str, store: Store
) -> None:
    first = await carol.post(
        "/api/create",
        {"model": "first", "from": "test", "parameters": {"temperature": 0.6, "top_p": 0.7}},
    )
    second = await carol.post(
        "/api/create",
        {
            "model": "second",
            "from": "first",
            "license": "Apache-2.0",
            "system": "Say bye!",
            "parameters": {"stop": ["<|endoftext|>"]},
            "template": "",
            "messages": [],
        },
    )

    assert lines_of(first)[-1] == lines_of(second)[-1] == {"status": "success"}
    assert layers_of(store, "first") == [
        ("model", MINIMAL_SHA),
        ("template", GOLDEN["{{ .System }} {{ .Prompt }}"]),
        ("system", GOLDEN["Say hi!"]),
        ("license", GOLDEN["MIT"]),
        ("messages", GOLDEN["messages"]),
        ("params", GOLDEN["derived"]),
    ]
    assert layers_of(store, "second") == [
        ("model", MINIMAL_SHA),
        ("template", GOLDEN["{{ .System }} {{ .Prompt }}"]),
        ("license", GOLDEN["MIT"]),
        ("messages", GOLDEN["messages"]),
        ("system", GOLDEN["Say bye!"]),
        ("license", GOLDEN["Apache-2.0"]),
        ("params", GOLDEN["stopped"]),
    ]
    layers = store.manifest(ModelName.parse("second")).manifest.layers
    assert layers[0].source == "first:latest"
    assert layers[-1].source == ""


async def test_making_a_name_again_lets_go_of_what_it_no_longer_needs(
    carol: Caller, base: str, store: Store
) -> None:
    """Also when it is made of itself."""
    before = blobs_of(store)

    await carol.post("/api/create", {"model": "TEST", "from": "test", "system": "Say bye!"})
    after = blobs_of(store)
    files = {"test.gguf": f"sha256:{MINIMAL_SHA}"}
    await carol.post("/api/create", {"model": "test", "files": files})

    assert before - after == {GOLDEN["Say hi!"]}
    assert after - before == {GOLDEN["Say bye!"]}
    assert blobs_of(store) == {MINIMAL_SHA, GOLDEN["config"]}
    assert [each.name.short for each in store.all()] == ["test:latest"]


async def test_with_noprune_a_made_name_lets_go_of_nothing_and_a_deleted_one_still_does(
    carol: Caller, base: str, store: Store, settings: Any
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, is_pruning=False)
    before = blobs_of(store)

    await carol.post("/api/create", {"model": "TEST", "from": "test", "system": "Say bye!"})
    after = blobs_of(store)
    body = {"model": "test"}
    await carol.http.request("DELETE", "/api/delete", json=body, headers=carol.headers)

    assert before < after
    assert GOLDEN["Say hi!"] in blobs_of(store)
    assert GOLDEN["Say bye!"] not in blobs_of(store)


async def test_a_known_format_brings_its_template_and_its_stops(
    carol: Caller, store: Store
) -> None:
    jinja = (
        "{% for message in messages %}{{'<|' + message['role'] + '|>' + '\n'"
        " + message['content'] + '<|end|>\n' }}{% endfor %}<|assistant|>"
    )
    data = build_gguf(
        [
            text_value("general.architecture", "test"),
            text_value("tokenizer.chat_template", jinja),
        ]
    )

    made = await carol.post(
        "/api/create", {"model": "phi", "files": {"phi.gguf": blob(store, data)}}
    )

    assert "using autodetected template phi-3" in [line["status"] for line in lines_of(made)]
    assert layers_of(store, "phi")[1:] == [
        ("template", GOLDEN["phi-3"]),
        ("params", GOLDEN["phi-3 stops"]),
    ]


async def test_the_row_of_a_made_model_says_what_its_layers_say(
    carol: Caller, base: str, store: Store
) -> None:
    def look() -> Model:
        return Model.objects.get(name="test:latest")

    model = await in_thread(look)()

    assert model.system == "Say hi!"
    assert model.parameters["top_k"] == 10
    assert model.state == ModelState.ADDED
    assert not model.is_published


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "invalid model name"),
    ({"model": "../x", "from": "test"}, 400, "invalid model name"),
    ({"model": "x"}, 400, "neither 'from' or 'files' was specified"),
    ({"model": "x", "files": {}}, 400, "no files provided to convert"),
    ({"model": "x", "from": "-bad-"}, 400, "invalid model name"),
    ({"model": "x", "files": {"a.gguf": ""}}, 400, "invalid digest format"),
    ({"model": "x", "files": {"/a.gguf": MINIMAL_SHA}}, 400, "file path must be relative"),
    ({"model": "x", "files": {"a/../b": MINIMAL_SHA}}, 400, "file path must be relative"),
    ({"model": "x", "files": {"a//b": MINIMAL_SHA}}, 400, "file path must be relative"),
    (
        {"model": "x", "from": "test", "draft_quantize": "Q8_0"},
        400,
        "--draft-quantize requires a DRAFT model",
    ),
    (
        {"model": "x", "from": "test", "template": "{{ .Prompt"},
        400,
        "template error: template: :1: unclosed action",
    ),
    (
        {"model": "x", "from": "test", "template": "{{ if .Prompt }}"},
        400,
        "template error: template: :1: unexpected EOF",
    ),
    (
        {"model": "x", "from": "test", "template": "{{ Prompt }}"},
        400,
        'template error: template: :1: function "Prompt" not defined',
    ),
    (
        {"model": "x", "from": "test", "quantize": "Q9"},
        500,
        "unsupported quantization type Q9 - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0",
    ),
    (
        {"model": "x", "from": "test", "adapters": {"a": MINIMAL_SHA, "b": MINIMAL_SHA}},
        400,
        "only one adapter is currently supported",
    ),
    (
        {"model": "x", "from": "test", "info": {"model_family": 3}},
        400,
        'info field "model_family" must be a string',
    ),
    (
        {"model": "x", "from": "test", "info": {"context_length": "3"}},
        400,
        'info field "context_length" must be a number',
    ),
    (
        {"model": "x", "from": "test", "info": {"embedding_length": -3}},
        400,
        'info field "embedding_length" must be a non-negative integer',
    ),
    (
        {"model": "x", "from": "gpt", "remote_host": "https://ollama.com"},
        403,
        "ollama cloud is disabled: remote model is unavailable",
    ),
]


async def test_what_cannot_be_made_is_refused_in_their_words(
    carol: Caller, base: str, store: Store
) -> None:
    before = blobs_of(store)

    for body, status, message in REFUSALS:
        for stream in (False, True):
            refused = await carol.post("/api/create", {**body, "stream": stream})

            assert (refused.status_code, refused.json()) == (status, {"error": message}), body
    assert blobs_of(store) == before


async def test_an_error_after_the_first_line_is_the_last_line(carol: Caller, store: Store) -> None:
    digest = blob(store, b"something else")
    body = {"model": "x", "files": {"a.gguf": digest}}

    streamed = await carol.post("/api/create", body)
    whole = await carol.post("/api/create", {**body, "stream": False})
    unknown = await carol.post("/api/create", {"model": "x", "files": {"a.txt": digest}})

    assert streamed.status_code == 200
    assert lines_of(streamed) == [
        {"status": "parsing GGUF"},
        {"error": "supplied file was not in GGUF format"},
    ]
    assert (whole.status_code, whole.json()) == (
        400,
        {"error": "supplied file was not in GGUF format"},
    )
    assert (unknown.status_code, unknown.json()) == (400, {"error": "unknown type"})


@pytest.mark.threat("E24")
async def test_a_place_on_this_machine_is_refused_whether_it_exists_or_not(
    carol: Caller, base: str, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "there.gguf").write_bytes(MINIMAL)
    (tmp_path / "link.gguf").symlink_to(tmp_path / "there.gguf")
    (tmp_path / "folder").mkdir()
    places = [str(tmp_path / name) for name in ("there.gguf", "link.gguf", "folder", "absent")]
    places += ["/dev/random", "/etc/passwd", "/etc/absent", "./there.gguf", "~/.bashrc"]

    for place in places:
        for body, said in (
            ({"from": place}, "invalid model name"),
            ({"files": {"a.gguf": place}}, "invalid digest format"),
            ({"from": "test", "adapters": {"a.gguf": place}}, "invalid digest format"),
            ({"from": "test", "draft_files": {"a.gguf": place}}, "invalid digest format"),
        ):
            refused = await carol.post("/api/create", {"model": "x", **body})

            assert (refused.status_code, refused.json()) == (400, {"error": said}), place
    for path in ("/etc/passwd", str(tmp_path / "there.gguf"), "a/../../b", "../there.gguf"):
        refused = await carol.post("/api/create", {"model": "x", "files": {path: MINIMAL_SHA}})

        assert refused.json() == {"error": "file path must be relative"}


@pytest.mark.threat("E24")
async def test_a_link_among_the_blobs_is_as_absent_as_nothing(
    carol: Caller, store: Store, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.gguf"
    outside.write_bytes(MINIMAL)
    link = store.blob_path(Digest(MINIMAL_SHA))
    link.parent.mkdir()
    link.symlink_to(outside)
    absent = hashlib.sha256(b"absent").hexdigest()

    answers = [
        (await carol.post("/api/create", {"model": "x", "files": {"a.gguf": digest}})).text
        for digest in (MINIMAL_SHA, absent)
    ]

    assert answers[0].replace(MINIMAL_SHA, "") == answers[1].replace(absent, "")
    assert "is not here" in answers[0]


@pytest.mark.threat("E9")
async def test_a_blob_that_is_not_what_its_name_says_makes_no_model(
    carol: Caller, store: Store
) -> None:
    wrong = store.blob_path(Digest(MINIMAL_SHA))
    wrong.parent.mkdir()
    wrong.write_bytes(MINIMAL[:-1] + b"T")

    refused = await carol.post(
        "/api/create", {"model": "x", "files": {"a.gguf": MINIMAL_SHA}, "stream": False}
    )

    assert refused.status_code == 500
    assert "is not what its name says" in refused.json()["error"]
    assert store.all() == []


@pytest.mark.threat("B15")
async def test_only_who_looks_after_models_makes_one(
    alice: Caller, carol: Caller, base: str, store: Store, http: httpx.AsyncClient
) -> None:
    dave = await in_thread(make_person)("dave@example.com", is_staff=True, is_superuser=True)
    with_the_scope = Caller(
        dave, await in_thread(make_secret)(dave, scopes=[KeyScope.MANAGE]), http
    )
    # He looked after models once, and has kept his key.
    await in_thread(Person.objects.filter(id=dave.id).update)(is_staff=False, is_superuser=False)
    body = {"model": "mine", "from": "test", "stream": False}

    answers = [await caller.post("/api/create", body) for caller in (alice, with_the_scope, carol)]

    assert [answer.status_code for answer in answers] == [403, 403, 200]


async def test_two_files_become_weights_and_a_projector(carol: Caller, store: Store) -> None:
    weights = build_gguf(
        [text_value("general.architecture", "llama"), number_value("llama.block_count", 1)]
    )
    eyes = build_gguf([text_value("general.architecture", "clip")])
    files = {"a-eyes.gguf": blob(store, eyes), "model.gguf": blob(store, weights)}

    await carol.post("/api/create", {"model": "seeing", "files": files})

    stored = store.manifest(ModelName.parse("seeing"))
    assert [kind for kind, _ in layers_of(store, "seeing")] == ["model", "projector"]
    config = json.loads(store.read_document(stored.manifest.config.digest))
    assert (config["model_family"], config["model_families"]) == ("llama", ["llama"])


async def test_a_model_keeps_what_its_base_says_of_its_code(
    carol: Caller, base: str, store: Store
) -> None:
    first = {"model": "one", "from": "test", "renderer": "qwen3", "requires": "0.14.0"}
    await carol.post("/api/create", first)
    await carol.post("/api/create", {"model": "two", "from": "one", "parser": "qwen3"})

    manifest: Manifest = store.manifest(ModelName.parse("two")).manifest
    config = json.loads(store.read_document(manifest.config.digest))
    assert (config["renderer"], config["parser"], config["requires"]) == (
        "qwen3",
        "qwen3",
        "0.14.0",
    )


async def test_parts_of_one_file_become_one_file(carol: Caller, store: Store) -> None:
    def part(number: int, name: str, data: bytes) -> str:
        values = [
            text_value("general.architecture", "test"),
            number_value("split.no", number),
            number_value("split.count", 2),
            number_value("split.tensors.count", 2),
        ]
        described = [tensor(name, shape=(8,), kind=0, offset=0)]
        return blob(store, build_gguf(values, tensors=described, data=data))

    files = {
        "big-00001-of-00002.gguf": part(0, "one", b"1" * 32),
        "big-00002-of-00002.gguf": part(1, "two", b"2" * 32),
    }
    whole = build_gguf(
        [text_value("general.architecture", "test")],
        tensors=[
            tensor("one", shape=(8,), kind=0, offset=0),
            tensor("two", shape=(8,), kind=0, offset=32),
        ],
        data=b"1" * 32 + b"2" * 32,
    )

    made = await carol.post("/api/create", {"model": "big", "files": files})
    del files["big-00001-of-00002.gguf"]
    lost = await carol.post("/api/create", {"model": "x", "files": files, "stream": False})

    assert lines_of(made)[-1] == {"status": "success"}
    assert layers_of(store, "big") == [("model", hashlib.sha256(whole).hexdigest())]
    assert lost.status_code == 400
    assert "every number once" in lost.json()["error"]


async def test_an_adapter_and_a_draft_are_layers_of_their_own(
    carol: Caller, base: str, store: Store
) -> None:
    lora = build_gguf(
        [text_value("general.architecture", "test"), text_value("general.type", "adapter")]
    )
    draft = build_gguf([text_value("general.architecture", "little")])

    await carol.post(
        "/api/create",
        {
            "model": "tuned",
            "from": "test",
            "adapters": {"lora.gguf": blob(store, lora)},
            "draft_files": {"draft.gguf": blob(store, draft)},
        },
    )

    kinds = [kind for kind, _ in layers_of(store, "tuned")]
    assert kinds == ["model", "template", "system", "license", "messages", *ADDED]


ADDED = ("adapter", "draft", "params")
