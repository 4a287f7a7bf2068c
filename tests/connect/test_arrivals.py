"""The page hears of a device's request the moment it comes, and of nobody else's."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from portal.accounts import keys
from portal.accounts.models import ApiKey, Person
from portal.connect import waiting
from portal.connect.verdicts import verdict_of

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = ": waiting\n\n"
# Less than a heartbeat: what comes within it was a wake-up.
PATIENCE_SECONDS = 60.0

Listen = Callable[[ApiKey], Awaitable[AsyncIterator[bytes]]]


@pytest.fixture
async def browser(alice: Person, end_of_loop: None) -> AsyncClient:
    browser = AsyncClient()
    await browser.aforce_login(alice)
    return browser


async def make_key(person: Person) -> ApiKey:
    made: tuple[ApiKey, str] = await database_sync_to_async(keys.make_key)(person, name="laptop")
    return made[0]


@pytest.fixture
async def stream(browser: AsyncClient) -> AsyncIterator[Listen]:
    """Opens the page's stream, and closes it as a page does that is left."""
    opened: list[Any] = []

    async def listen(key: ApiKey) -> AsyncIterator[bytes]:
        response: Any = await browser.get(f"/connect/devices/{key.pk}/arrivals/")
        assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
        assert response["X-Accel-Buffering"] == "no"
        # As the view made it: Django's own iterator around it cannot be closed.
        opened.append(response._iterator)
        return aiter(response._iterator)

    yield listen
    for each in opened:
        await each.aclose()


async def heard(news: AsyncIterator[bytes]) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await anext(news)).decode()


async def used(key: ApiKey, act: str = "models", status: int = 200) -> None:
    use = keys.Use(client="ChatBox 1.20.0, OpenAI API", act=act, status=status)
    await database_sync_to_async(keys.note_use)(key, use)


async def test_the_first_request_is_told_when_it_comes(stream: Listen, alice: Person) -> None:
    key = await make_key(alice)
    news = await stream(key)
    assert await heard(news) == WAITING

    await used(key)
    told = json.loads((await heard(news)).removeprefix("data: "))

    assert told == {
        "sentence": "It works: ChatBox 1.20.0, OpenAI API read the list of your models."
        " Pick one there and ask.",
        "is_good": True,
    }
    await used(key, act="chat", status=404)
    assert '"is_good": false' in await heard(news)


async def test_what_came_before_the_page_listened_is_told_at_once(
    stream: Listen, alice: Person
) -> None:
    key = await make_key(alice)
    await used(key, act="chat")

    assert "was answered" in await heard(await stream(key))


@pytest.mark.threat("B2")
async def test_another_key_of_hers_wakes_the_page_and_tells_nothing(
    stream: Listen, alice: Person, bob: Person
) -> None:
    key, other, his = await make_key(alice), await make_key(alice), await make_key(bob)
    news = await stream(key)
    assert await heard(news) == WAITING

    await used(his)
    await used(other)

    assert await heard(news) == WAITING


@pytest.mark.threat("A7")
@pytest.mark.parametrize("how", ["revoked", "disabled", "signed out everywhere"])
async def test_it_ends_with_the_key_and_with_the_session(
    stream: Listen, alice: Person, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.accounts import actions

    # The next look is at a heartbeat: no word of a key comes any more.
    monkeypatch.setattr(waiting, "HEARTBEAT_SECONDS", 0.01)
    key = await make_key(alice)
    news = await stream(key)
    await heard(news)

    def end() -> None:
        if how == "revoked":
            keys.revoke(alice, key_id=key.pk)
        elif how == "disabled":
            actions.set_active(alice, alice, is_active=False)
        else:
            actions.end_sessions(alice)

    await database_sync_to_async(end)()

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert {each.decode() async for each in news} <= {WAITING}


async def test_without_redis_the_page_still_learns_of_it(
    stream: Listen, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(waiting, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr("channels_redis.core.RedisChannelLayer.group_add", away)
    monkeypatch.setattr("channels_redis.core.RedisChannelLayer.receive", away)
    key = await make_key(alice)
    news = await stream(key)
    assert await heard(news) == WAITING
    await used(key)

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (told := await heard(news)) == WAITING:
            pass
    assert "It works" in told


@pytest.mark.threat("F13")
async def test_a_page_that_is_left_is_waited_for_no_more_though_the_redis_client_swallows_it(
    alice: Person, end_of_loop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked = asyncio.Event()

    async def swallowing(*_: object) -> None:
        if is_asked.is_set():
            await asyncio.Event().wait()
        is_asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    monkeypatch.setattr(waiting, "_look", lambda *_: ApiKey())
    monkeypatch.setattr("channels_redis.core.RedisChannelLayer.receive", swallowing)
    key = await make_key(alice)
    news = waiting.arrivals(alice, key.pk, session_key=None, language="en")
    reading = asyncio.create_task(_read_to_the_end(news))
    await is_asked.wait()

    # Once, as the server does it when a connection is lost.
    reading.cancel()
    await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)

    assert reading.cancelled()


async def _read_to_the_end(news: AsyncIterator[bytes]) -> list[bytes]:
    return [each async for each in news]


@pytest.mark.parametrize(
    ("act", "status", "words", "is_good"),
    [
        ("models", 200, "read the list", True),
        ("chat", 200, "was answered", True),
        ("embeddings", 200, "was answered", True),
        ("other", 200, "has reached the portal.", True),
        ("chat", 403, "not for", False),
        ("chat", 404, "model that does not exist", False),
        ("chat", 429, "wants a pause", False),
        ("chat", 503, "wants a pause", False),
        ("chat", 500, "a part of us failed", False),
        ("chat", 400, "cannot do", False),
    ],
)
def test_each_outcome_has_its_sentence(act: str, status: int, words: str, is_good: bool) -> None:
    key = ApiKey(
        last_used_at=timezone.now(), last_client="curl 8", last_act=act, last_status=status
    )

    verdict = verdict_of(key)

    assert verdict is not None
    assert (words in verdict.sentence, verdict.is_good) == (True, is_good)
    assert "curl 8" in verdict.sentence
