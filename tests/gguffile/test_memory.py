"""What a model will need, against what the library then says that it took."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gguffile import header, memory
from gguffile.memory import LEAST_CONTEXT, CacheType, Layer, Shape, Way, fit, need
from gguffile.size import Size
from inference.devices import Device
from tests.doubles.tinymodels import write_gemma3, write_llama, write_mamba
from tests.inference.conftest import ROOT

MIB = 1024 * 1024
STARTER = Path(
    os.environ.get("PORTAL_STARTER_GGUF")
    or ROOT / "var" / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"
)
# How far the formula may be from the library's own figures: 5 %, and 4 MiB for small ones.
TOLERANCE, ROUNDING = 0.05, 4 * MIB

WRITERS: dict[str, Callable[[Path], Path]] = {
    "wide": lambda path: write_llama(
        path, layers=4, width=512, heads=8, kv_heads=2, feed_forward=4096, vocabulary=1024
    ),
    "wordy": lambda path: write_llama(path, layers=2, width=128, vocabulary=9_000),
    "windowed": lambda path: write_gemma3(
        path, layers=12, width=256, heads=4, kv_heads=4, window=256
    ),
    "recurrent": lambda path: write_mamba(path, layers=8, width=256, state=64),
}


def assert_near(
    path: Path, *, slots: int, context_length: int, cache_type: CacheType = "f16"
) -> None:
    from inference.engine import llama

    backend = llama.load(
        path,
        context_length=context_length,
        slots=slots,
        gpu_layers=0,
        kv_type=cache_type,
    )
    found = backend.sizes.total_bytes
    backend.close()
    shape = memory.shape(header.read(path))
    way = Way(slots=slots, context_length=context_length)
    expected = need(shape, replace(way, cache_type=cache_type)).ram_bytes
    expected -= memory.PROCESS_BYTES + memory.PROCESS_BYTES_PER_TOKEN * shape.vocabulary
    assert abs(expected - found) <= TOLERANCE * found + ROUNDING


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("slots", [1, 4])
def test_the_estimate_is_what_the_library_takes(tmp_path: Path, kind: str, slots: int) -> None:
    path = WRITERS[kind](tmp_path / "m.gguf")

    assert_near(path, slots=slots, context_length=2048)


@pytest.mark.model
@pytest.mark.parametrize("cache_type", ["f16", "q8_0", "q4_0"])
def test_the_estimate_of_the_starter_model_is_right_for_every_kind_of_cache(
    cache_type: CacheType,
) -> None:
    assert STARTER.exists(), "`make setup` fetches the starter model"

    assert_near(STARTER, slots=4, context_length=2048, cache_type=cache_type)


# ── Made-up machines ────────────────────────────────────────────────────────────────────────────


def model(*, layers: int = 10, layer: int = 100 * MIB, elements: int = 1024) -> Shape:
    """A gigabyte of layers, and a hundred megabytes at either end."""
    return Shape(
        layers=(Layer(weight_bytes=layer, cache_elements=elements),) * layers,
        input_bytes=100 * MIB,
        output_bytes=100 * MIB,
        width=1024,
        feed_forward=4096,
        vocabulary=32_000,
        trained_context=32_768,
    )


def device(free: int, *, is_shared: bool = False) -> Device:
    return Device(name="GPU", free_bytes=free, total_bytes=free, is_shared=is_shared)


WISH = Way(slots=4, context_length=8192, park_bytes=512 * MIB)
GIB = 1024 * MIB
PLENTY = Size(ram_bytes=64 * GIB, vram_bytes=64 * GIB)


def test_with_plenty_of_memory_the_whole_wish_is_granted_all_of_it_on_the_accelerator() -> None:
    on_processor = fit(model(), WISH, room=PLENTY)
    on_gpu = fit(model(), WISH, room=PLENTY, devices=[device(64 * GIB)])

    assert on_processor == WISH
    assert on_gpu == replace(WISH, gpu_layers=11)
    size = need(model(), on_gpu, devices=[device(64 * GIB)])
    assert size.vram_bytes > 10 * 100 * MIB
    assert size.ram_bytes < GIB + WISH.park_bytes


def test_where_memory_is_short_parking_goes_first_then_slots_then_context() -> None:
    granted = []
    for ram in range(9 * GIB, GIB, -32 * MIB):
        way = fit(model(), WISH, room=Size(ram_bytes=ram))
        if need(model(), way).fits(Size(ram_bytes=ram)):
            granted.append(way)

    parks = [way.park_bytes for way in granted if way.slots == 4]
    assert parks == sorted(parks, reverse=True)
    assert [way.slots for way in granted] == sorted((way.slots for way in granted), reverse=True)
    assert {way.slots for way in granted if way.context_length < 8192} == {1}
    assert min(way.context_length for way in granted) == LEAST_CONTEXT
    assert granted[0] == WISH


def test_a_model_that_does_not_fit_goes_to_the_accelerator_in_part() -> None:
    room = Size(ram_bytes=64 * GIB, vram_bytes=GIB + 512 * MIB)
    devices = [device(room.vram_bytes)]

    way = fit(model(), WISH, room=room, devices=devices)

    assert 0 < way.gpu_layers < 10
    assert need(model(), way, devices=devices).fits(room)
    more = replace(way, gpu_layers=way.gpu_layers + 1)
    assert not need(model(), more, devices=devices).fits(room)
    assert (way.slots, way.context_length) == (4, 8192)


def test_fewer_slots_come_before_leaving_layers_beside_the_processor() -> None:
    whole = need(model(), replace(WISH, slots=2, gpu_layers=11), devices=[device(GIB)])
    room = Size(ram_bytes=64 * GIB, vram_bytes=whole.vram_bytes)

    way = fit(model(), WISH, room=room, devices=[device(GIB)])

    assert (way.slots, way.gpu_layers) == (2, 11)


def test_on_several_accelerators_room_is_kept_for_a_layer_that_cannot_be_divided() -> None:
    room = Size(ram_bytes=64 * GIB, vram_bytes=3 * GIB // 2)
    one, two = [device(3 * GIB // 2)], [device(3 * GIB // 4)] * 2

    on_one = fit(model(), WISH, room=room, devices=one)
    on_two = fit(model(), WISH, room=room, devices=two)

    assert on_one.gpu_layers > on_two.gpu_layers > 0
    assert need(model(), on_two, devices=two).fits(room)


@pytest.mark.parametrize(("asked", "layers"), [(0, 0), (3, 3), (500, 11)])
def test_layers_that_somebody_asked_for_are_not_chosen(asked: int, layers: int) -> None:
    way = fit(model(), WISH, room=PLENTY, devices=[device(GIB)], gpu_layers=asked)

    assert way.gpu_layers == layers
    assert fit(model(), WISH, room=PLENTY, gpu_layers=asked).gpu_layers == 0


def test_memory_that_the_accelerator_shares_with_the_processor_is_counted_there_too() -> None:
    way = replace(WISH, gpu_layers=11)

    own = need(model(), way, devices=[device(GIB)])
    shared = need(model(), way, devices=[device(GIB, is_shared=True)])

    assert shared.ram_bytes == own.ram_bytes + own.vram_bytes


@pytest.mark.threat("E21")
def test_a_file_that_promises_millions_of_tokens_gets_what_there_is_room_for() -> None:
    boastful = replace(model(), trained_context=2**40)
    room = Size(ram_bytes=6 * GIB)

    way = fit(boastful, replace(WISH, context_length=16_777_216), room=room)

    assert need(boastful, way).fits(room)
    assert (way.slots, way.context_length) == (1, 131_072)


def test_heads_that_no_block_divides_keep_their_cache_in_halves() -> None:
    odd = replace(model(), can_quantise_cache=False)

    assert fit(odd, replace(WISH, cache_type="q8_0"), room=PLENTY).cache_type == "f16"


@given(
    ram=st.integers(0, 16 * GIB),
    vram=st.integers(0, 4 * GIB),
    layers=st.integers(0, 40),
    devices=st.integers(0, 3),
)
def test_what_fits_fits_and_what_does_not_is_the_smallest_way(
    ram: int, vram: int, layers: int, devices: int
) -> None:
    room = Size(ram_bytes=ram, vram_bytes=vram if devices else 0)
    machine = [device(vram // devices) for _ in range(devices)]
    shape = model(layers=layers)

    way = fit(shape, WISH, room=room, devices=machine)

    if not need(shape, way, devices=machine).fits(room):
        assert (way.slots, way.context_length, way.park_bytes) == (1, LEAST_CONTEXT, 0)
    assert 0 <= way.gpu_layers <= (layers + 1 if devices else 0)
