"""Redis restarts: intact, with its last second gone, or empty. The database is the truth (threat
G4)."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from inference import protocol
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.models import Generation, Message, State
from portal.streams import requests
from portal.streams.connection import AWAY
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.valkey import OwnValkey
from tests.doubles.worker import Held, Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]

SEEDS = range(6)


@pytest.fixture
def own(tmp_path: Path, settings: Any) -> Iterator[OwnValkey]:
    server = OwnValkey(tmp_path)
    server.start()
    settings.PORTAL = replace(settings.PORTAL, redis_url=server.url)
    yield server
    server.kill()


@pytest.fixture
def own_worker(own: OwnValkey) -> Iterator[Worker]:
    double = Worker(own.url)
    yield double
    double.close()


def send(person: Person):
    return actions.send_message(
        person,
        conversation_id=None,
        text="Hello",
        client_key=uuid4(),
        model_name="scripted:latest",
    )


@pytest.mark.threat("G4")
@pytest.mark.parametrize("loss", ["intact", "last second gone", "empty"])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_lost_or_doubled(  # noqa: C901 - one dice, many falls
    alice: Person,
    bob: Person,
    a_model: Model,
    own: OwnValkey,
    own_worker: Worker,
    brain: Brain,
    loss: str,
    seed: int,
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's dice, its seed is the parameter
    people = [alice, bob]
    asked: list[Generation] = []
    held: list[Held] = []
    when = chance.randrange(5, 25)
    kept = when - chance.randrange(1, 5)
    for moment in range(30):
        if moment == kept:
            own.keep_this_moment()
        if moment == when:
            {
                "intact": own.restart,
                "last second gone": own.restart_as_kept,
                "empty": own.restart_empty,
            }[loss]()
            held = [each for each in held if _still_holds(own_worker, each)]
        if len(asked) < 6 and chance.random() < 0.4:
            asked.append(send(chance.choice(people)))
        if chance.random() < 0.5 and (request := own_worker.pops()) is not None:
            held += [Held(request, own_worker).begins()] if own_worker.leases(request) else []
        for each in list(held):
            if chance.random() < 0.7:
                each.says(f"{each.number} ")
            elif chance.random() < 0.3:
                each.ends()
                held.remove(each)
        brain.later(chance.choice([0.1, 0.5, 1.1]))
    for each in held:
        each.ends()
    for _round in range(30):
        brain.later(2)
        while (request := own_worker.pops()) is not None:
            if own_worker.leases(request):
                Held(request, own_worker).begins().says("Whole.").ends()
        if not Generation.objects.filter(state__in=["queued", "running"]).exists():
            break

    assert Message.objects.count() == len(asked), f"seed {seed}"
    for generation in Generation.objects.all():
        assert generation.is_over, f"seed {seed}: {generation.state}"
        assert _is_unbroken(generation.text), f"seed {seed}: {generation.text!r}"
        if loss == "intact":
            assert generation.state == State.COMPLETE
        elif generation.state != State.COMPLETE:
            assert (generation.state, generation.reason) in (
                (State.INTERRUPTED, "lost"),
                (State.INTERRUPTED, "died"),
            )


@pytest.mark.threat("G4")
def test_a_running_answer_keeps_its_text_when_redis_comes_back_empty(
    alice: Person, a_model: Model, own: OwnValkey, own_worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    own_worker.takes().says("This was ", "said")
    # Read by the recorder, and not yet stored: the row would be behind.
    brain.later(1)
    own_worker.redis.ping()
    own.restart_empty()
    brain.later(1)
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.reason) == (State.INTERRUPTED, "lost")
    assert generation.text == "This was said"


@pytest.mark.threat("G4")
def test_what_was_read_between_two_writings_is_kept_too(
    alice: Person, a_model: Model, own: OwnValkey, own_worker: Worker, brain: Brain
) -> None:
    generation = send(alice)
    held = own_worker.takes().says("This was ")
    brain.later(1)
    held.says("said")
    brain.later(0.25)
    generation.refresh_from_db()
    assert generation.text == "This was "
    own.restart_empty()
    brain.later(1)
    brain.later(1)

    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.INTERRUPTED, "This was said")


@pytest.mark.threat("G4")
@pytest.mark.threat("G6")
def test_while_redis_is_away_messages_are_kept_and_answered_afterwards(
    alice: Person, a_model: Model, own: OwnValkey, own_worker: Worker, brain: Brain
) -> None:
    own.kill()
    generation = send(alice)
    assert generation.state == State.QUEUED
    with pytest.raises(AWAY):
        brain.steps()

    own.start()
    brain.steps()
    brain.later(10)
    own_worker.answers("Here.")
    brain.later(1)
    generation.refresh_from_db()
    assert (generation.state, generation.text) == (State.COMPLETE, "Here.")


@pytest.mark.threat("G4")
async def test_an_open_tab_goes_on_after_a_restart(
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    own: OwnValkey,
    own_worker: Worker,
    brain: Brain,
) -> None:
    tab = await open_tab(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = own_worker.takes().says("before ")
    await tab.until(lambda: tab.shown[generation_id].text == "before ")

    await database_sync_to_async(own.restart)()
    held.says("after").ends()

    assert (await tab.until_ended(generation_id)).text == "before after"


@pytest.mark.threat("G4")
async def test_a_tab_is_told_when_the_answer_was_lost(
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    own: OwnValkey,
    own_worker: Worker,
    brain: Brain,
) -> None:
    tab = await open_tab(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    own_worker.takes().says("before ")
    await tab.until(lambda: tab.shown[generation_id].text == "before ")
    await brain.alater(1)

    await database_sync_to_async(own.restart_empty)()
    await brain.alater(2)
    await brain.alater(2)

    shown = await tab.until_ended(generation_id)
    assert (shown.end["state"], shown.end["reason"]) == ("interrupted", "lost")
    assert shown.text == "before "


@pytest.mark.threat("G4")
async def test_what_a_tab_saw_of_a_lost_attempt_is_never_mixed_with_the_next(
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    own: OwnValkey,
    own_worker: Worker,
    brain: Brain,
) -> None:
    tab = await open_tab(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    own_worker.takes().says("seen by the tab, ", "never by the recorder")
    await tab.until(lambda: tab.shown[generation_id].number == 3)

    await database_sync_to_async(own.restart_empty)()
    await brain.alater(2)
    await brain.alater(5)
    own_worker.takes().says("a", "b", "c", "d").ends()

    shown = await tab.until_ended(generation_id)
    assert (shown.attempt, shown.text) == (2, "abcd")


@pytest.mark.threat("G7")
def test_a_redis_that_is_gone_is_noticed_within_seconds(
    alice: Person, a_model: Model, own: OwnValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.kill()
    with pytest.raises(AWAY):
        requests.waiting("x")


def _still_holds(worker: Worker, held: Held) -> bool:
    """As a runner at its next renewal: without its lease it falls silent."""
    value = worker.redis.get(protocol.lease_key(held.id))
    return bool(value == protocol.lease_value(held.request.attempt, worker.name).encode())


def _is_unbroken(text: str) -> bool:
    """The double says its own numbers, from 1 on, or one whole sentence."""
    if text in ("", "Whole."):
        return True
    return text.split() == [str(number + 1) for number in range(len(text.split()))]
