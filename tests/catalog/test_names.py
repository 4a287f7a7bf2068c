"""Names and digests: what is one, what is not, and what can become part of a path."""

import random
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.names import Digest, ModelName, NotADigest, NotAName
from portal.catalog.storage.store import Store

HEX = "89a2116c3a82d6a97f59f748d86ed4417214353fd178ee54df418fde32495fad"


@pytest.mark.parametrize(
    ("written", "short", "full"),
    [
        ("llama3", "llama3:latest", "registry.ollama.ai/library/llama3:latest"),
        ("llama3:8b", "llama3:8b", "registry.ollama.ai/library/llama3:8b"),
        ("me/llama3", "me/llama3:latest", "registry.ollama.ai/me/llama3:latest"),
        ("library/llama3", "llama3:latest", "registry.ollama.ai/library/llama3:latest"),
        ("hf.co/me/repo:Q4_K_M", "hf.co/me/repo:Q4_K_M", "hf.co/me/repo:Q4_K_M"),
        ("host/library/m:t", "host/library/m:t", "host/library/m:t"),
        (
            "_why/_the/_lucky:_stiff",
            "_why/_the/_lucky:_stiff",
            "_why/_the/_lucky:_stiff",
        ),
        ("host:5000/ns/m", "host:5000/ns/m:latest", "host:5000/ns/m:latest"),
        ("https://host/ns/m:t", "host/ns/m:t", "host/ns/m:t"),
        ("registry.ollama.ai/library/m:t", "m:t", "registry.ollama.ai/library/m:t"),
        ("Qwen2.5:0.5B", "Qwen2.5:0.5B", "registry.ollama.ai/library/Qwen2.5:0.5B"),
        ("m" * 80 + ":" + "t" * 80, "m" * 80 + ":" + "t" * 80, None),
    ],
)
def test_a_name_is_read_from_right_to_left(written: str, short: str, full: str | None) -> None:
    name = ModelName.parse(written)

    assert name.short == short
    assert full is None or name.full == full
    assert ModelName.parse(name.short) == name
    assert ModelName.of_path(name.path) == name


@pytest.mark.parametrize(
    "written",
    [
        *("", ":", "/", "-h/n/m:t", "h/-n/m:t", "h/n/-m:t", "h/n/m:-t", "mm:", ":t", "/nn/mm"),
        *("hh//", "hh//mm", "m@d", "m@sha256:" + HEX, "host/name:space/model:tag", "a/b/c/d:t"),
        *("h/n.n/m:t", "m m", "m:t t", "modèle", "m:t\n", "m\0", "..", "../m", "n/..", "h/../m"),
        *("m:..", ".hidden", "m:.t", "m" * 81, "m:" + "t" * 81, "n" * 81 + "/m", "٣:٣", "m\\n"),
        *("h" * 351 + "/n/m", "https://m", "https:///n/m", "://h/n/m"),
    ],
)
def test_what_is_no_name_is_refused(written: str) -> None:
    with pytest.raises(NotAName):
        ModelName.parse(written)


def test_names_that_differ_in_case_only_are_the_same_model() -> None:
    assert ModelName.parse("LLaMA3:8B").folded == ModelName.parse("llama3:8b").folded
    assert ModelName.parse("LLaMA3:8B").short == "LLaMA3:8B"


@pytest.mark.threat("E1")
@pytest.mark.parametrize(
    "written",
    [
        *("", HEX[:-1], HEX + "0", HEX + "\n", "\n" + HEX, HEX.upper(), HEX[:-1] + "G"),
        *(HEX[:-1] + "٣", HEX[:-1] + "\0", "../" + HEX[3:], f"sha256-{HEX}", f"sha1:{HEX}"),
        *(f"sha256:sha256:{HEX}", "/" + HEX[1:], HEX[:32] + "/" + HEX[33:], "." * 64),
    ],
)
def test_what_is_no_digest_is_refused(written: str) -> None:
    with pytest.raises(NotADigest):
        Digest.parse(written)


def test_a_digest_is_read_with_and_without_its_prefix() -> None:
    assert (
        Digest.parse(HEX) == Digest.parse(f"sha256:{HEX}") == Digest.of_file_name(f"sha256-{HEX}")
    )
    assert str(Digest.parse(HEX)) == f"sha256:{HEX}"


@pytest.mark.threat("E1")
@given(st.text(st.characters(codec=None), max_size=100))
def test_any_text_is_a_path_below_the_root_or_refused(written: str) -> None:
    root = Path("/srv/models")
    try:
        path = root / "manifests" / ModelName.parse(written).path
    except NotAName:
        pass
    else:
        assert path.is_relative_to(root / "manifests")
        assert ".." not in path.parts
    try:
        blob = Store(root).blob_path(Digest.parse(written))
    except NotADigest:
        return
    assert blob.parent == root / "blobs"


@pytest.mark.threat("E1")
def test_texts_one_step_from_a_digest_or_a_name_never_leave_the_root() -> None:
    dice = random.Random(20261122)  # noqa: S311 - dice with a seed, no secret
    odd = ["\n", "\0", "..", "/", "\\", "A", "٣", "\u212a", " ", "%2e", "\ud800", ":", "-", "."]
    for _ in range(5_000):
        base = dice.choice([HEX, "h/n/m:t", "sha256-" + HEX])
        at = dice.randrange(len(base) + 1)
        written = base[:at] + dice.choice(odd) + base[at + dice.choice([0, 1]) :]
        try:
            path = ModelName.parse(written).path
        except NotAName:
            pass
        else:
            assert len(path.parts) == 4
            assert not path.is_absolute()
            assert all(part[0] not in ".-/" for part in path.parts)
        try:
            digest = Digest.parse(written)
        except NotADigest:
            continue
        assert digest.hex == HEX


@pytest.mark.parametrize("path", ["a", "a/b/c", "a/b/c/d/e", "a/b/c/.hidden", "a/-b/c/d"])
def test_only_four_valid_levels_are_a_manifest(path: str) -> None:
    with pytest.raises(NotAName):
        ModelName.of_path(PurePosixPath(path))
