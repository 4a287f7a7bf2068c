"""Whatever comes over the socket: an answer or a refusal, never an exception (threats C5, C7)."""

import json
import logging
import random
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.db.models import Count

from portal.accounts.models import Person
from portal.chat import frames, limits
from portal.chat.consumers import ChatConsumer
from portal.chat.errors import BadCommand
from portal.chat.models import Conversation, Generation, Message
from tests.doubles.tab import OpenTab

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 20261122
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**53, 2**70, 1.5, "", "x", "\x00", "\ud800", "null"),
    *([], {}, [[]], {"type": "hello"}, "x" * 5_000, "2026-01-01T00:00:00Z", "2026-01-01"),
]
RAW = [
    *("", " ", "{", "}", "[]", "null", "NaN", '"hello"', "0", "{}", '{"type":"hello"}'),
    '{"type":"hello","ref":NaN}',
    '{"type":"hello","ref":1}{"type":"hello","ref":2}',
    '{"type":"message.send","ref":1,"conversation_id":null,"text":"\\ud800","client_key":"x"}',
    "[" * 100_000,
    '{"type":"hello","ref":1,"x":' + "[" * 50_000 + "]" * 50_000 + "}",
    "x" * 300_000,
    "\x00",
    "\ud83d",
    '{"type":"conversations.list","ref":1,"before":"0001-01-01T00:00:00+14:00"}',
    '{"type":"conversations.list","ref":1,"before":"9999-12-31T23:59:59-14:00"}',
    '{"type":"conversations.list","ref":1,"before":"2026-01-01T00:00:00"}',
]


def hostile_frames(count: int, seed: int) -> list[str]:
    """Real commands with fields missing, added, exchanged and cut."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice, its seed is printed
    made = []
    for number in range(count):
        command = chance.choice(frames.COMMANDS)
        frame: dict[str, object] = {"type": command.__struct_config__.tag, "ref": number + 1}
        for name in command.__struct_fields__:
            if name != "ref" and chance.random() < 0.8:
                frame[name] = chance.choice([*VALUES, str(uuid4())])
        match chance.randrange(6):
            case 0:
                frame[chance.choice(["owner", "id", "is_staff", "x"])] = chance.choice(VALUES)
            case 1:
                frame["ref"] = chance.choice(VALUES)
            case 2:
                frame["type"] = chance.choice(["", "rights.changed", "websocket.close", "x"])
        text = json.dumps(frame)
        if chance.random() < 0.1:
            text = text[: chance.randrange(len(text))]
        made.append(text)
    return made


@pytest.mark.threat("C7")
async def test_no_frame_raises_or_touches_a_talk(
    open_tab: OpenTab,
    alice: Person,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(limits, "MAX_COMMANDS_A_SECOND", 10**9)
    tab = await open_tab(alice)
    before = await database_sync_to_async(_rows)()
    hostile = [*RAW, *hostile_frames(2_000, SEED)]
    tab.counts_from(10_000_000)

    for text in hostile:
        await tab.sends_text(text)
    for data in (b"", b"\x00", b'{"type":"hello","ref":1}', b"\xff" * 100):
        await tab.sends_bytes(data)

    assert (await tab.says("ping"))["type"] == "pong", f"seed {SEED}"
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == [], f"seed {SEED}"
    assert await database_sync_to_async(_rows)() == before
    assert await database_sync_to_async(_begun)() <= {(alice.id, 0)}
    types = {frame["type"] for frame in tab.pushed}
    assert types <= {
        *("refusal", "welcome", "conversations", "ok", "pong", "status", "delta"),
        *("settings", "presets", "templates", "standings"),
        *("folders", "shelf", "temporary", "received"),
    }
    codes = {frame["code"] for frame in tab.pushed_of("refusal")}
    assert codes <= {"bad-command", "not-found"}


@pytest.mark.threat("C7")
@pytest.mark.parametrize("text", RAW)
def test_what_is_no_command_is_a_bad_command(text: str) -> None:
    with pytest.raises(BadCommand):
        frames.parse(text)


@pytest.mark.threat("B10")
@pytest.mark.parametrize("command", frames.COMMANDS, ids=lambda c: c.__struct_config__.tag)
def test_a_field_too_many_is_refused(command: Any) -> None:
    frame = {"type": command.__struct_config__.tag, "ref": 1}
    fields = {
        "conversation_id": str(uuid4()),
        "generation_id": str(uuid4()),
        "message_id": str(uuid4()),
        "next_id": str(uuid4()),
        "after": str(uuid4()),
        "may_wait": True,
        "files": [str(uuid4())],
        "verdict": "good",
        "reasons": ["clear"],
        "note": "n",
        "preset_id": str(uuid4()),
        "template_id": str(uuid4()),
        "preset": {"name": "n"},
        "settings": {"system": "s"},
        "name": "n",
        "topic": "info",
        "shelf": "archive",
        "conversation_ids": [str(uuid4())],
        "is_pinned": True,
        "is_archived": True,
        "words": "w",
        "emails": ["e@example.org"],
        "group_ids": [1],
        "share_id": str(uuid4()),
        "folder_id": str(uuid4()),
        "client_key": str(uuid4()),
        "model_name": "m",
        "text": "t",
        "title": "t",
        "attempt": 1,
        "number": 1,
        "before": None,
    }
    frame |= {name: fields[name] for name in command.__struct_fields__ if name != "ref"}
    if "shelf" in frame:  # the archive has no folders
        frame["folder_id"] = None

    assert isinstance(frames.parse(json.dumps(frame)), command)
    for extra in ("owner", "owner_id", "state", "is_admin", "rights_version"):
        with pytest.raises(BadCommand):
            frames.parse(json.dumps(frame | {extra: 1}))


async def test_a_refusal_answers_the_frame_it_refuses(open_tab: OpenTab, alice: Person) -> None:
    tab = await open_tab(alice)

    refused = await tab.says("message.send", nonsense=1)

    assert refused["code"] == "bad-command"
    assert refused["message"]
    await tab.sends_text("{")
    await tab.until(lambda: tab.pushed)
    assert tab.pushed[0]["ref"] is None


async def test_refusals_speak_the_persons_language(open_tab: OpenTab, alice: Person) -> None:
    await database_sync_to_async(_speak)(alice, "zh-hans")
    tab = await open_tab(alice)

    welcome = await tab.says("hello")

    assert welcome["person"]["language"] == "zh-hans"
    assert set(welcome) == {
        *("type", "ref", "person", "models", "conversations", "more", "limits"),
    }


@pytest.mark.threat("C5")
async def test_a_flood_is_refused_then_closed_and_others_go_on(
    open_tab: OpenTab, alice: Person, bob: Person
) -> None:
    tab, other = await open_tab(alice), await open_tab(bob)

    for number in range(2 * (limits.MAX_COMMANDS_A_SECOND + limits.MAX_FLOOD_FRAMES)):
        await tab.sends({"type": "ping", "ref": number + 1})

    assert await tab.until_closed() == 4429
    assert {f["code"] for f in tab.pushed_of("refusal")} == {"too-often"}
    assert tab.pushed_of("refusal")[0]["retry_after_seconds"] == 1
    assert (await other.says("ping"))["type"] == "pong"


@pytest.mark.threat("C5")
async def test_a_person_has_a_bounded_number_of_sockets(
    open_tab: OpenTab, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_SOCKETS", 2)
    first, _second = await open_tab(alice), await open_tab(alice)

    third = await open_tab(alice)
    assert await third.until_closed() == 4429
    assert (await (await open_tab(bob)).says("ping"))["type"] == "pong"

    await first.close()
    assert (await (await open_tab(alice)).says("ping"))["type"] == "pong"


async def test_a_mistake_of_ours_in_one_command_does_not_end_the_tab(
    open_tab: OpenTab,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from portal.chat import queries

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(queries, "conversations_of", broken)
    tab = await open_tab(alice)

    refused = await tab.says("hello")

    assert refused["code"] == "unavailable"
    assert (await tab.says("ping"))["type"] == "pong"
    assert "a command failed" in caplog.text


def test_no_socket_is_counted_after_its_end() -> None:
    assert sum(ChatConsumer._sockets.values()) == 0


def _speak(person: Person, language):
    person.language = language
    person.save()


def _rows():
    """All there are, but for what `temporary.begin` makes: it has nothing that could be wrong."""
    return [
        list(rows.order_by("id").values())
        for rows in (
            Conversation.objects.filter(is_temporary=False),
            Message.objects.all(),
            Generation.objects.all(),
        )
    ]


def _begun():
    """Whose the temporary ones are, and how many questions stand in them."""
    temporary = Conversation.objects.filter(is_temporary=True).annotate(said=Count("messages"))
    return set(temporary.values_list("owner_id", "said"))
