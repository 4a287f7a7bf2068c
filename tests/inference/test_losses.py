"""Why a runner died, and whether an accelerator is missing: read from what is left (F2, F3)."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference import deaths, losses, oom, settings
from inference.devices import Device
from inference.losses import Losses
from inference.oom import MemoryKills

CARD = Device(name="card", free_bytes=1, total_bytes=2)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("status", "others", "told"),
    [
        (-signal.SIGKILL, {}, ("killed", "SIGKILL")),
        (-signal.SIGTERM, {}, ("killed", "SIGTERM")),
        (-signal.SIGABRT, {}, ("crashed", "SIGABRT")),
        (-signal.SIGKILL, {"is_condemned": True}, ("stalled", "SIGKILL")),
        (4, {}, ("crashed", "exit 4")),
        pytest.param(
            -signal.SIGKILL,
            {"is_short_of_memory": True},
            ("crashed", "out-of-memory"),
            marks=pytest.mark.threat("F2"),
        ),
        pytest.param(6, {}, ("crashed", "out-of-memory"), marks=pytest.mark.threat("F2")),
        pytest.param(5, {}, ("crashed", "device-lost"), marks=pytest.mark.threat("F3")),
    ],
)
def test_how_a_runner_ended(status: int, others: dict[str, Any], told: tuple[str, str]) -> None:
    circumstances = {"is_condemned": False, "is_short_of_memory": False, **others}

    assert deaths.how(status, **circumstances) == told


@pytest.mark.threat("F3")
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CUDA error: unspecified launch failure", 5),
        ("ROCm error: an illegal memory access was encountered", 5),
        ("CUDA error: out of memory", 6),
        ("vk::Queue::submit: ErrorDeviceLost", 5),
        ("vk::Device::allocateMemory: ErrorOutOfDeviceMemory", 6),
        ("allocating 512.00 MiB on device 0: cudaMalloc failed: out of memory", None),
        ("llama_model_load: error loading model: unknown architecture", None),
    ],
)
def test_the_last_words_of_the_library_say_what_to_end_with(line: str, status: int | None) -> None:
    assert deaths.exit_for(line) == status


@pytest.mark.threat("F2")
def test_only_a_fresh_kill_of_the_kernel_explains_a_death(tmp_path: Path) -> None:
    count, clock = tmp_path / "memory.events", Clock()
    count.write_text("oom 1\noom_kill 7\n")
    kills = MemoryKills([count, tmp_path / "absent"], clock=clock)
    assert not kills.is_recent()

    count.write_text("oom 2\noom_kill 8\n")
    kills.look()

    assert kills.is_recent()
    clock.now += oom.RECENT_SECONDS
    assert not kills.is_recent()


class Bench:
    """Accelerators that a test takes away and puts back."""

    def __init__(self, *cards: Device, **environment: str) -> None:
        self.clock = Clock()
        self.cards = list(cards)
        config = settings.read({"INFERENCE_HOST": "here", **environment})
        self.losses = Losses(config, ask=lambda: self.cards, clock=self.clock)
        self.losses.learn(self.cards)

    def told(self) -> tuple[str, bool]:
        return self.losses.trouble, self.losses.is_lasting


@pytest.mark.threat("F3")
def test_a_lost_card_stops_all_loading_until_it_answers_again() -> None:
    bench = Bench(CARD)
    assert bench.told() == ("", False)

    bench.losses.note_loss()
    bench.losses.learn([])

    assert bench.told() == ("device-lost", False)
    bench.clock.now += losses.LASTING_SECONDS
    assert bench.told() == ("device-lost", True)
    bench.losses.learn([CARD])
    assert bench.told() == ("", False)


@pytest.mark.threat("F3")
def test_a_configured_card_that_was_never_there_is_missing_too() -> None:
    assert Bench(INFERENCE_GPU_LAYERS="20").losses.trouble == "device-lost"
    assert Bench().losses.trouble == ""


@pytest.mark.threat("F3")
def test_the_processor_takes_over_only_where_an_operator_said_so() -> None:
    bench = Bench(CARD, INFERENCE_CPU_FALLBACK="1")

    bench.losses.note_loss()
    bench.losses.learn([])

    assert bench.losses.trouble == ""
