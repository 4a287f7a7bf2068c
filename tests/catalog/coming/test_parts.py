"""A GGUF in parts becomes the file it was, to the byte; parts of different models do not."""

import hashlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from portal.catalog.coming import parts
from portal.catalog.models import Model
from portal.catalog.papers import gguf
from tests.catalog.gguf_files import build_gguf, number_value, tensor, text_value, texts_value

SHAPES = {"one": (32, 2), "two": (256,), "three": (8,), "four": (32, 5), "five": (3,)}
VALUES = [
    text_value("general.architecture", "llama"),
    number_value("general.file_type", 0),
    texts_value("tokenizer.ggml.tokens", ["a", "b", "ü", "<|im_start|>"]),
    number_value("llama.context_length", 2048),
]


def small_value(key: str, kind: int, form: str, value: int) -> bytes:
    return struct.pack("<Q", len(key)) + key.encode() + struct.pack(f"<I{form}", kind, value)


def whole(names: Sequence[str], values: list[bytes], *, alignment: int = 32) -> bytes:
    """As the engine's own writer makes it: every tensor padded, the last one too."""
    described, data = [], b""
    for name in names:
        described.append(tensor(name, shape=SHAPES[name], kind=0, offset=len(data)))
        size = 4
        for length in SHAPES[name]:
            size *= length
        data += hashlib.sha256(name.encode()).digest() * (size // 32 + 1)
        data = data[: len(data) - (32 * (size // 32 + 1) - size)]
        data += b"\0" * (-len(data) % alignment)
    head = build_gguf(values, tensors=described)
    end = len(b"GGUF") + 20 + sum(map(len, values)) + sum(map(len, described))
    return head[:end] + b"\0" * (-end % alignment) + data


def of_the_split(number: int, count: int, tensors: int) -> list[bytes]:
    return [
        small_value("split.no", 2, "H", number),
        small_value("split.count", 2, "H", count),
        small_value("split.tensors.count", 5, "i", tensors),
    ]


@pytest.fixture
def split(tmp_path: Path) -> Callable[..., Path]:
    """Writes the parts of the model; gives the path of the first."""

    def write(
        *shares: Sequence[str], values: list[bytes] = VALUES, alignment: int = 32, **wrong: int
    ) -> Path:
        total = wrong.get("total", sum(len(share) for share in shares))
        for number, share in enumerate(shares):
            said = wrong.get("number", number)
            own = of_the_split(said, wrong.get("count", len(shares)), total)
            first = [*values, *own] if number == 0 else own
            if number and alignment != 32:
                first = [number_value("general.alignment", alignment), *own]
            path = tmp_path / f"m-{number + 1:05d}-of-{len(shares):05d}.gguf"
            path.write_bytes(whole(share, first, alignment=alignment))
        return tmp_path / f"m-00001-of-{len(shares):05d}.gguf"

    return write


def merged(first: Path) -> bytes:
    target = first.with_name("merged")
    parts.merge(parts.of(first), target=target, reserve=lambda _size: None)
    return target.read_bytes()


@pytest.mark.parametrize(
    "shares",
    [
        [["one", "two", "three", "four", "five"]],
        [["one"], ["two"], ["three"], ["four"], ["five"]],
        [["one", "two"], ["three", "four", "five"]],
        [[], ["one", "two", "three"], ["four", "five"]],  # metadata alone in the first
    ],
)
def test_the_parts_become_the_file_that_was_split(
    split: Callable[..., Path], shares: list[list[str]]
) -> None:
    assert merged(split(*shares)) == whole(list(SHAPES), VALUES)


def test_another_alignment_is_kept(split: Callable[..., Path]) -> None:
    values = [*VALUES, number_value("general.alignment", 64)]

    data = merged(split(["one", "two"], ["three", "four", "five"], values=values, alignment=64))

    assert data == whole(list(SHAPES), values, alignment=64)


@pytest.mark.parametrize(
    "wrong", [{"number": 0}, {"count": 3}, {"total": 6}], ids=["twice", "of three", "one missing"]
)
def test_parts_that_are_not_of_one_model_are_refused(
    split: Callable[..., Path], wrong: dict[str, int]
) -> None:
    first = split(["one", "two"], ["three"], **wrong)

    with pytest.raises(parts.NotTheseParts):
        merged(first)


def test_the_same_tensor_in_two_parts_is_refused(split: Callable[..., Path]) -> None:
    with pytest.raises(parts.NotTheseParts):
        merged(split(["one"], ["one"]))


def test_a_missing_part_is_named(split: Callable[..., Path]) -> None:
    first = split(["one"], ["two"], ["three"])
    first.with_name("m-00002-of-00003.gguf").unlink()

    with pytest.raises(parts.NotTheseParts, match=r"m-00002-of-00003\.gguf is missing"):
        parts.of(first)
    with pytest.raises(parts.NotTheseParts, match="name the first"):
        parts.of(first.with_name("m-00003-of-00003.gguf"))


@pytest.mark.threat("E20")
def test_a_link_in_the_place_of_a_part_is_no_part(
    split: Callable[..., Path], tmp_path: Path
) -> None:
    first = split(["one"], ["two"])
    second = first.with_name("m-00002-of-00002.gguf")
    second.rename(tmp_path / "elsewhere")
    second.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(parts.NotTheseParts, match="missing"):
        parts.of(first)


@pytest.mark.parametrize("name", ["m.gguf", "m-1-of-2.gguf", "m-00001-of-00002.bin", "m-00001"])
def test_other_names_are_single_files(tmp_path: Path, name: str) -> None:
    assert parts.of(tmp_path / name) == []


def test_importmodel_takes_the_first_part_for_all(
    split: Callable[..., Path], store_root: Path, db: None
) -> None:
    first = split(["one", "two"], ["three", "four", "five"])

    call_command("importmodel", str(first), "merged:1")

    data = whole(list(SHAPES), VALUES)
    model = Model.objects.get()
    assert model.weights == hashlib.sha256(data).hexdigest()
    assert len(gguf.read(store_root / "blobs" / f"sha256-{model.weights}").tensors) == 5
    assert list((store_root / "staged").iterdir()) == []


def test_what_cannot_be_merged_leaves_nothing_behind(
    split: Callable[..., Path], store_root: Path, db: None
) -> None:
    first = split(["one"], ["one"])

    with pytest.raises(CommandError, match="not a usable GGUF file"):
        call_command("importmodel", str(first), "merged:1")

    assert not Model.objects.exists()
    assert [path for path in store_root.rglob("*") if path.is_file()] == []
