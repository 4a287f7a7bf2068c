"""Temporary conversations leave nothing; deleted ones nothing after a day (threats B11, H15)."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.apps import apps
from django.utils import timezone

from portal import clock
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.models import Conversation, Generation, Message
from portal.order import leaving
from portal.search.models import Passage
from tests.doubles.brain import Brain
from tests.doubles.said import said
from tests.doubles.tab import OpenTab, Tab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "xylophonequartz"


async def begun(tab: Tab) -> str:
    return str((await tab.says("temporary.begin"))["conversation"]["id"])


async def test_a_temporary_conversation_is_in_no_list_and_no_search(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    conversation_id = await begun(tab)
    await tab.asks(f"My {CANARY}", conversation_id=conversation_id)
    worker.answers(f"Your {CANARY}")
    await brain.asteps()

    assert (await tab.says("conversations.list"))["conversations"] == []
    assert (await tab.says("shelf.list", shelf="archive"))["conversations"] == []
    assert (await tab.says("hello"))["conversations"] == []
    found = await tab.says("search", words=CANARY)
    assert (found["titles"], found["hits"]) == ([], [])
    assert await database_sync_to_async(Passage.objects.count)() == 0
    opened = await tab.says("conversation.open", conversation_id=conversation_id)
    assert [m["text"] for m in opened["messages"]] == [f"My {CANARY}"], "it is there while it lasts"


@pytest.mark.threat("H15")
async def test_nothing_of_a_temporary_conversation_is_left_when_it_is_left(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    conversation_id = await begun(tab)
    await tab.asks(f"My {CANARY}", conversation_id=conversation_id)
    worker.answers(f"Your {CANARY}")
    await brain.asteps()
    assert await database_sync_to_async(lambda: list(_places(worker)))()

    assert (await tab.says("temporary.end", conversation_id=conversation_id))["type"] == "ok"

    assert await database_sync_to_async(lambda: list(_places(worker)))() == []
    assert (await tab.says("conversation.open", conversation_id=conversation_id))[
        "code"
    ] == "not-found"


@pytest.mark.threat("H15")
async def test_left_in_the_middle_of_an_answer_it_goes_once_the_model_has_stopped(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    conversation_id = await begun(tab)
    await tab.asks(f"My {CANARY}", conversation_id=conversation_id)
    held = worker.takes().says(f"Your {CANARY}")

    await tab.says("temporary.end", conversation_id=conversation_id)
    assert held.was_asked_to_stop
    held.ends("stopped")
    await brain.asteps()
    await database_sync_to_async(leaving.purge_left)()

    assert await database_sync_to_async(lambda: list(_places(worker)))() == []


@pytest.mark.threat("H15")
def test_a_temporary_conversation_whose_tab_was_closed_goes_after_an_hour(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = said(alice, (CANARY, CANARY))
    Conversation.objects.update(is_temporary=True)

    assert leaving.purge_left() == 0
    _in(monkeypatch, minutes=61)
    assert leaving.purge_left() == 1

    assert not Conversation.objects.filter(id__in=[conversation.id]).exists()


async def test_a_temporary_conversation_can_be_kept_after_all(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    conversation_id = await begun(tab)
    await tab.asks("Where is the sea?", conversation_id=conversation_id)
    worker.answers("At the shore")
    await brain.asteps()

    kept = await tab.says("temporary.keep", conversation_id=conversation_id)

    assert kept["conversation"]["title"] == "Where is the sea?"
    assert not kept["conversation"]["is_temporary"]
    listed = (await tab.says("conversations.list"))["conversations"]
    assert [each["id"] for each in listed] == [conversation_id]
    refused = await tab.says("temporary.end", conversation_id=conversation_id)
    assert refused["code"] == "not-found", "this door removes for good, and only what is temporary"


@pytest.mark.threat("B11")
@pytest.mark.threat("H15")
def test_a_deleted_conversation_leaves_the_database_after_a_day_and_no_other_does(
    alice: Person, bob: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, staying = said(alice, (CANARY, CANARY)), said(bob, ("Q", "A"))
    leaving.delete(alice, lambda: [going])

    assert leaving.purge_left() == 0
    _in(monkeypatch, minutes=24 * 60 + 1)
    assert leaving.purge_left() == 1

    assert list(_places(worker)) == []
    assert list(Conversation.objects.all()) == [staying]
    assert (Message.objects.count(), Generation.objects.count()) == (1, 1)


def _in(monkeypatch: pytest.MonkeyPatch, *, minutes: float) -> None:
    later = timezone.now() + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(clock, "now", lambda: later)


def _places(worker: Worker) -> Iterator[str]:
    """Everywhere that the canary still is: every table, and every key of Redis."""
    for model in apps.get_models():
        for row in model._default_manager.values():
            if CANARY in str(row):
                yield model._meta.label
    redis: Any = worker.redis
    for key in redis.scan_iter():
        if CANARY.encode() in _value(redis, key):
            yield str(key)


def _value(redis: Any, key: bytes) -> bytes:
    match redis.type(key):
        case b"string":
            return bytes(redis.get(key) or b"")
        case b"stream":
            return repr(redis.xrange(key)).encode()
        case b"hash":
            return repr(redis.hgetall(key)).encode()
        case b"list":
            return repr(redis.lrange(key, 0, -1)).encode()
        case b"set":
            return repr(redis.smembers(key)).encode()
        case _:
            return repr(redis.zrange(key, 0, -1)).encode()
