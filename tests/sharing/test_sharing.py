"""Shared snapshots, through the socket: who may read what, for how long, and nothing but read."""

import json
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import frames
from portal.chat.models import Conversation, Generation, Message
from portal.order.models import Folder
from portal.sharing.models import Share
from tests.doubles.said import answered, answered_again, said
from tests.doubles.tab import OpenTab, Tab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hers(alice: Person) -> Conversation:
    """With an answer that was given anew, and a branch that is not shown."""
    conversation = said(alice, ("What now?", "Lunch."), title="Plans")
    message = Message.objects.get()
    answered_again(message, "hidden breakfast")
    answered(conversation, "And then?", "Tea.", after=conversation.shown)
    conversation.shown = Generation.objects.get(text="Tea.")
    conversation.save()
    return conversation


@pytest.fixture
def readers(bob: Person, mallory_without_rights: Person) -> Group:
    """A group that Bob is in, and Mallory is not."""
    group = Group.objects.create(name="readers")
    bob.groups.add(group)
    return group


async def shared(
    tab: Tab, conversation: Conversation, *emails: str, groups: tuple[int, ...] = (), **more: Any
) -> str:
    """The id of a fresh share."""
    reply = await tab.says(
        "share.create",
        conversation_id=conversation.id,
        emails=emails,
        group_ids=groups,
        **{"client_key": uuid4(), **more},
    )
    assert reply["type"] == "shares", reply
    return str(reply["shares"][0]["id"])


async def reads(tab: Tab, share_id: str) -> dict[str, Any]:
    return await tab.says("share.open", share_id=share_id)


async def test_a_named_person_reads_what_was_shown_and_nothing_beside_it(
    open_tab: OpenTab, alice: Person, bob: Person, hers: Conversation
) -> None:
    his = await open_tab(bob)
    share_id = await shared(await open_tab(alice), hers, "Bob@Example.org")

    await his.until(lambda: his.pushed_of("changed"))
    [received] = (await his.says("shares.received"))["shares"]
    snapshot = await reads(his, share_id)

    assert (received["id"], received["title"], received["owner_name"]) == (
        share_id,
        "Plans",
        "Alice",
    )
    assert [(turn["question"], turn["answer"]["text"]) for turn in snapshot["turns"]] == [
        ("What now?", "Lunch."),
        ("And then?", "Tea."),
    ]
    assert not snapshot["is_mine"]
    assert "hidden" not in json.dumps(snapshot)
    assert str(hers.id) not in json.dumps(snapshot)


async def test_what_is_said_after_sharing_is_not_shared(
    open_tab: OpenTab, alice: Person, bob: Person, hers: Conversation
) -> None:
    share_id = await shared(await open_tab(alice), hers, bob.email)
    await database_sync_to_async(answered)(hers, "A secret?", "Yes.")

    assert "secret" not in json.dumps(await reads(await open_tab(bob), share_id))


@pytest.mark.threat("B1")
@pytest.mark.threat("B7")
async def test_whoever_is_not_named_meets_what_never_was(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    carol_the_admin: Person,
    mallory_without_rights: Person,
    hers: Conversation,
) -> None:
    share_id = await shared(await open_tab(alice), hers, bob.email)

    for other in (carol_the_admin, mallory_without_rights):
        tab = await open_tab(other)
        hidden, never = await reads(tab, share_id), await reads(tab, str(uuid4()))
        assert hidden["code"] == "not-found"
        assert hidden["message"] == never["message"]
        assert (await tab.says("shares.received"))["shares"] == []


@pytest.mark.threat("B8")
async def test_a_group_reads_as_long_as_one_is_in_it(
    open_tab: OpenTab, alice: Person, bob: Person, readers: Group, hers: Conversation
) -> None:
    await database_sync_to_async(alice.groups.add)(readers)
    share_id = await shared(await open_tab(alice), hers, groups=(readers.id,))
    his = await open_tab(bob)
    assert (await reads(his, share_id))["type"] == "shared"

    await database_sync_to_async(bob.groups.clear)()

    assert (await reads(his, share_id))["code"] == "not-found"
    assert (await his.says("shares.received"))["shares"] == []


@pytest.mark.threat("B5")
async def test_whoever_may_read_may_do_nothing_else(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    a_model: Model,
    hers: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every command that takes an id, with every id there is to be guessed or seen."""
    monkeypatch.setattr("portal.chat.limits.MAX_COMMANDS_A_SECOND", 10_000)
    share_id = await shared(await open_tab(alice), hers, bob.email)
    ids = [share_id, hers.id, hers.shown_id, (await database_sync_to_async(_first_message)()).id]
    before = await database_sync_to_async(_everything)()
    his = await open_tab(bob)
    # A reader knows the snapshot's own id, and it opens that one door.
    doors = {"share.open"}
    harmless = {"unfollow"}

    tried = 0
    for command in frames.COMMANDS:
        name = str(command.__struct_config__.tag)
        fields = command.__struct_fields__
        named = [field for field in fields if field.endswith(("_id", "_ids"))]
        if not named or name in doors | harmless:
            continue
        for each in ids:
            reply = await his.says(name, **_fields(command, each))
            assert reply["type"] == "refusal", name
            assert reply["code"] in ("not-found", "bad-command"), (name, reply)
            tried += reply["code"] == "not-found"

    assert tried > 60
    assert await database_sync_to_async(_everything)() == before
    assert (await reads(his, share_id))["type"] == "shared"


async def test_a_share_that_is_taken_back_is_gone_at_once_and_nothing_of_it_stays(
    open_tab: OpenTab, alice: Person, bob: Person, hers: Conversation
) -> None:
    tab, his = await open_tab(alice), await open_tab(bob)
    share_id = await shared(tab, hers, bob.email)
    assert (await reads(his, share_id))["type"] == "shared"
    seen = len(his.pushed_of("changed"))

    for _ in range(2):
        assert (await tab.says("share.revoke", share_id=share_id))["type"] == "ok"

    await his.until(lambda: len(his.pushed_of("changed")) > seen)
    assert (await reads(his, share_id))["code"] == "not-found"
    assert (await reads(tab, share_id))["code"] == "not-found"
    assert (await tab.says("shares.list", conversation_id=hers.id))["shares"] == []
    share = await database_sync_to_async(Share.objects.get)()
    assert share.turns == []
    acts = await database_sync_to_async(
        lambda: list(Entry.objects.order_by("at").values_list("act", flat=True))
    )()
    assert acts == ["conversation.shared", "conversation.unshared"]


@pytest.mark.threat("B11")
@pytest.mark.parametrize("how", ["one", "a handful"])
async def test_deleting_the_conversation_ends_its_shares(
    open_tab: OpenTab, alice: Person, bob: Person, hers: Conversation, how: str
) -> None:
    tab, his = await open_tab(alice), await open_tab(bob)
    share_id = await shared(tab, hers, bob.email)
    await his.until(lambda: his.pushed_of("changed"))
    seen = len(his.pushed_of("changed"))

    if how == "one":
        await tab.says("conversation.delete", conversation_id=hers.id)
    else:
        await tab.says("conversations.delete", conversation_ids=[hers.id])

    # His open tab is told, so that the snapshot does not stay on his screen.
    await his.until(lambda: len(his.pushed_of("changed")) > seen)
    assert his.pushed_of("changed")[-1]["conversation_id"] == share_id
    assert (await reads(his, share_id))["code"] == "not-found"
    assert (await reads(tab, share_id))["code"] == "not-found"
    assert (await his.says("shares.received"))["shares"] == []


@pytest.mark.threat("H5")
async def test_one_press_shares_once(
    open_tab: OpenTab, alice: Person, bob: Person, hers: Conversation
) -> None:
    tab, key = await open_tab(alice), uuid4()

    first = await shared(tab, hers, bob.email, client_key=key)

    assert await shared(tab, hers, f" {bob.email.upper()}", client_key=key) == first
    assert await database_sync_to_async(Share.objects.count)() == 1


@pytest.mark.threat("H5")
async def test_a_press_that_names_other_readers_is_no_repeat_of_the_first(
    open_tab: OpenTab, alice: Person, bob: Person, carol_the_admin: Person, hers: Conversation
) -> None:
    """She would believe that Carol reads it, too."""
    tab, key = await open_tab(alice), uuid4()
    await shared(tab, hers, bob.email, client_key=key)

    again = await tab.says(
        "share.create",
        conversation_id=hers.id,
        emails=[bob.email, carol_the_admin.email],
        group_ids=[],
        client_key=key,
    )

    assert again["code"] == "conflict"
    assert await database_sync_to_async(Share.objects.count)() == 1


@pytest.mark.threat("I1")
async def test_nobody_shares_without_end(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    hers: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.sharing.actions.MAX_SHARES", 1)
    tab = await open_tab(alice)
    share_id = await shared(tab, hers, bob.email)
    more = {"conversation_id": hers.id, "emails": [bob.email], "group_ids": []}

    refused = await tab.says("share.create", **more, client_key=uuid4())
    await tab.says("share.revoke", share_id=share_id)
    taken = await tab.says("share.create", **more, client_key=uuid4())

    assert refused["code"] == "too-much"
    assert "take one of them back" in refused["message"]
    assert taken["type"] == "shares"


async def test_what_cannot_be_shared_is_refused_with_a_reason_and_nothing_is_shared(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    readers: Group,
    hers: Conversation,
    a_model: Model,
    worker: Worker,
) -> None:
    tab = await open_tab(alice)
    empty = (await tab.says("temporary.begin"))["conversation"]["id"]
    running = (await tab.asks("Slowly"))["conversation"]["id"]

    async def refused(conversation_id: Any, *emails: str, groups: tuple[int, ...] = ()) -> Any:
        reply = await tab.says(
            "share.create",
            conversation_id=conversation_id,
            emails=emails,
            group_ids=groups,
            client_key=uuid4(),
        )
        return reply.get("code"), reply.get("message", "")

    assert (await refused(hers.id))[0] == "bad-command"
    assert (await refused(hers.id, alice.email))[0] == "bad-command", "with oneself alone"
    unknown = await refused(hers.id, bob.email, "nobody@example.org")
    assert unknown[0] == "bad-command"
    assert "nobody@example.org" in unknown[1]
    assert (await refused(hers.id, groups=(readers.id,)))[0] == "not-found", "a group of others"
    assert (await refused(hers.id, *(f"p{n}@example.org" for n in range(60))))[0] == "too-much"
    assert "temporary" in (await refused(empty, bob.email))[1]
    assert "still being written" in (await refused(running, bob.email))[1]
    assert await database_sync_to_async(Share.objects.count)() == 0


def test_the_address_of_a_share_says_nothing_about_whether_there_is_one(
    client: Any, alice: Person, hers: Conversation
) -> None:
    share = Share.objects.create(owner=alice, conversation=hers, client_key=uuid4())

    strange, own = (client.get(f"/s/{each}/") for each in (uuid4(), share.id))
    assert strange.status_code == own.status_code == 302
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(f"/s/{uuid4()}/").status_code == client.get(f"/s/{share.id}/").status_code


def _fields(command: Any, each: Any) -> dict[str, Any]:
    """This id wherever the command takes one, and something fitting everywhere else."""
    usual = {
        "title": "Mine",
        "text": "mine",
        "client_key": uuid4(),
        "model_name": "scripted:latest",
        "attempt": 0,
        "number": 0,
        "verdict": "good",
        "reasons": [],
        "note": "",
        "name": "Mine",
        "shelf": "folder",
        "is_pinned": True,
        "is_archived": True,
        "emails": ["bob@example.org"],
        "group_ids": [],
        "words": "mine",
    }
    fields = {name: usual[name] for name in command.__struct_fields__ if name in usual}
    for name in command.__struct_fields__:
        if name.endswith("_id"):
            fields[name] = each
        elif name == "conversation_ids":
            fields[name] = [each]
    return fields


def _first_message() -> Message:
    return Message.objects.earliest("created_at")


def _everything() -> list[Any]:
    return [
        list(model.objects.order_by("id").values())
        for model in (Conversation, Message, Generation, Share, Folder)
    ]
