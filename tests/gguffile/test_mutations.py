"""A thousand files a few bytes from good ones: a verdict in words, soon, in little memory.

What passes is then reckoned with as the worker does, so that no number in it can do harm there.
"""

import io
import random
import resource
import struct
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gguffile import header, memory
from gguffile.header import Header, NotAGguf
from gguffile.memory import Way
from gguffile.size import Size
from tests.catalog.gguf_files import (
    build_gguf,
    chat_gguf,
    number_value,
    tensor,
    text,
    text_value,
)
from tests.doubles.tinymodels import write_gemma3, write_llama, write_mamba

pytestmark = [pytest.mark.threat("E17")]

FILES = 1_000
SEEDS = (17, 2026)
MAX_PEAK_BYTES = 64 * 1024 * 1024
EXTREMES = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
ARCHITECTURE = text_value("general.architecture", "llama")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Headers of several families, each with little behind it."""
    place = tmp_path_factory.mktemp("good")
    writers: tuple[Callable[[Path], Path], ...] = (write_llama, write_gemma3, write_mamba)
    written = [write(place / write.__name__).read_bytes() for write in writers]
    return [chat_gguf(), *written]


def judged(data: bytes) -> str:
    """The verdict: `read`, or the words of the refusal. Whatever else is raised fails the test."""
    try:
        read = header.read_open(io.BytesIO(data))
    except NotAGguf as error:
        return str(error)
    _reckon(read)
    return "read"


def _reckon(read: Header) -> None:
    shape = memory.shape(read)
    way = Way(slots=4, context_length=131_072)
    assert memory.need(shape, way).ram_bytes > 0
    assert memory.most_at_once(shape, way, room=Size(ram_bytes=2**30)) in range(5)
    assert read.chat_template is not None
    assert read.quantization


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mutated_file_gets_a_verdict_in_words(good: list[bytes], seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - dice with a seed, no secret
    verdicts: Counter[str] = Counter()
    slowest_seconds = 0.0
    tracemalloc.start()
    for _ in range(FILES // len(SEEDS)):
        data = mutated(dice.choice(good), dice)
        began = time.process_time()
        verdicts[judged(data)] += 1
        slowest_seconds = max(slowest_seconds, time.process_time() - began)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    refused = sum(verdicts.values()) - verdicts["read"]
    assert min(refused, verdicts["read"]) > 50, verdicts
    assert len(verdicts) > 8, "the mutations hit only a few of the checks"
    assert all(" " in words for words in verdicts if words != "read")
    assert peak_bytes < MAX_PEAK_BYTES
    assert slowest_seconds < 10


def mutated(good: bytes, dice: random.Random) -> bytes:
    """Mostly within the header: what comes behind it is never read."""
    data = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        if len(data) > 8:
            at = dice.randrange(4, min(len(data), 24_000))
            dice.choice(DEEDS)(data, at, dice)
    return bytes(data)


Deed = Callable[[bytearray, int, random.Random], None]


def _flip(data: bytearray, at: int, dice: random.Random) -> None:
    data[at] ^= 1 << dice.randrange(8)


def _long_number(data: bytearray, at: int, dice: random.Random) -> None:
    data[at : at + 8] = struct.pack("<Q", dice.choice(EXTREMES))


def _short_number(data: bytearray, at: int, dice: random.Random) -> None:
    data[at : at + 4] = struct.pack("<I", dice.choice(EXTREMES) % 2**32)


def _take_out(data: bytearray, at: int, dice: random.Random) -> None:
    del data[at : at + dice.randint(1, 16)]


def _put_in(data: bytearray, at: int, dice: random.Random) -> None:
    data[at:at] = dice.randbytes(dice.randint(1, 16))


def _say_twice(data: bytearray, at: int, dice: random.Random) -> None:
    data[at:at] = data[at : at + dice.randint(8, 200)]


def _cut(data: bytearray, at: int, dice: random.Random) -> None:
    del data[dice.randrange(8, len(data)) :]


DEEDS: tuple[Deed, ...] = (
    *(_flip, _long_number, _short_number, _take_out),
    *(_put_in, _say_twice, _cut),
)


def _long_list(kind: int, length: int) -> bytes:
    return text("key") + struct.pack("<IIQ", 9, kind, length)


# What a clever hand would write, each alone in an otherwise sound file.
BY_HAND: dict[str, bytes] = {
    **{
        f"a text of {n} bytes": build_gguf([text("k") + struct.pack("<IQ", 8, n)])
        for n in EXTREMES[1:]
    },
    **{f"a key of {n} bytes": build_gguf([struct.pack("<Q", n)]) for n in EXTREMES[4:]},
    **{f"a list of {n} texts": build_gguf([_long_list(8, n)]) for n in EXTREMES[2:]},
    **{f"a list of {n} bytes": build_gguf([_long_list(0, n)]) for n in EXTREMES[2:]},
    **{f"a list of {n} doubles": build_gguf([_long_list(12, n)]) for n in EXTREMES[2:]},
    **{f"{n} keys": b"GGUF" + struct.pack("<IQQ", 3, 0, n) for n in EXTREMES[1:]},
    **{f"{n} tensors": b"GGUF" + struct.pack("<IQQ", 3, n, 0) for n in EXTREMES[1:]},
    "lists within lists": build_gguf([_long_list(9, 1) + _long_list(9, 1) * 5_000]),
    "a type of its own": build_gguf([text("k") + struct.pack("<II", 13, 0)]),
    "the same key twice": build_gguf([number_value("k", 1)] * 2),
    "a tensor of nothing": build_gguf(
        [ARCHITECTURE], tensors=[tensor("t", shape=(0, 8), kind=0, offset=0)], data=bytes(64)
    ),
    "a tensor that wraps around": build_gguf(
        [ARCHITECTURE],
        tensors=[tensor("t", shape=(2**32, 2**32), kind=0, offset=0)],
        data=bytes(64),
    ),
    "tensors over each other": build_gguf(
        [ARCHITECTURE],
        tensors=[
            tensor("a", shape=(64,), kind=0, offset=0),
            tensor("b", shape=(64,), kind=0, offset=128),
        ],
        data=bytes(1024),
    ),
    "a tensor behind the end": build_gguf(
        [ARCHITECTURE], tensors=[tensor("t", shape=(64,), kind=0, offset=2**63)], data=bytes(64)
    ),
    "a tensor longer than the file": build_gguf(
        [ARCHITECTURE], tensors=[tensor("t", shape=(64,), kind=0, offset=0)], data=bytes(64)
    ),
    "an alignment of nothing": build_gguf([number_value("general.alignment", 0)]),
}


@pytest.mark.parametrize("data", BY_HAND.values(), ids=BY_HAND)
def test_what_a_clever_hand_writes_is_refused(data: bytes) -> None:
    assert judged(data) != "read"


@pytest.mark.threat("E21")
@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize(
    "key",
    [
        *("block_count", "context_length", "embedding_length", "feed_forward_length"),
        *("attention.head_count", "attention.head_count_kv", "attention.key_length", "vocab_size"),
        *("attention.sliding_window", "expert_used_count", "full_attention_interval"),
        *("ssm.inner_size", "ssm.state_size", "ssm.conv_kernel", "wkv.head_size"),
    ],
)
def test_no_number_makes_the_reckoning_long_or_large(key: str, value: int) -> None:
    """Four thousand million layers are counted to no further than there are tensors."""
    data = build_gguf(
        [ARCHITECTURE, text(f"llama.{key}") + struct.pack("<IQ", 10, value)],
        tensors=[tensor("blk.0.attn_q.weight", shape=(8,), kind=0, offset=0)],
        data=bytes(32),
    )
    tracemalloc.start()
    began = time.process_time()

    assert judged(data) == "read"

    assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    assert time.process_time() - began < 5
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["blk.²", "blk.9" * 12, "blk.", "blk..x", "blk.-1.x"])
def test_odd_names_of_tensors_belong_to_no_layer(name: str) -> None:
    data = build_gguf(
        [ARCHITECTURE, number_value("llama.block_count", 3)],
        tensors=[tensor(name, shape=(8,), kind=0, offset=0)],
        data=bytes(32),
    )

    assert judged(data) == "read"


def test_the_most_that_fits_the_bounds_is_read_without_much_memory(tmp_path: Path) -> None:
    """As many texts as may be, all of them empty, in a file that has every byte it claims."""
    count = header.MAX_STRINGS // 8
    path = tmp_path / "long.gguf"
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _long_list(8, count))
        file.write(bytes(8 * count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    read = header.read(path)

    assert read.length_of("key") == count
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
