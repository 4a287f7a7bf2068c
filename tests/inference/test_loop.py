"""What the runner's loop tells, and when: nothing is said to have begun before it has."""

import os
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard, cast
from uuid import UUID

import pytest

from inference import protocol
from inference.engine.engine import Engine
from inference.engine.updates import Called, Over, Read, Said, Update
from inference.holdings import Holdings
from inference.inbox import Claim
from inference.loop import Drain, Drop, Loop, Stop, Submit
from inference.outbox import Outbox
from inference.protocol import End, Piece, Reading, Taken
from inference.waiting import HandBack
from inference.words import Mouth
from tests.inference.conftest import MakeRequest


class ScriptedEngine:
    """Does in each step what the test says; holds whatever it was given."""

    def __init__(self) -> None:
        self.aboard: list[UUID] = []
        self.steps: list[list[Update]] = []
        self.on_step: Callable[[], None] = lambda: None
        self.on_last_step: Callable[[], None] = lambda: None

    @property
    def is_idle(self) -> bool:
        return not self.steps

    def submit(self, request: protocol.Request) -> None:
        self.aboard.append(request.generation_id)

    def stop(self, generation_id: UUID) -> None:
        self.steps.append([Over(generation_id, "stopped", "", protocol.Stats())])

    def drop(self, generation_id: UUID) -> None:
        self.aboard.remove(generation_id)

    def step(self) -> list[Update]:
        self.on_step()
        updates = self.steps.pop(0)
        if not self.steps:
            self.on_last_step()
        return updates

    def close(self) -> None:
        pass


class Told:
    """In place of an outbox: what would be sent. Everything sent is gone at once."""

    is_full = False

    def __init__(self) -> None:
        self.events: list[tuple[UUID, protocol.Event | HandBack]] = []

    def open(self, generation_id: UUID, *, attempt: int, number: int) -> None:
        pass

    def put(self, generation_id: UUID, event: protocol.Event | HandBack) -> None:
        self.events.append((generation_id, event))

    def drop(self, generation_id: UUID, *, attempt: int) -> None:
        pass

    def flush(self) -> None:
        pass

    def of(self, generation_id: UUID) -> list[protocol.Event | HandBack]:
        return [event for each, event in self.events if each == generation_id]


class Rig:
    """A loop with one hand on each side of it."""

    def __init__(self, mouth: Mouth) -> None:
        self.seconds = 0.0
        self.engine, self.told = ScriptedEngine(), Told()
        self.holdings = Holdings(mouth, slots=4)
        self.loop = Loop(
            name="here-1",
            queue_name="queue",
            make_engine=lambda _about_to_run: cast("Engine", self.engine),
            holdings=self.holdings,
            outbox=cast("Outbox", self.told),
            mouth=mouth,
            beat_seconds=0.01,
            load_ns=0,
            on_drain=lambda: None,
            clock=lambda: self.seconds,
        )

    def take(self, request: protocol.Request, **claim: Any) -> UUID:
        generation_id = request.generation_id
        self.holdings.add(generation_id, attempt=request.attempt, score=1.0)
        self.loop.mail.put(Submit(claim=Claim(request=request, score=1.0, first_number=1, **claim)))
        return generation_id

    def run(self) -> None:
        """Until the last step of the engine, then the orderly end."""
        self.engine.on_last_step = lambda: self.loop.mail.put(Drain(grace_seconds=0))

        def is_taking_over() -> bool:
            for generation_id, attempt in self.holdings.attempts().items():
                self.holdings.release(generation_id, attempt=attempt)  # as if all had been sent
            return True

        self.loop.run(is_taking_over)


@pytest.fixture
def rig() -> Iterator[Rig]:
    ear, mouth = os.pipe()
    yield Rig(Mouth(mouth))
    os.close(ear)
    os.close(mouth)


def test_what_is_held_and_not_begun_is_not_said_to_be_read(
    rig: Rig, make_request: MakeRequest
) -> None:
    begun, waiting = rig.take(make_request()), rig.take(make_request())
    rig.engine.steps = [
        [Read(begun, 0, 9), Read(begun, 9, 9), Said(begun, "Hello", "answer")],
        [Over(begun, "done", "", protocol.Stats())],
    ]

    rig.run()

    assert [type(event) for event in rig.told.of(begun)] == [Taken, Reading, Reading, Piece, End]
    assert [type(event) for event in rig.told.of(waiting)] == [HandBack]


def test_one_that_ends_while_it_waits_has_a_whole_stream(
    rig: Rig, make_request: MakeRequest
) -> None:
    stopped = rig.take(make_request())
    late = rig.take(make_request(), is_expired=True)
    rig.loop.mail.put(Stop(generation_id=stopped))

    rig.run()

    for generation_id, why in ((stopped, "stopped"), (late, "failed")):
        first, last = rig.told.of(generation_id)
        assert isinstance(first, Taken)
        assert isinstance(last, End)
        assert last.why == why


def test_how_long_an_answer_was_thought_about_is_told_with_its_end(
    rig: Rig, make_request: MakeRequest
) -> None:
    wordy, calling, silent, plain = (rig.take(make_request()) for _ in range(4))
    rig.engine.on_step = lambda: setattr(rig, "seconds", rig.seconds + 1)
    call = protocol.ToolCall(name="look", arguments="{}", id="1")
    stats = protocol.Stats(answer_tokens=7)
    rig.engine.steps = [
        [Said(each, "Hm", "thinking") for each in (wordy, calling, silent)],
        # Held back still: its chances are told, and no word.
        [Said(wordy, "", "answer"), Said(plain, "Hello", "answer")],
        [Said(wordy, "Well", "thinking")],
        [Said(wordy, "Yes.", "answer"), Called(calling, call)],
        [Said(wordy, " And", "thinking"), Said(wordy, " no.", "answer")],
        [Over(each, "done", "", stats) for each in (wordy, calling, silent, plain)],
    ]

    rig.run()

    told = {each: rig.told.of(each)[-1] for each in (wordy, calling, silent, plain)}
    seconds = {each: end.stats.thinking_ns / 1e9 for each, end in told.items() if _is_whole(end)}
    assert seconds == {wordy: 3, calling: 3, silent: 5, plain: 0}


def test_nothing_is_remembered_of_thoughts_that_were_given_up(
    rig: Rig, make_request: MakeRequest
) -> None:
    request = make_request()
    thinker = rig.take(request)
    rig.engine.steps = [[Said(thinker, "Hm", "thinking")], []]
    rig.engine.on_step = lambda: rig.loop.mail.put(
        Drop(generation_id=thinker, attempt=request.attempt)
    )

    rig.run()

    assert rig.loop._thoughts.taken(thinker, now=99.0) == 0


def _is_whole(end: object) -> TypeGuard[Any]:
    return isinstance(end, End) and end.stats is not None
