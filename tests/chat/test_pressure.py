"""A tab that stops reading: held back, then closed with "catch up", and resumed without a gap."""

from functools import partial
from typing import Any

import pytest
from channels.routing import URLRouter
from channels.sessions import InstanceSessionWrapper, SessionMiddlewareStack
from django.urls import path

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.consumers import ChatConsumer
from portal.chat.pressure import Unsent
from portal.streams.deltas import Delta
from portal.streams.events import Follower, Reader
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker


class Transport:
    """The three attributes of Twisted's FileDescriptor that are read."""

    dataBuffer = b"12345"  # noqa: N815 - Twisted's name
    offset = 2
    _tempDataLen = 100  # noqa: N815 - Twisted's name


class Protocol:
    transport = Transport()


async def handle_reply(protocol: Protocol, message: dict[str, Any]) -> None:
    """As Daphne's server has it."""


@pytest.mark.threat("C8")
def test_unsent_bytes_are_found_behind_the_session_middleware() -> None:
    send = partial(handle_reply, Protocol())
    wrapper = InstanceSessionWrapper({"headers": [], "cookies": {}}, send)

    for each in (send, wrapper.send):
        assert Unsent(each).is_known
        assert Unsent(each).bytes_now() == 103


@pytest.mark.threat("C8")
def test_twisted_still_has_what_we_read() -> None:
    from twisted.internet.abstract import FileDescriptor

    no_reactor: Any = object()
    transport = FileDescriptor(reactor=no_reactor)
    for name in ("dataBuffer", "offset", "_tempDataLen"):
        assert hasattr(transport, name)


@pytest.mark.threat("C8")
@pytest.mark.django_db(transaction=True)
async def test_a_tab_that_does_not_read_is_closed_and_resumes(
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasty = SessionMiddlewareStack(
        URLRouter(
            [path("ws/chat/", ChatConsumer.as_asgi(max_slow_seconds=0.05, look_seconds=0.01))]
        )
    )
    tab = await open_tab(alice, app=hasty)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes().says("read ")
    await tab.until(lambda: tab.shown[generation_id].text == "read ")

    monkeypatch.setattr(Unsent, "bytes_now", lambda self: 10_000_000)
    held.says("unread")
    assert await tab.until_closed() == 4408
    monkeypatch.undo()

    again = await open_tab(alice)
    again.shown[generation_id] = tab.shown[generation_id]
    await again.follows(generation_id)
    held.ends()
    assert (await again.until_ended(generation_id)).text == "read unread"


@pytest.mark.threat("C8")
@pytest.mark.django_db(transaction=True)
async def test_a_tab_that_asks_on_and_reads_nothing_is_told_no_more_until_it_reads(
    open_tab: OpenTab, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await open_tab(alice)
    monkeypatch.setattr(Unsent, "bytes_now", lambda self: 8 * 1024 * 1024 + 1)

    refused = await tab.says("conversations.list")
    alive = await tab.says("ping")
    monkeypatch.undo()
    answered = await tab.says("conversations.list")

    assert (refused["type"], refused["code"]) == ("refusal", "too-often")
    assert "still on its way" in refused["message"]
    assert alive["type"] == "pong"
    assert answered["type"] == "conversations"


@pytest.mark.threat("C8")
async def test_a_reader_that_lags_holds_a_bounded_text() -> None:
    """Ten megabytes are offered; what waits for her never grows past its bound."""
    from portal.streams.events import MAX_PENDING_CHARS, _Stream

    reader = Reader(
        _Stream(Follower(), "portal:events:x", attempt=1, number=0),
        attempt=1,
        number=0,
        is_behind=False,
    )
    for number in range(1, 10_001):
        reader.offer(Delta(attempt=1, first=number, last=number, text="x" * 1_000))
        pending = reader._pending
        assert pending is None or len(pending.text) <= MAX_PENDING_CHARS
