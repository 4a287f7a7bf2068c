"""How far a model is loaded is said often, and never backwards."""

from pathlib import Path

import pytest

from inference import words
from inference.reading import STEP_BYTES, Progress, reading
from tests.doubles.brain import Clock
from tests.inference.conftest import Until


class Mouth(words.Mouth):
    def __init__(self) -> None:
        self.said: list[float] = []

    def murmur(self, word: words.Word) -> None:
        assert isinstance(word, words.Loading)
        self.said.append(word.progress)


def test_a_big_file_is_seen_to_come_in_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(5 * STEP_BYTES + 1))
    told: list[float] = []

    with reading(path, tell=told.append):
        assert len(told) == 6
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_where_the_kernel_cannot_populate_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.reading.sys.platform", "darwin")
    path = tmp_path / "big"
    path.write_bytes(bytes(2 * STEP_BYTES))
    told: list[float] = []

    with reading(path, tell=told.append):
        assert told == [0.5, 1.0]


def test_a_file_larger_than_the_free_memory_is_watched_while_others_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    class Memory:
        available = 999

    counts = tmp_path / "io"
    counts.write_text("rchar: 5\nread_bytes: 100\n")
    monkeypatch.setattr("inference.reading.psutil.virtual_memory", Memory)
    monkeypatch.setattr("inference.reading._COUNTS", counts)
    path = tmp_path / "big"
    path.write_bytes(bytes(1_000))
    told: list[float] = []

    with reading(path, tell=told.append):
        until(lambda: told)
        counts.write_text("rchar: 5\nread_bytes: 600\n")
        until(lambda: 0.5 in told)
        counts.unlink()
        until(lambda: told[-1] < 0)

    assert told[0] == 0.0


def test_an_empty_file_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    told: list[float] = []

    with reading(tmp_path / "empty", tell=told.append):
        assert told == []


def test_progress_is_told_a_few_times_a_second_and_never_backwards() -> None:
    mouth, clock = Mouth(), Clock()
    progress = Progress(mouth, clock=clock)
    for step in range(101):
        clock.now += 0.1
        progress.of_reading(step / 100)
    for step in range(101):
        clock.now += 0.1
        progress.of_loading(step / 100)

    assert mouth.said == sorted(mouth.said)
    assert 50 < len(mouth.said) < 90
    assert mouth.said[-1] > 0.98
