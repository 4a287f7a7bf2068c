"""The recorder: every piece once, whatever dies; and exactly one end, whoever comes first."""

import itertools
import random
from uuid import uuid4

import pytest

from inference import protocol
from portal import faults
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.chat import actions
from portal.chat.models import Conversation, Generation, State
from portal.streams import transcript as streams
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def send(person: Person, conversation: Conversation):
    return actions.send_message(
        person,
        conversation_id=conversation.id,
        text="Hello",
        client_key=uuid4(),
        model_name="scripted:latest",
    )


def test_what_runs_is_stored_about_once_a_second(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("one ")
    brain.later(1)
    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.RUNNING, "one ")
    assert generation.started_at is not None

    held.says("two ").thinks("hm")
    brain.steps()
    generation.refresh_from_db()
    assert generation.text == "one "
    brain.later(1)
    generation.refresh_from_db()
    assert (generation.text, generation.thinking) == ("one two ", "hm")
    assert generation.recorded_number == 4


def test_the_end_has_text_reason_and_statistics_and_frees_redis(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    worker.takes().says("long").ends("length")
    brain.steps()

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.COMPLETE, "length")
    assert generation.stats["answer_tokens"] == 5
    assert generation.request == {}
    assert not worker.redis.exists(protocol.request_key(generation.id))
    assert 0 < worker.redis.ttl(protocol.events_key(generation.id)) <= streams.KEPT_SECONDS
    assert brain.woken == [(alice.id, conversation.id)]


@pytest.mark.threat("H7")
@pytest.mark.fault
@pytest.mark.parametrize("point", ["piece.recorded", "end.recorded", "stream.expired"])
@pytest.mark.parametrize("occurrence", [1, 2, 3])
def test_a_recorder_killed_at_any_point_writes_the_exact_text_once(
    alice: Person,
    conversation: Conversation,
    worker: Worker,
    brain: Brain,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    occurrence: int,
) -> None:
    generation = send(alice, conversation)
    passed = 0

    def at(name):
        nonlocal passed
        passed += name == point
        if name == point and passed == occurrence:
            raise faults.Broken(point)

    monkeypatch.setattr(faults, "at", at)
    held = worker.takes()
    for number in range(5):
        held.says(f"piece {number} ")
        _step_or_restart(brain)
    held.ends()
    for _again in range(3):
        _step_or_restart(brain)

    generation.refresh_from_db()
    assert generation.text == "piece 0 piece 1 piece 2 piece 3 piece 4 "
    assert generation.state == State.COMPLETE
    assert generation.recorded_number == held.number
    assert Entry.objects.filter(act="generation.ended").count() == 1
    assert worker.redis.ttl(protocol.events_key(generation.id)) > 0


@pytest.mark.threat("H7")
def test_a_restart_at_random_moments_leaves_the_text_exact(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    seed = 20261122
    chance = random.Random(seed)  # noqa: S311 - a test's dice, its seed is printed
    generation = send(alice, conversation)
    held = worker.takes()
    expected = ""
    for number in range(200):
        expected += f"{number},"
        held.says(f"{number},")
        if chance.random() < 0.3:
            brain.later(chance.choice([0.1, 1.1]))
        if chance.random() < 0.1:
            brain.restarts()
    held.ends()
    brain.restarts()
    brain.steps()

    generation.refresh_from_db()
    assert generation.text == expected, f"seed {seed}"


@pytest.mark.threat("H8")
@pytest.mark.parametrize(
    "order", list(itertools.permutations(["finish", "stop", "crash", "silence"]))
)
def test_finish_stop_crash_and_reaper_in_any_order_give_exactly_one_end(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain, order: tuple[str, ...]
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("some text")
    brain.later(1)
    acts = {
        "finish": lambda: held.ends(),
        "stop": lambda: actions.stop_generation(alice, generation.id),
        "crash": lambda: worker.dies(held, how="killed"),
        "silence": held.loses_its_lease,
    }
    for act in order:
        acts[act]()
        brain.steps()
    brain.later(5)

    generation.refresh_from_db()
    assert generation.is_over
    assert generation.text == "some text"
    assert Entry.objects.filter(act="generation.ended").count() == 1
    transcript = streams.Transcript(attempt=1)
    streams.read_on(generation.id, transcript)
    assert transcript.end is not None
    assert transcript.text == "some text"


@pytest.mark.threat("H8")
def test_all_four_at_once_give_exactly_one_end(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("some text")
    brain.later(1)

    held.ends()
    worker.dies(held, how="killed")
    actions.stop_generation(alice, generation.id)
    other = type(brain)()
    for each in (brain, other, brain, other):
        each.steps()

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "some text")
    assert Entry.objects.filter(act="generation.ended").count() == 1


@pytest.mark.threat("F17")
def test_a_worker_that_wakes_after_its_lease_writes_nothing_more(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    paused = worker.takes()
    brain.later(1)
    paused.loses_its_lease()
    brain.later(1)

    second = worker.takes()
    assert second.request.attempt == 2
    paused.says("late ", "pieces")
    assert len(paused.refused) == 2
    second.says("The answer.").ends()
    paused.ends()
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.text, generation.attempt) == ("The answer.", 2)
    assert generation.state == State.COMPLETE


@pytest.mark.threat("F17")
def test_pieces_of_an_older_attempt_are_refused_by_the_database_too(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    from portal.chat import endings

    generation = send(alice, conversation)
    Generation.objects.filter(id=generation.id).update(attempt=2)
    late = streams.Transcript.at(attempt=1, number=5, text="late")
    late.end = protocol.End(why="done")

    assert not endings.note_progress({generation.id: late})
    assert not endings.end(generation.id, late)
    assert not endings.try_again(generation.id, attempt=1, deaths=1)
    generation.refresh_from_db()
    assert (generation.text, generation.state) == ("", State.QUEUED)


@pytest.mark.threat("F4")
@pytest.mark.fault
def test_a_worker_killed_at_any_piece_leaves_the_text_marked_interrupted(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    for seed in range(40):
        chance = random.Random(seed)  # noqa: S311 - a test's dice, its seed is the loop's
        generation = send(alice, conversation)
        held = worker.takes()
        said = ""
        for number in range(chance.randrange(6)):
            said += f"{number} "
            held.says(f"{number} ")
            if chance.random() < 0.4:
                brain.later(1)
        if chance.random() < 0.5:
            worker.dies(held, how="killed")
        else:
            held.loses_its_lease()
            brain.later(1)
        brain.later(1)
        brain.later(1)
        generation.refresh_from_db()
        if said:
            assert (generation.state, generation.text) == (State.INTERRUPTED, said), seed
            assert generation.reason == "died", seed
        else:
            worker.answers("Second try.")
            brain.later(1)
            generation.refresh_from_db()
            assert (generation.state, generation.text) == (State.COMPLETE, "Second try."), seed


def test_a_hole_in_the_stream_is_never_shown_as_whole(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes().says("one ", "two ")
    brain.later(1)
    held.number += 3
    held.says("six ").ends()
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.INTERRUPTED, "lost")
    assert generation.text == "one two "


@pytest.mark.threat("G2")
def test_rubbish_on_the_stream_and_in_the_news_is_passed_over(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes()
    for rubbish in (b"", b"{}", b"\xff\xfe", b'{"type":"piece","text":1}', b"[" * 5000):
        held.number += 1
        worker.redis.xadd(protocol.events_key(generation.id), {"e": rubbish}, id=f"1-{held.number}")
    worker.redis.xadd(protocol.NEWS, {"generation": "not-an-id"})
    worker.redis.xadd(protocol.NEWS, {"else": "x"})
    worker.redis.xadd(protocol.DEATHS, {"death": b"rubbish"})
    held.says("fine").ends()
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "fine")
    assert worker.redis.xlen(protocol.DEATHS) == 0
    assert worker.redis.xlen(protocol.DEAD_LETTERS) == 1


@pytest.mark.threat("G8")
def test_an_hour_without_a_recorder_loses_nothing(
    alice: Person, conversation: Conversation, worker: Worker, brain: Brain
) -> None:
    generation = send(alice, conversation)
    held = worker.takes()
    for number in range(3_000):
        held.says(f"{number} ")
    held.ends()
    assert worker.redis.ttl(protocol.events_key(generation.id)) == -1

    brain.later(3600)

    generation.refresh_from_db()
    assert generation.text == "".join(f"{number} " for number in range(3_000))


def _step_or_restart(brain: Brain):
    try:
        brain.later(1)
    except faults.Broken:
        brain.restarts()
