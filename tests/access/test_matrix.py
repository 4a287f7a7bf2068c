"""Every object × every verb × every kind of person, over the socket (threat B1).

The table is checked against the list of frames: a command without a row fails.
"""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions, frames
from portal.chat.models import Conversation, Generation, Message, NextQuestion, Rating
from portal.order.models import Folder
from portal.presets.models import Preset, PromptTemplate
from portal.sharing.models import Share
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

# A question of hers that waits.
NEXT_ID = UUID("11111111-2222-4333-8444-555555555555")

# What else she has: a folder, a temporary conversation, and a snapshot she shares with nobody here.
FOLDER_ID = UUID("11111111-2222-4333-8444-666666666666")
TEMPORARY_ID = UUID("11111111-2222-4333-8444-777777777777")
SHARE_ID = UUID("11111111-2222-4333-8444-888888888888")

# A preset and a prompt template of her own.
PRESET_ID = UUID("11111111-2222-4333-8444-999999999999")
TEMPLATE_ID = UUID("11111111-2222-4333-8444-aaaaaaaaaaaa")

# Command → its fields, with ids of the owner's objects. None: it names no object.
ROWS: dict[Any, Any] = {
    "hello": None,
    "ping": None,
    "conversations.list": None,
    "conversation.open": lambda c, g: {"conversation_id": c.id, "before": g.message_id},
    "conversation.rename": lambda c, g: {"conversation_id": c.id, "title": "Mine now"},
    "conversation.delete": lambda c, g: {"conversation_id": c.id},
    "message.send": lambda c, g: {
        "conversation_id": c.id,
        "text": "intruding",
        "client_key": uuid4(),
        "model_name": "scripted:latest",
    },
    "message.edit": lambda c, g: {
        "message_id": g.message_id,
        "text": "intruding",
        "client_key": uuid4(),
        "model_name": "scripted:latest",
    },
    "message.show": lambda c, g: {"message_id": g.message_id},
    "next.cancel": lambda c, g: {"next_id": NEXT_ID},
    "next.send": lambda c, g: {"next_id": NEXT_ID, "model_name": "scripted:latest"},
    "generation.show": lambda c, g: {"generation_id": g.id},
    "generation.rate": lambda c, g: {
        "generation_id": g.id,
        "verdict": "good",
        "reasons": ["clear"],
        "note": "mine",
    },
    "generation.stop": lambda c, g: {"generation_id": g.id},
    "generation.retry": lambda c, g: {"generation_id": g.id, "client_key": uuid4()},
    "generation.continue": lambda c, g: {"generation_id": g.id, "client_key": uuid4()},
    "folders.list": None,
    "folder.create": None,
    "folder.rename": lambda c, g: {"folder_id": FOLDER_ID, "name": "Mine now"},
    "folder.delete": lambda c, g: {"folder_id": FOLDER_ID},
    "shelf.list": lambda c, g: {"shelf": "folder", "folder_id": FOLDER_ID},
    "conversations.pin": lambda c, g: {"conversation_ids": [c.id], "is_pinned": True},
    "conversations.archive": lambda c, g: {"conversation_ids": [c.id], "is_archived": True},
    "conversations.move": lambda c, g: {"conversation_ids": [c.id], "folder_id": FOLDER_ID},
    "conversations.delete": lambda c, g: {"conversation_ids": [c.id]},
    "temporary.begin": None,
    "temporary.keep": lambda c, g: {"conversation_id": TEMPORARY_ID},
    "temporary.end": lambda c, g: {"conversation_id": TEMPORARY_ID},
    "search": None,
    "shares.list": lambda c, g: {"conversation_id": c.id},
    "shares.received": None,
    "share.create": lambda c, g: {
        "conversation_id": c.id,
        "emails": ["dora@example.org"],
        "group_ids": [],
        "client_key": uuid4(),
    },
    "share.revoke": lambda c, g: {"share_id": SHARE_ID},
    "share.open": lambda c, g: {"share_id": SHARE_ID},
    "settings.open": lambda c, g: {"conversation_id": c.id},
    "settings.change": lambda c, g: {"conversation_id": c.id, "settings": {"system": "mine"}},
    "settings.check": None,
    "presets.list": None,
    "preset.save": lambda c, g: {
        "preset_id": PRESET_ID,
        "client_key": uuid4(),
        "preset": {"name": "Mine now"},
    },
    "preset.delete": lambda c, g: {"preset_id": PRESET_ID},
    "templates.list": None,
    "template.save": lambda c, g: {
        "template_id": TEMPLATE_ID,
        "client_key": uuid4(),
        "name": "mine",
        "text": "Mine now",
    },
    "template.delete": lambda c, g: {"template_id": TEMPLATE_ID},
    "models.look": None,
    "model.load": None,
    "model.show": None,
    "context.look": lambda c, g: {"conversation_id": c.id, "model_name": "scripted:latest"},
    "context.clear": lambda c, g: {"conversation_id": c.id},
    "context.restore": lambda c, g: {"generation_id": g.id},
    "follow": lambda c, g: {"generation_id": g.id, "attempt": 0, "number": 0},
    "unfollow": lambda c, g: {"generation_id": g.id},
}
COMMANDS = {command.__struct_config__.tag: command for command in frames.COMMANDS}
# Forgets what one's own tab follows; an id that it does not follow is nothing to forget.
HARMLESS = {"unfollow"}
# What commands must say that name no object.
WORDS: dict[str, dict[str, Any]] = {
    "settings.check": {"settings": {}},
    "model.load": {"model_name": "scripted:latest"},
    "model.show": {"model_name": "scripted:latest", "topic": "info"},
    "search": {"words": "secret"},
    "folder.create": {"name": "Travel"},
}
# Not gone with the conversation.
OF_ANOTHER_OBJECT = {"shelf.list", "folder.rename", "folder.delete", "temporary.keep"} | {
    "temporary.end",
    *("preset.save", "preset.delete", "template.save", "template.delete"),
}
WITH_AN_OBJECT = sorted(name for name, row in ROWS.items() if row and name not in HARMLESS)


@pytest.mark.threat("B1")
def test_every_command_has_a_row_and_every_id_in_it_is_tried() -> None:
    assert set(ROWS) == set(COMMANDS)
    for name, command in COMMANDS.items():
        ids = {f for f in command.__struct_fields__ if f.endswith(("_id", "_ids"))}
        row = ROWS[name]
        assert bool(ids) == (row is not None), name


@pytest.fixture
def other(request: pytest.FixtureRequest) -> Any:
    """The person whose fixture the test names."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def hers(alice: Person, conversation: Conversation, worker: Worker, brain: Brain) -> Generation:
    """Alice's finished answer in Alice's conversation."""
    generation = actions.send_message(
        alice,
        conversation_id=conversation.id,
        text="secret question",
        client_key=uuid4(),
        model_name="scripted:latest",
    )
    worker.takes().says("secret answer").ends("stopped")
    brain.steps()
    NextQuestion.objects.create(
        id=NEXT_ID,
        conversation=conversation,
        author=alice,
        follows=generation,
        text="secret plan",
        model_name="scripted:latest",
        client_key=uuid4(),
    )
    Person.objects.create_user("dora@example.org", "correct horse battery")
    Folder.objects.create(id=FOLDER_ID, owner=alice, name="secret folder")
    Conversation.objects.create(
        id=TEMPORARY_ID, owner=alice, is_temporary=True, changed_at=conversation.changed_at
    )
    Preset.objects.create(id=PRESET_ID, owner=alice, name="secret preset", system="secret")
    PromptTemplate.objects.create(id=TEMPLATE_ID, owner=alice, name="secret", text="secret text")
    Share.objects.create(
        id=SHARE_ID, owner=alice, conversation=conversation, title="secret", client_key=uuid4()
    )
    return generation


@pytest.mark.threat("B1")
@pytest.mark.threat("B2")
@pytest.mark.threat("B3")
@pytest.mark.threat("B4")
@pytest.mark.threat("B7")
@pytest.mark.parametrize(
    "other", ["bob", "carol_the_admin", "mallory_without_rights"], indirect=True
)
@pytest.mark.parametrize("command", WITH_AN_OBJECT)
async def test_anothers_object_looks_as_if_it_had_never_been(
    open_tab: OpenTab, other: Person, conversation: Conversation, hers: Generation, command: Any
) -> None:
    before = await database_sync_to_async(_everything)()
    tab = await open_tab(other)
    fields = ROWS[command](conversation, hers)
    nobodys = fields | {name: uuid4() for name in fields if name.endswith("_id")}
    nobodys |= {name: [uuid4()] for name in fields if name == "conversation_ids"}

    refused = await tab.says(command, **fields)
    refused_nobodys = await tab.says(command, **nobodys)

    assert refused["type"] == "refusal"
    assert refused["code"] == "not-found"
    assert _without_ref(refused) == _without_ref(refused_nobodys)
    assert tab.pushed == []
    assert "secret" not in json.dumps(refused)
    assert await database_sync_to_async(_everything)() == before


@pytest.mark.threat("B1")
@pytest.mark.parametrize("command", sorted(ROWS))
async def test_the_owner_may(
    open_tab: OpenTab, alice: Person, conversation: Conversation, hers: Generation, command: Any
) -> None:
    tab = await open_tab(alice)
    row = ROWS[command]

    fields = row(conversation, hers) if row else WORDS.get(command, {})
    reply = await tab.says(command, **fields)

    assert reply["type"] != "refusal"


@pytest.mark.threat("B1")
@pytest.mark.threat("B9")
@pytest.mark.parametrize("other", ["bob", "carol_the_admin"], indirect=True)
@pytest.mark.parametrize("command", ["hello", "conversations.list"])
async def test_lists_hold_ones_own(
    open_tab: OpenTab, other: Person, hers: Generation, command: Any
) -> None:
    tab = await open_tab(other)

    reply = await tab.says(command)

    assert reply["conversations"] == []


@pytest.mark.threat("B2")
async def test_another_cannot_resume_what_the_owner_follows(
    open_tab: OpenTab, alice: Person, bob: Person, a_model: Model, worker: Worker
) -> None:
    hers, his = await open_tab(alice), await open_tab(bob)
    sent = await hers.asks("secret")
    generation_id = sent["message"]["answers"][0]["id"]
    await hers.follows(generation_id)
    held = worker.takes().says("secret")

    refused = await his.says("follow", generation_id=generation_id, attempt=1, number=1)
    held.says(" answer").ends()
    await hers.until_ended(generation_id)

    assert refused["code"] == "not-found"
    assert his.pushed_of("delta") == []
    assert his.pushed_of("status") == []


@pytest.mark.threat("B11")
async def test_a_deleted_conversation_is_gone_for_its_owner_too(
    open_tab: OpenTab, alice: Person, conversation: Conversation, hers: Generation
) -> None:
    tab, other_tab = await open_tab(alice), await open_tab(alice)
    await tab.says("conversation.delete", conversation_id=conversation.id)

    await other_tab.until(lambda: other_tab.pushed_of("changed"))
    for command in set(WITH_AN_OBJECT) - OF_ANOTHER_OBJECT:
        reply = await other_tab.says(command, **ROWS[command](conversation, hers))
        assert reply["code"] == "not-found", command
    assert (await other_tab.says("conversations.list"))["conversations"] == []


async def test_without_a_session_the_tab_is_sent_to_sign_in(open_tab: OpenTab) -> None:
    tab = await open_tab(None)

    assert await tab.until_closed() == 4401


def _everything() -> list[Any]:
    return [
        list(model.objects.order_by("id").values())
        for model in (Conversation, Message, Generation, NextQuestion, Rating, Folder, Share)
    ]


def _without_ref(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name != "ref"}
