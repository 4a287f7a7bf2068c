"""The recorder's loop goes on whatever is away, says that it lives, and ends when it is told."""

import threading
from typing import Any

import pytest

from portal import faults
from portal.chat.keeping import keep_recording
from portal.streams.news import BEAT
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


class Stop(threading.Event):
    """Set after so many rounds; its waits take no time."""

    def __init__(self, *, rounds: int) -> None:
        super().__init__()
        self._rounds = rounds

    def is_set(self) -> bool:
        self._rounds -= 1
        return self._rounds < 0

    def wait(self, timeout: float | None = None) -> bool:
        return False


def test_it_beats_while_it_works(brain: Brain, worker: Worker) -> None:
    _keep_recording(brain, rounds=2)

    assert 0 < worker.redis.ttl(BEAT) <= 5


@pytest.mark.threat("H1")
@pytest.mark.parametrize("error", ["redis", "database", "ours"])
def test_it_outlives_what_is_away(
    brain: Brain, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    from django.db import OperationalError

    errors: dict[str, Any] = {
        "redis": ConnectionError(),
        "database": OperationalError("database is locked"),
        "ours": faults.Broken("piece.recorded"),
    }
    rounds = 0
    step = brain.recorder.step

    def fails_at_first() -> None:
        nonlocal rounds
        rounds += 1
        if rounds < 3:
            raise errors[error]
        step()

    monkeypatch.setattr(brain.recorder, "step", fails_at_first)
    _keep_recording(brain, rounds=4)

    assert rounds == 4
    assert worker.redis.exists(BEAT)


def test_a_schedule_of_faults_names_known_points_only() -> None:
    assert faults.parse("message.committed:1:kill") == {("message.committed", 1): "kill"}
    for wrong in ("message.committed:1", "nowhere:1:kill", "tab.sent:x:kill", "tab.sent:1:melt"):
        with pytest.raises(faults.BadSchedule):
            faults.parse(wrong)
    assert faults.ours({"PORTAL_FAULTS": "step.before:1:kill,tab.sent:2:error"}) == {
        ("tab.sent", 2): "error"
    }
    assert faults.ours({}) == {}


def _keep_recording(brain: Brain, *, rounds: int) -> None:
    keep_recording(
        brain.recorder,
        brain.reaper,
        brain.trials,
        brain.nexts,
        stop=Stop(rounds=rounds),
        clock=brain.clock,
    )
