"""Pins, archive, folders and bulk, through the socket: what stands where, and for whom."""

from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import frames
from portal.chat.models import Conversation
from portal.order import actions, queries
from portal.order.errors import TooManyFolders, TooManyPinned
from portal.order.models import Folder
from tests.doubles.said import said
from tests.doubles.tab import OpenTab, Tab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def three(alice: Person) -> list[Conversation]:
    """Newest first, as the list has them."""
    return [
        said(alice, ("Q", "A"), title=title, ago_minutes=ago)
        for ago, title in enumerate(("One", "Two", "Three"))
    ]


async def listed(tab: Tab, **shelf: Any) -> list[str]:
    command = "shelf.list" if shelf else "conversations.list"
    reply = await tab.says(command, **shelf)
    assert reply["type"] == "conversations", reply
    return [each["title"] for each in reply["conversations"]]


async def folder(tab: Tab, name: str) -> str:
    folders = (await tab.says("folder.create", name=name))["folders"]
    return next(str(each["id"]) for each in folders if each["name"] == name.strip())


async def test_pinned_conversations_come_first_and_stay_there(
    open_tab: OpenTab, alice: Person, three: list[Conversation]
) -> None:
    tab, other_tab = await open_tab(alice), await open_tab(alice)

    for _ in range(2):
        reply = await tab.says("conversations.pin", conversation_ids=[three[2].id], is_pinned=True)
        assert reply["type"] == "ok"

    await other_tab.until(lambda: other_tab.pushed_of("changed"))
    assert await listed(other_tab) == ["Three", "One", "Two"]
    await tab.says("conversations.pin", conversation_ids=[three[2].id], is_pinned=False)
    assert await listed(tab) == ["One", "Two", "Three"]


async def test_archived_conversations_stand_in_the_archive_and_can_come_back(
    open_tab: OpenTab, alice: Person, three: list[Conversation]
) -> None:
    tab = await open_tab(alice)
    await tab.says("conversations.pin", conversation_ids=[three[0].id], is_pinned=True)

    ids = [three[0].id, three[1].id]
    await tab.says("conversations.archive", conversation_ids=ids, is_archived=True)

    assert await listed(tab) == ["Three"]
    assert await listed(tab, shelf="archive") == ["One", "Two"]
    opened = await tab.says("conversation.open", conversation_id=three[0].id)
    assert opened["conversation"]["is_archived"]
    assert not opened["conversation"]["is_pinned"]
    await tab.says("conversations.archive", conversation_ids=ids, is_archived=False)
    assert await listed(tab) == ["One", "Two", "Three"]


async def test_a_folder_holds_what_is_put_into_it_and_gives_it_back_when_it_is_deleted(
    open_tab: OpenTab, alice: Person, three: list[Conversation]
) -> None:
    tab = await open_tab(alice)
    work = await folder(tab, "  Work\n")
    assert await folder(tab, "Work") == work, "asked twice, there once"

    moved = await tab.says(
        "conversations.move", conversation_ids=[three[0].id, three[1].id], folder_id=work
    )
    assert [(f["name"], f["count"]) for f in moved["folders"]] == [("Work", 2)]
    assert await listed(tab) == ["Three"]
    assert await listed(tab, shelf="folder", folder_id=work) == ["One", "Two"]

    renamed = await tab.says("folder.rename", folder_id=work, name="Büro")
    assert [f["name"] for f in renamed["folders"]] == ["Büro"]
    await tab.says("conversations.move", conversation_ids=[three[0].id], folder_id=None)
    assert await listed(tab) == ["One", "Three"]

    assert (await tab.says("folder.delete", folder_id=work))["folders"] == []
    assert await listed(tab) == ["One", "Two", "Three"]


async def test_two_folders_of_one_name_and_folders_without_a_name_are_refused(
    open_tab: OpenTab, alice: Person
) -> None:
    tab = await open_tab(alice)
    await folder(tab, "Work")
    home = await folder(tab, "Home")

    taken = await tab.says("folder.rename", folder_id=home, name="Work")
    empty = await tab.says("folder.create", name=" \u200b!? ")

    assert (taken["code"], empty["code"]) == ("conflict", "bad-command")
    assert (await tab.says("folders.list"))["folders"][0]["name"] == "Home"


@pytest.mark.threat("B4")
async def test_a_handful_with_one_that_is_not_hers_changes_none(
    open_tab: OpenTab, alice: Person, bob: Person, three: list[Conversation]
) -> None:
    his = await database_sync_to_async(said)(bob, ("Q", "A"), title="His")
    tab = await open_tab(alice)
    his_folder = await folder(await open_tab(bob), "His")
    ids = [three[0].id, his.id, three[1].id]

    for command, fields in (
        ("conversations.delete", {}),
        ("conversations.pin", {"is_pinned": True}),
        ("conversations.archive", {"is_archived": True}),
        ("conversations.move", {"folder_id": None}),
    ):
        reply = await tab.says(command, conversation_ids=ids, **fields)
        nobodys = await tab.says(command, conversation_ids=[three[0].id, uuid4()], **fields)
        assert reply["code"] == "not-found"
        assert reply["message"] == nobodys["message"]
    into_his = await tab.says(
        "conversations.move", conversation_ids=[three[0].id], folder_id=his_folder
    )

    assert into_his["code"] == "not-found"
    assert await listed(tab) == ["One", "Two", "Three"]


async def test_many_are_deleted_at_once_and_what_is_written_in_them_stops(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, three: list[Conversation]
) -> None:
    tab, other_tab = await open_tab(alice), await open_tab(alice)
    sent = await tab.asks("Count", conversation_id=str(three[0].id))
    held = worker.takes().says("1 ")

    reply = await tab.says("conversations.delete", conversation_ids=[each.id for each in three])

    assert reply["type"] == "ok"
    assert held.was_asked_to_stop
    assert await listed(tab) == []
    await other_tab.until(lambda: len(other_tab.pushed_of("changed")) >= 3)
    gone = await other_tab.says("conversation.open", conversation_id=three[2].id)
    followed = await other_tab.says(
        "follow", generation_id=sent["message"]["answers"][0]["id"], attempt=0, number=0
    )
    assert (gone["code"], followed["code"]) == ("not-found", "not-found")


async def test_every_act_is_in_the_audit_log(
    open_tab: OpenTab, alice: Person, three: list[Conversation]
) -> None:
    tab = await open_tab(alice)
    ids = [three[0].id]
    work = await folder(tab, "Work")
    await tab.says("conversations.pin", conversation_ids=ids, is_pinned=True)
    await tab.says("conversations.move", conversation_ids=ids, folder_id=work)
    await tab.says("conversations.archive", conversation_ids=ids, is_archived=True)
    await tab.says("conversations.delete", conversation_ids=ids)
    await tab.says("folder.delete", folder_id=work)

    acts = await database_sync_to_async(
        lambda: list(
            Entry.objects.filter(person=alice).order_by("at").values_list("act", flat=True)
        )
    )()
    assert acts == [
        "folder.created",
        "conversation.pinned",
        "conversation.moved",
        "conversation.archived",
        "conversation.deleted",
        "folder.deleted",
    ]


def test_folders_and_pins_have_an_end(
    alice: Person, three: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_FOLDERS", 1)
    monkeypatch.setattr(actions, "MAX_PINNED", 1)
    actions.create_folder(alice, name="Only")

    with pytest.raises(TooManyFolders):
        actions.create_folder(alice, name="Another")
    ids = [each.id for each in three[:2]]
    with pytest.raises(TooManyPinned):
        actions.pin_conversations(alice, conversation_ids=ids, is_pinned=True)

    assert Folder.objects.count() == 1
    assert not Conversation.objects.exclude(pinned_at=None).exists()


@pytest.mark.threat("H12")
def test_shelves_cost_the_same_whatever_stands_on_them(
    alice: Person, django_assert_num_queries: Any
) -> None:
    work = actions.create_folder(alice, name="Work")
    for number in range(12):
        one = said(alice, ("Q", "A"), title=str(number))
        actions.move_conversations(alice, conversation_ids=[one.id], folder_id=work.id)

    with django_assert_num_queries(1):
        assert [count for _folder, count in queries.folders_of(alice)] == [12]
    with django_assert_num_queries(1):
        page = queries.in_folder(work, before=None)
        assert [frames.conversation(row).running for row in page.conversations] == [False] * 12
