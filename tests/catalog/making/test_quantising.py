"""A file is made smaller by llama.cpp, in a process that may be lost, with its progress."""

from pathlib import Path

import pytest

from portal.catalog.making import quantising
from portal.catalog.making.errors import NotMade, NotQuantised
from portal.catalog.names import ModelName
from portal.catalog.papers import gguf
from portal.catalog.storage.store import NoSpace, Store
from tests.catalog.gguf_files import MINIMAL, build_gguf, number_value, tensor, text_value
from tests.catalog.making.conftest import Listener
from tests.doubles import tinymodels


def sent(store: Store, data: bytes) -> str:
    staged = store.stage_bytes(data)
    store.publish(staged)
    return str(staged.digest)


def staged_files(store: Store) -> list[str]:
    return [path.name for path in store.staged_folder().iterdir() if path.suffix != ".hold"]


@pytest.fixture
def halves(tmp_path: Path, store: Store) -> str:
    """The digest of a small model of 16-bit numbers."""
    path = tinymodels.write_llama(tmp_path / "tiny.gguf", kind="f16", width=256)
    return sent(store, path.read_bytes())


def test_a_model_is_made_smaller_while_it_says_how_far_it_is(
    store: Store, listener: Listener, halves: str
) -> None:
    model = listener.make(name="small", files={"tiny.gguf": halves}, quantisation="q4_k")

    stored = store.manifest(ModelName.parse("small"))
    weights = stored.manifest.weights
    assert weights is not None
    header = gguf.read(store.blob_path(weights.digest))
    told = [line for line in listener.said if line[0] == "quantizing F16 model to Q4_K"]
    statuses = [status for status, *_ in listener.said]
    assert (header.quantization, model.quantization) == ("Q4_K_M", "Q4_K_M")
    assert str(weights.digest) != halves
    assert {(digest, total) for _, digest, total, _ in told} == {("0" * 19, told[0][2])}
    assert [completed for *_, completed in told] == sorted(completed for *_, completed in told)
    assert (told[0][3], told[-1][3]) == (0, told[-1][2])
    assert statuses.index("verifying conversion") < statuses.index("writing manifest")
    assert f"creating new layer {weights.digest}" in statuses
    assert weights.source == ""
    assert staged_files(store) == []


def test_what_has_that_kind_already_stays_as_it_is(
    store: Store, listener: Listener, halves: str
) -> None:
    listener.make(name="same", files={"tiny.gguf": halves}, quantisation="F16")

    assert f"using existing layer {halves}" in [status for status, *_ in listener.said]


def test_only_wide_numbers_are_made_smaller(store: Store, listener: Listener) -> None:
    small = build_gguf(
        [text_value("general.architecture", "test"), number_value("general.file_type", 15)]
    )

    with pytest.raises(NotMade, match="only supported for F16, BF16 and F32 models"):
        listener.make(name="x", files={"a.gguf": sent(store, small)}, quantisation="Q8_0")
    with pytest.raises(NotMade, match="only supported for F16, BF16 and F32 models"):
        listener.make(name="x", files={"a.gguf": sent(store, MINIMAL)}, quantisation="Q8_0")


def test_a_file_that_the_library_refuses_leaves_nothing_behind(
    store: Store, listener: Listener
) -> None:
    """Its header is sound; it is only not a model that anybody knows."""
    strange = build_gguf(
        [text_value("general.architecture", "nobody"), number_value("general.file_type", 1)],
        tensors=[tensor("one", shape=(32, 2), kind=1, offset=0)],
        data=bytes(128),
    )

    with pytest.raises(NotQuantised) as refused:
        listener.make(name="x", files={"a.gguf": sent(store, strange)}, quantisation="Q8_0")

    assert "nothing was harmed" in str(refused.value)
    assert staged_files(store) == []
    assert store.all() == []


@pytest.mark.threat("E12")
def test_room_for_the_whole_result_is_asked_for_first(
    store: Store, listener: Listener, halves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: Store, size_bytes: int) -> None:
        raise NoSpace(size_bytes)

    monkeypatch.setattr(Store, "reserve", full)

    with pytest.raises(NoSpace):
        listener.make(name="x", files={"tiny.gguf": halves}, quantisation="Q8_0")
    assert not [status for status, *_ in listener.said if "verifying" in status]


def test_who_no_longer_wants_it_ends_it(store: Store, listener: Listener, halves: str) -> None:
    listener.is_tired_of = "quantizing"

    with pytest.raises(InterruptedError):
        listener.make(name="x", files={"tiny.gguf": halves}, quantisation="Q8_0")

    assert staged_files(store) == []
    assert store.all() == []


@pytest.mark.parametrize("word", [b"hello\n", b'{"type":"quantised"}' * 500, b"{}\n"])
def test_a_quantiser_that_says_anything_else_is_not_believed(word: bytes) -> None:
    """It reads strangers' files, so it may be a hostile program by now."""
    with pytest.raises(quantising.QuantisingFailed):
        quantising._hear(word.strip(), told=lambda name: None)
