"""What a host has room for, and what it learns of its models. Accelerators are made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from gguffile.size import Size
from inference import settings
from inference.demand import Want
from inference.devices import Device
from inference.measured import Measured
from inference.protocol import ModelSpec
from inference.residency import Resident
from inference.sizing import Fitting, Sizing, machine_bytes
from tests.doubles.tinymodels import write_llama

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.fixture
def blob(tmp_path: Path, spec: ModelSpec) -> Path:
    (tmp_path / "blobs").mkdir()
    return write_llama(tmp_path / "blobs" / f"sha256-{spec.weights}", layers=4, width=256)


@pytest.fixture
def host(tmp_path: Path) -> "Host":
    return Host(tmp_path)


class Host:
    """A machine of the test's choice."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self.sizing = self.with_memory(8 * GIB)

    def with_memory(self, memory_bytes: int, *devices: Device, **settings_: str) -> Sizing:
        environment = {
            "OLLAMA_MODELS": str(self._models),
            "INFERENCE_MEMORY_BYTES": str(memory_bytes),
            **settings_,
        }
        sizing = Sizing(settings.read(environment))
        sizing.learn_devices(devices)
        return sizing


def want(spec: ModelSpec, sizing: Sizing) -> Want:
    return Want(
        queue=spec.queue,
        waiting=1,
        spec=spec,
        model_name="m",
        read_at=0,
        measured=sizing.measure(spec),
    )


def gpu(free: int) -> Device:
    return Device(name="GPU", free_bytes=free, total_bytes=free)


def pinned(size: Size) -> Resident:
    return Resident(queue="p", state="ready", size=size, is_pinned=True)


def test_nothing_is_ready_before_the_accelerators_are_known(tmp_path: Path) -> None:
    sizing = Sizing(settings.read({"OLLAMA_MODELS": str(tmp_path)}))
    was_ready = sizing.is_ready

    sizing.learn_devices(())

    assert (was_ready, sizing.is_ready) == (False, True)
    assert 0 < sizing.room.memory.ram_bytes <= machine_bytes()
    assert sizing.room.memory.vram_bytes == 0


def test_the_room_counts_every_accelerator_less_what_the_operator_keeps(host: Host) -> None:
    sizing = host.with_memory(GIB, gpu(3 * GIB), gpu(2 * GIB), OLLAMA_GPU_OVERHEAD=str(GIB))

    assert sizing.room.memory == Size(ram_bytes=GIB, vram_bytes=3 * GIB)
    assert sizing.room.max_models == 6
    assert host.sizing.room.max_models == 3
    assert host.with_memory(GIB, OLLAMA_MAX_LOADED_MODELS="7").room.max_models == 7


def test_a_file_is_measured_once_and_again_when_it_is_another(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    first = host.sizing.measure(spec)
    assert host.sizing.measure(spec) is first

    blob.write_bytes(b"GGUF")

    assert host.sizing.measure(spec) == Measured(trouble="BadHeader")
    blob.unlink()
    assert host.sizing.measure(spec) == Measured()


def test_projector_and_adapters_count(host: Host, spec: ModelSpec, blob: Path) -> None:
    for name, size_bytes in (("b", 5), ("c", 7)):
        blob.with_name(f"sha256-{name * 64}").write_bytes(bytes(size_bytes))
    seeing = ModelSpec(
        weights=spec.weights, context_length=4096, projector="b" * 64, adapters=("c" * 64,)
    )

    shape = host.sizing.measure(seeing).shape

    assert shape is not None
    assert shape.extra_bytes == 12


def test_pinned_models_are_left_their_room_and_others_are_not(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    sizing = host.with_memory(GIB)
    half = Size(ram_bytes=GIB // 2)

    alone = sizing.fitting(want(spec, sizing), [])
    beside = sizing.fitting(want(spec, sizing), [pinned(half)])
    beside_others = sizing.fitting(want(spec, sizing), [replace(pinned(half), is_pinned=False)])

    assert alone.way.slots == beside.way.slots == 4
    assert beside.way.park_bytes < alone.way.park_bytes
    assert beside.size.ram_bytes <= GIB // 2
    assert beside_others == beside, "somebody would have to go for the sake of parking"


def test_a_model_that_comes_first_leaves_room_for_the_next(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    sizing = host.with_memory(400 * MIB)

    first = sizing.fitting(want(spec, sizing), [])
    second = sizing.fitting(want(spec, sizing), [replace(pinned(first.size), is_pinned=False)])

    assert first.way.park_bytes > 16 * MIB
    assert second.way.slots == first.way.slots
    assert Size.total([first.size, second.size]).fits(sizing.room.memory)


def test_what_a_model_took_is_what_it_is_expected_to_take_the_next_time(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    sizing = host.sizing
    before = sizing.fitting(want(spec, sizing), [])
    told = before.size.ram_bytes - before.way.park_bytes + 200 * MIB
    found = sizing.found(before, told, vram_bytes=0)

    sizing.learn(before, found=found)

    after = sizing.fitting(want(spec, sizing), [])
    assert after.size.ram_bytes == pytest.approx(found.ram_bytes, rel=0.01)
    assert found.ram_bytes > before.size.ram_bytes + 200 * MIB


@pytest.mark.threat("E17")
@pytest.mark.parametrize("told", [1, 2**50])
def test_a_runner_is_believed_within_reason(
    host: Host, spec: ModelSpec, blob: Path, told: int
) -> None:
    fitting = host.sizing.fitting(want(spec, host.sizing), [])

    found = host.sizing.found(fitting, told, vram_bytes=0)

    assert fitting.size.ram_bytes / 2 <= found.ram_bytes <= 4 * fitting.size.ram_bytes


@pytest.mark.parametrize(
    ("of_model", "of_host", "layers"), [(None, None, 5), (2, None, 2), (None, "3", 3), (2, "3", 2)]
)
def test_the_models_own_number_of_layers_goes_before_the_hosts(
    host: Host, spec: ModelSpec, blob: Path, of_model: int | None, of_host: str | None, layers: int
) -> None:
    asked = ModelSpec(weights=spec.weights, context_length=4096, gpu_layers=of_model)
    changes = {"INFERENCE_GPU_LAYERS": of_host} if of_host else {}
    sizing = host.with_memory(8 * GIB, gpu(4 * GIB), **changes)

    fitting = sizing.fitting(want(asked, sizing), [])

    assert fitting.way.gpu_layers == layers
    assert (fitting.size.vram_bytes > 0) == (layers > 0)


@pytest.mark.threat("E17")
def test_what_is_far_larger_than_the_machine_is_not_worth_a_try(host: Host) -> None:
    assert host.sizing.could_hold(Size(ram_bytes=15 * GIB))
    assert not host.sizing.could_hold(Size(ram_bytes=17 * GIB))


def test_a_model_that_embeds_needs_one_context_and_parks_nothing(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    embedding = ModelSpec(weights=spec.weights, context_length=4096, task="embed")

    answers = host.sizing.fitting(want(spec, host.sizing), [])
    embeds = host.sizing.fitting(want(embedding, host.sizing), [])

    assert (embeds.way.slots, embeds.way.park_bytes) == (1, 0)
    assert embeds.size.ram_bytes < answers.size.ram_bytes


def test_a_model_that_only_loads_alone_gets_one_slot_and_the_whole_of_its_context(
    host: Host, spec: ModelSpec, blob: Path
) -> None:
    wanted = want(spec, host.sizing)

    usual = host.sizing.fitting(wanted, []).way
    alone = host.sizing.fitting(wanted, [], is_alone=True).way

    assert usual.slots > 1
    assert (alone.slots, alone.context_length) == (1, usual.context_length)


def test_without_a_header_nothing_is_expected_and_the_wish_stands(spec: ModelSpec) -> None:
    sizing = Sizing(settings.read({"INFERENCE_BACKEND": "scripted"}))

    fitting = sizing.fitting(want(spec, sizing), [])

    assert sizing.is_ready
    assert isinstance(fitting, Fitting)
    assert (fitting.size, fitting.way.slots) == (Size(), 4)
    sizing.learn(fitting, found=Size(ram_bytes=1))
