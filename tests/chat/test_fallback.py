"""Without a WebSocket: the same frames by POST and server-sent events, and the same promises."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session

from portal.accounts import actions as accounts
from portal.accounts import notices
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import commands, fallback, fallback_line, limits
from portal.chat.consumers import ChatConsumer
from portal.chat.models import Generation, Message
from portal.chat.pressure import Unsent
from portal.chat.wakeups import wake
from portal.order.models import Folder
from portal.streams.events import Follower
from tests.doubles.brain import Brain
from tests.doubles.fallback_tab import FallbackTab
from tests.doubles.tab import PATIENCE_SECONDS, OpenTab, Shown
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

OpenFallback = Callable[..., Awaitable[FallbackTab]]


@pytest.fixture
async def open_fallback(
    session_of: Callable[[Person], str], end_of_loop: None
) -> AsyncIterator[OpenFallback]:
    tabs: list[FallbackTab] = []

    async def open_one(person: Person | None, **options: Any) -> FallbackTab:
        key = await database_sync_to_async(session_of)(person) if person else None
        tab = FallbackTab(key, **options)
        tabs.append(tab)
        await tab.open()
        return tab

    yield open_one
    for tab in tabs:
        await tab.close()


# ── The same answers ────────────────────────────────────────────────────────────────────────────


async def test_a_question_is_answered_and_stored_as_over_the_socket(
    open_fallback: OpenFallback, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_fallback(alice)
    welcome = await tab.says("hello")
    sent = await tab.asks("Where are you?")
    generation_id = sent["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    worker.takes().reads(6, 12).thinks("Hm. ").says("Grüße aus ", "dem 3. Stock 👋").ends()

    shown = await tab.until_ended(generation_id)
    await brain.asteps()

    stored = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    assert welcome["person"]["id"] == str(alice.id)
    assert (shown.text, shown.thinking) == (stored.text, stored.thinking)
    assert stored.text == "Grüße aus dem 3. Stock 👋"
    assert shown.gaps == 0
    assert shown.end["state"] == "done"


async def test_both_ways_answer_alike(
    open_fallback: OpenFallback, open_tab: OpenTab, alice: Person, a_model: Model
) -> None:
    by_post, by_socket = await open_fallback(alice), await open_tab(alice)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("hello", {}),
        ("conversations.list", {"before": None}),
        ("conversation.open", {"conversation_id": uuid4()}),
        ("models.look", {}),
        ("folders.list", {}),
        ("settings.open", {"conversation_id": None, "model_name": "scripted:latest"}),
        ("search", {"words": "nothing"}),
        ("ping", {}),
        ("no.such.command", {}),
        ("ping", {"more": 1}),
    ]

    for name, fields in asked:
        first, second = await by_post.says(name, **fields), await by_socket.says(name, **fields)
        assert {**first, "ref": 0} == {**second, "ref": 0}, name


@pytest.mark.threat("H5")
async def test_one_key_gives_one_answer_by_whichever_way_it_is_asked_again(
    open_fallback: OpenFallback, open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    by_post, by_socket = await open_fallback(alice), await open_tab(alice)
    key = uuid4()

    first = await by_post.asks("Once", client_key=key)
    again = await by_socket.asks("Once", client_key=key)
    third = await by_post.asks("Once", client_key=key)

    ids = {each["message"]["answers"][0]["id"] for each in (first, again, third)}
    assert len(ids) == 1
    assert len(worker.waiting_ids()) == 1


async def test_frames_of_one_post_are_done_in_their_order(
    open_fallback: OpenFallback, alice: Person, a_model: Model
) -> None:
    tab = await open_fallback(alice)
    names = [f"Folder {number}" for number in range(8)]
    texts = [
        json.dumps({"type": "folder.create", "ref": number + 1, "name": name})
        for number, name in enumerate(names)
    ]

    replies = await tab.posts(*texts)

    assert [reply["ref"] for reply in replies] == list(range(1, 9))
    assert [len(reply["folders"]) for reply in replies] == list(range(1, 9))


# ── Nothing lost, nothing doubled ───────────────────────────────────────────────────────────────


@pytest.mark.threat("C10")
@pytest.mark.parametrize("stride", [1, 3, 5])
async def test_lines_renewed_and_broken_in_mid_answer_show_what_is_stored(
    open_fallback: OpenFallback,
    alice: Person,
    a_model: Model,
    worker: Worker,
    brain: Brain,
    stride: int,
) -> None:
    tab = await open_fallback(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes()
    for number in range(64):
        held.says(["Größe ", "👩‍🚀", "x", "\n", "\n\n", f"{number} "][number % 6])
        match number * stride % 8:
            case 0:
                await tab.renews()
            case 1:
                # Nobody hung up: the line before is gone when the next one begins.
                await tab.close()
                tab.line = None
                await tab.renews()
            case 2:
                await database_sync_to_async(brain.later)(1)
    held.ends()
    shown = await tab.until_ended(generation_id)
    await brain.alater(1)

    stored = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    assert shown.text == stored.text
    assert stored.text.startswith("Größe 👩‍🚀x\n\n\n5 Größe ")
    assert shown.gaps == 0


@pytest.mark.threat("C9")
@pytest.mark.threat("C10")
async def test_no_wake_up_falls_between_two_lines(
    open_fallback: OpenFallback, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line says that it is open once it is woken; until then the one before is there."""
    tab = await open_fallback(alice)
    before = tab.line
    joining, may_join = asyncio.Event(), asyncio.Event()
    layer = get_channel_layer()
    join = layer.group_add

    async def join_late(group: str, channel: str) -> None:
        joining.set()
        await may_join.wait()
        await join(group, channel)

    monkeypatch.setattr(layer, "group_add", join_late)
    monkeypatch.setattr(fallback_line, "JOIN_SECONDS", 60.0)
    renewing = asyncio.create_task(tab.renews())
    await joining.wait()
    await tab.says("hello")
    assert tab.line is not before
    assert tab.line is not None
    assert not tab.line.is_open

    await database_sync_to_async(_wakes)(alice)
    await tab.until(lambda: tab.pushed_of("changed"))
    may_join.set()
    assert (await renewing).is_open
    await database_sync_to_async(_wakes)(alice)
    await tab.until(lambda: len(tab.pushed_of("changed")) == 2)


@pytest.mark.threat("C11")
async def test_a_tab_with_a_socket_and_one_without_show_the_same_and_either_may_stop(
    open_fallback: OpenFallback,
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    worker: Worker,
) -> None:
    one, two = await open_tab(alice), await open_fallback(alice)
    generation_id = (await one.asks())["message"]["answers"][0]["id"]
    await two.until(lambda: two.pushed_of("changed"))
    await one.follows(generation_id)
    await two.follows(generation_id)
    held = worker.takes().says("Both ", "see this")
    await two.until(lambda: two.shown[generation_id].text == "Both see this")

    assert (await two.says("generation.stop", generation_id=generation_id))["type"] == "ok"
    assert held.was_asked_to_stop
    held.ends("stopped")

    shown = [await tab.until_ended(generation_id) for tab in (one, two)]
    assert shown[0].text == shown[1].text == "Both see this"
    assert shown[0].end == shown[1].end


@pytest.mark.threat("I2")
async def test_the_place_in_the_queue_is_told_over_a_line_too(
    open_fallback: OpenFallback, alice: Person, a_model: Model, worker: Worker
) -> None:
    tab = await open_fallback(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]

    await tab.follows(generation_id)

    await tab.until(lambda: tab.shown[generation_id].status)
    assert tab.shown[generation_id].status["position"] == 1


@pytest.mark.threat("C20")
async def test_a_line_whose_time_is_up_says_so(
    open_fallback: OpenFallback, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the page can tell it from one that broke."""
    whole = fallback_line.events
    monkeypatch.setattr(fallback_line, "events", lambda *args: whole(*args, life_seconds=0.0))
    tab = await open_fallback(alice)

    assert tab.line is not None
    assert tab.line.close_code == fallback_line.RENEW


@pytest.mark.threat("C20")
@pytest.mark.fault
async def test_a_mistake_of_ours_ends_a_line_with_a_code_of_its_own(
    open_fallback: OpenFallback,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(fallback_line.LineConsumer, "connect", broken)
    tab = await open_fallback(alice)

    assert await tab.until_closed() == fallback_line.BROKEN
    await tab.close()
    assert "a line broke" in caplog.text


# ── Gone when it is gone ────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("C12")
async def test_a_line_that_nobody_reads_leaves_nothing_behind(
    open_fallback: OpenFallback, alice: Person, a_model: Model, worker: Worker
) -> None:
    tab = await open_fallback(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    worker.takes().says("half")
    await tab.until(lambda: tab.shown[generation_id].text == "half")
    assert ChatConsumer._sockets[alice.id] == 1

    await tab.close()

    assert Follower.of_this_loop().followed_count == 0
    assert ChatConsumer._sockets[alice.id] == 0
    assert worker.redis.zcard(f"portal:layer:group:person.{alice.id.hex}") == 0


@pytest.mark.threat("C12")
def test_a_page_that_is_gone_without_a_word_is_forgotten_within_a_minute() -> None:
    """HTTP has no ping: what ends a line in any case is its time."""
    assert fallback_line.LINE_SECONDS < 60
    assert fallback_line.HEARTBEAT_SECONDS * 2 < fallback_line.LINE_SECONDS


@pytest.mark.threat("C5")
async def test_lines_count_as_sockets_and_a_given_up_one_makes_room(
    open_fallback: OpenFallback,
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS", 2)
    await open_tab(alice)
    first = await open_fallback(alice)

    one_too_many = await open_fallback(alice)
    assert one_too_many.close_code == 4429
    assert (await open_fallback(bob)).close_code is None

    await first.close()
    assert (await open_fallback(alice)).close_code is None


@pytest.mark.threat("H11")
async def test_lines_share_the_thread_and_the_connection_of_the_sockets(
    open_fallback: OpenFallback, alice: Person
) -> None:
    first = await open_fallback(alice)
    await first.says("hello")
    before = _threads_of_requests()

    for _ in range(5):
        tab = await open_fallback(alice)
        await tab.says("hello")

    assert _threads_of_requests() <= before


@pytest.mark.threat("C8")
async def test_a_line_that_is_not_read_is_held_back_closed_and_resumes(
    open_fallback: OpenFallback,
    alice: Person,
    a_model: Model,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fallback_line.LineConsumer, "max_slow_seconds", 0.05)
    monkeypatch.setattr(fallback_line.LineConsumer, "look_seconds", 0.01)
    tab = await open_fallback(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes().says("read ")
    await tab.until(lambda: tab.shown[generation_id].text == "read ")

    with monkeypatch.context() as clogged:
        clogged.setattr(Unsent, "bytes_now", lambda self: 10_000_000)
        held.says("unread")
        assert await tab.until_closed() == 4408
    assert tab.shown[generation_id].text == "read "

    tab.close_code = None
    await tab.renews()
    held.ends()
    assert (await tab.until_ended(generation_id)).text == "read unread"


# ── Who may ────────────────────────────────────────────────────────────────────────────────────


def _sign_out(person: Person, admin: Person) -> None:
    Session.objects.all().delete()
    accounts.signed_out(person.id)


def _new_password(person: Person, admin: Person) -> None:
    accounts.set_password(admin, person, password="another correct horse")


def _other_groups(person: Person, admin: Person) -> None:
    accounts.set_groups(admin, person, groups=[Group.objects.create(name="readers")])


def _disabled(person: Person, admin: Person) -> None:
    accounts.set_active(admin, person, is_active=False)


@pytest.mark.threat("A7")
@pytest.mark.parametrize("event", [_sign_out, _new_password, _other_groups, _disabled])
async def test_rights_taken_away_close_the_line_and_no_frame_comes_after(
    open_fallback: OpenFallback,
    alice: Person,
    carol_the_admin: Person,
    a_model: Model,
    worker: Worker,
    event: Callable[..., None],
) -> None:
    tab = await open_fallback(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes().says("before")
    await tab.until(lambda: tab.shown[generation_id].text == "before")

    await database_sync_to_async(event)(alice, carol_the_admin)

    # The double fails on any event after the close.
    assert await tab.until_closed() == 4401
    held.says("after").ends()
    await tab.close()
    assert tab.shown[generation_id].text == "before"


@pytest.mark.threat("A7")
@pytest.mark.fault
@pytest.mark.parametrize(("event", "status"), [(_disabled, 401), (_other_groups, 200)])
async def test_without_the_notice_the_next_look_closes_the_line_and_posts_have_the_rights_of_now(
    open_fallback: OpenFallback,
    alice: Person,
    carol_the_admin: Person,
    monkeypatch: pytest.MonkeyPatch,
    event: Callable[..., None],
    status: int,
) -> None:
    monkeypatch.setattr(notices, "_wake", lambda _person_id: None)
    monkeypatch.setattr(fallback_line.LineConsumer, "recheck_seconds", 0.02)
    tab = await open_fallback(alice)

    await database_sync_to_async(event)(alice, carol_the_admin)

    assert await tab.until_closed() == 4401
    await tab.posts('{"type": "conversations.list", "ref": 1}')
    assert tab.status == status


@pytest.mark.threat("A7")
async def test_who_is_disabled_between_two_frames_of_one_post_is_refused_the_second(
    open_fallback: OpenFallback,
    alice: Person,
    carol_the_admin: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tab = await open_fallback(alice)
    whole = commands.run

    def and_then_disabled(person: Person, command: Any, *, language: str) -> Any:
        answer = whole(person, command, language=language)
        accounts.set_active(carol_the_admin, person, is_active=False)
        return answer

    monkeypatch.setattr(commands, "run", and_then_disabled)
    hello = '{"type": "hello", "ref": 1}'

    assert await tab.posts(hello, '{"type": "folder.create", "ref": 2, "name": "Mine"}') == []
    assert tab.status == 401
    assert not await database_sync_to_async(Folder.objects.exists)()


async def test_without_a_session_neither_door_says_anything(open_fallback: OpenFallback) -> None:
    tab = await open_fallback(None)

    assert tab.line is not None
    assert tab.line.status == 401
    assert await tab.posts('{"type": "hello", "ref": 1}') == []
    assert tab.status == 401


@pytest.mark.threat("C1")
@pytest.mark.threat("A15")
@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://testserver", "http://testserver:81"]
)
async def test_a_foreign_page_opens_no_line_and_posts_nothing(
    open_fallback: OpenFallback, alice: Person, a_model: Model, origin: str | None
) -> None:
    tab = await open_fallback(alice, origin=origin)

    assert tab.line is not None
    assert tab.line.status == 403
    text = {"text": "forged", "client_key": str(uuid4()), "model_name": "scripted:latest"}
    sent = {"type": "message.send", "ref": 1, "conversation_id": None, **text}
    assert await tab.posts(json.dumps(sent)) == []
    assert tab.status == 403
    assert not await database_sync_to_async(Message.objects.exists)()


@pytest.mark.threat("B1")
@pytest.mark.threat("B2")
@pytest.mark.threat("B7")
async def test_anothers_answer_is_followed_by_nobody_else(
    open_fallback: OpenFallback, alice: Person, bob: Person, a_model: Model, worker: Worker
) -> None:
    hers, his = await open_fallback(alice), await open_fallback(bob)
    sent = await hers.asks("secret")
    generation_id = sent["message"]["answers"][0]["id"]
    worker.takes().says("secret")

    refused = []
    for each in (generation_id, str(uuid4())):
        his.shown = {each: Shown()}
        his._follows = {each: 7}
        await his.renews()
        await his.until(lambda: his.pushed_of("refusal"))
        refused.append(his.pushed_of("refusal")[0])
        his.pushed.clear()

    assert refused[0] == refused[1]
    assert refused[0]["code"] == "not-found"
    stopped = await his.says("generation.stop", generation_id=generation_id)
    assert stopped["code"] == "not-found"


@pytest.mark.threat("C18")
async def test_nothing_of_it_is_kept_or_held_back_on_the_way(
    open_fallback: OpenFallback, alice: Person
) -> None:
    tab = await open_fallback(alice)

    assert tab.line is not None
    headers = {name.lower(): value for name, value in tab.line.headers.items()}
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-accel-buffering"] == b"no"
    assert headers[b"x-content-type-options"] == b"nosniff"


# ── What no page of ours sends ──────────────────────────────────────────────────────────────────


@pytest.mark.threat("C7")
async def test_rubbish_is_refused_in_its_place_and_what_stands_beside_it_is_done(
    open_fallback: OpenFallback, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    tab = await open_fallback(alice)
    rubbish = [
        *("{", "[]", "null", "NaN", '"text"', "[" * 5_000, "\x00"),
        '{"type": "ping"}',
        '{"type": "ping", "ref": 0}',
        '{"type": "ping", "ref": 1e400}',
        '{"type": "hello", "ref": 3, "person_id": 1}',
        '{"type": "folder.create", "ref": 4, "name": "\\ud800"}',
        '{"type": "follow", "ref": 5, "generation_id": "x", "attempt": 1, "number": 1}',
        json.dumps(
            {"type": "follow", "ref": 6, "generation_id": str(uuid4()), "attempt": 0, "number": 0}
        ),
    ]

    replies = await tab.posts(*rubbish, '{"type": "ping", "ref": 99}')

    assert {reply["type"] for reply in replies[:-1]} == {"refusal"}
    assert {reply["code"] for reply in replies[:-1]} == {"bad-command"}
    assert len(replies) == len(rubbish) + 1
    assert replies[-1] == {"type": "pong", "ref": 99}
    assert "a command failed" not in caplog.text


@pytest.mark.threat("C7")
@pytest.mark.threat("C15")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff\xfe", 400),
        (b"\n".join([b"{}"] * 65), 413),
        (b" " * (fallback.MAX_BODY_BYTES + 1), 413),
    ],
)
async def test_a_body_that_no_page_sends_is_refused_whole(
    open_fallback: OpenFallback, alice: Person, body: bytes, status: int
) -> None:
    tab = await open_fallback(alice)

    for path in ("/page/frames/", "/page/line/"):
        request = await tab.begins(path, body)
        start = await request.receive_output(PATIENCE_SECONDS)
        assert start["status"] == status, path
        await request.wait(PATIENCE_SECONDS)


@pytest.mark.threat("C7")
async def test_a_line_takes_nothing_but_follows(
    open_fallback: OpenFallback, alice: Person, a_model: Model
) -> None:
    tab = await open_fallback(alice)
    sent = {"type": "message.send", "ref": 1, "conversation_id": None, "text": "aside"}
    sent |= {"client_key": str(uuid4()), "model_name": "scripted:latest"}
    request = await tab.begins("/page/line/", json.dumps(sent).encode())
    body = b""
    while b"refusal" not in body:
        body += (await request.receive_output(PATIENCE_SECONDS)).get("body", b"")
    await request.send_input({"type": "http.disconnect"})
    await request.wait(PATIENCE_SECONDS)

    assert b'"code":"bad-command"' in body
    assert not await database_sync_to_async(Message.objects.exists)()


@pytest.mark.threat("C5")
async def test_who_asks_too_often_is_told_to_wait_and_a_flood_is_turned_away(
    open_fallback: OpenFallback, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.chat.pace.time", SimpleNamespace(monotonic=lambda: 1_000.0))
    monkeypatch.setattr(limits, "MAX_COMMANDS_A_SECOND", 5)
    monkeypatch.setattr(limits, "MAX_FLOOD_FRAMES", 8)
    monkeypatch.setattr(fallback, "_paces", fallback._Paces())
    tab, other = await open_fallback(alice), await open_fallback(bob)
    ping = '{"type": "ping", "ref": 1}'

    first = await tab.posts(*[ping] * 8)
    assert [reply["type"] for reply in first].count("pong") == 4, "opening the line was one"
    assert {reply["code"] for reply in first if reply["type"] == "refusal"} == {"too-often"}

    await tab.posts(*[ping] * 8)
    assert tab.status == 429
    assert (await other.posts(ping))[0]["type"] == "pong"


def test_who_has_not_asked_for_a_while_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("portal.chat.pace.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(fallback, "MAX_PACES", 10)
    paces = fallback._Paces()
    hasty = uuid4()
    for _ in range(100):
        paces.of(hasty).admits()
    for _ in range(9):
        paces.of(uuid4()).admits()
    now[0] += 1.5
    paces.of(uuid4())

    assert len(paces._by_person) == 2
    assert not paces.of(hasty).admits(), "a debt is not forgotten"


def _threads_of_requests() -> set[str]:
    """Those in which blocking work runs; not asyncio's own, which look up names."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith("ThreadPoolExecutor")}


def _wakes(person: Person) -> None:
    wake(person.id, uuid4())
