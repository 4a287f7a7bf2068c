"""Headers of model files, sound and hostile: numbers, or a refusal, and never a long wait."""

import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gguffile import header, memory
from gguffile.header import NotAGguf
from gguffile.size import Size
from tests.catalog.gguf_files import build_gguf, number_value, tensor, text, text_value
from tests.doubles.tinymodels import write_gemma3, write_llama

pytestmark = pytest.mark.threat("E17")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("models") / "sound.gguf").read_bytes()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_sound_header_gives_what_memory_depends_on(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "m.gguf", layers=3, width=96, heads=6, kv_heads=3, context=512)

    read = header.read(path)

    assert read.architecture == "llama"
    assert read.own("block_count") == 3
    assert read.own("context_length") == 512
    assert read.own_each("attention.head_count_kv", count=3) == (3, 3, 3)
    assert read.length_of("tokenizer.ggml.tokens") == 512
    sizes = {tensor.name: tensor.size_bytes for tensor in read.tensors}
    assert sizes["blk.2.attn_k.weight"] == 96 // 6 * 3 * 96 * 2
    assert sum(sizes.values()) < path.stat().st_size
    assert read.own("no.such.key", 7) == 7


def test_a_list_of_numbers_a_layer_is_read_and_a_short_one_filled(tmp_path: Path) -> None:
    listed = text("t.heads") + struct.pack("<IIQ2I", 9, 4, 2, 5, 3)
    data = build_gguf([text_value("general.architecture", "t"), listed])

    read = header.read(written(tmp_path / "m", data))

    assert read.own("heads") == 5
    assert read.own_each("heads", count=3, default=1) == (5, 3, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF",
        b"GGML" + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
        b"GGUF" + struct.pack("<IQQ", 3, 60_000, 60_000),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62),
        build_gguf([text("k") + struct.pack("<I", 77)]),
        build_gguf([text("k") + struct.pack("<IIQ", 9, 8, 2**60)]),
        build_gguf([text("k") + struct.pack("<IIQ", 9, 4, 2**60)]),
        build_gguf([text("k") + struct.pack("<IIQ", 9, 9, 1)]),
        build_gguf([text("k") + struct.pack("<IQ", 8, 2**60)]),
        build_gguf([], tensors=[text("t") + struct.pack("<I", 2**31)]),
        build_gguf([], tensors=[tensor("t", shape=(1,), kind=0, offset=2**40)]),
        build_gguf([number_value("general.alignment", 0)], tensors=[b"x"]),
    ],
)
def test_counts_that_cannot_be_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAGguf):
        header.read(written(tmp_path / "m", data))


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(NotAGguf):
        header.read(tmp_path / "pipe")
    with pytest.raises(NotAGguf):
        header.read(tmp_path)


@given(dice=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_changed_header_ends_in_numbers_or_in_a_refusal(
    sound: bytes, tmp_path_factory: pytest.TempPathFactory, dice: random.Random
) -> None:
    data = bytearray(sound[: dice.choice([len(sound), dice.randrange(len(sound))])])
    for _ in range(dice.randint(1, 8)):
        if data:
            place = dice.randrange(min(len(data), 24_000))
            data[place : place + dice.choice([1, 8])] = dice.choice(
                [b"\xff" * 8, bytes(8), b"\x7f"]
            )
    path = written(tmp_path_factory.mktemp("changed") / "m", bytes(data))

    try:
        shape = memory.shape(header.read(path))
    except NotAGguf:
        return
    way = memory.Way(slots=4, context_length=2048)
    assert memory.need(shape, way).ram_bytes > 0
    assert memory.fit(shape, way, room=Size(ram_bytes=2**30)).slots >= 1


def test_a_window_is_read_with_its_pattern(tmp_path: Path) -> None:
    read = header.read(write_gemma3(tmp_path / "m.gguf", layers=12, window=128))

    shape = memory.shape(read)

    assert shape.window == 128
    assert [layer.is_windowed for layer in shape.layers] == [*[True] * 5, False] * 2
