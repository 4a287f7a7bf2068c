"""How files go: with their conversation, after a day unsent, and nothing of them stays."""

import datetime
import json
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat import actions
from portal.chat.models import Conversation, Generation, Message
from portal.files import places, queue, sweeping
from portal.files.models import Attachment, DocumentText, File
from portal.files.queries import files_of
from portal.order import actions as order
from portal.order import leaving
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker
from tests.files.conftest import Added

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = b"canary 7391 of a paper"


@pytest.fixture
def answered(a_model: Model, worker: Worker, brain: Brain, added: Added) -> Callable[..., Any]:
    """A question with a paper, answered: the conversation and the id of the file."""

    def ask(person: Person, *, within: Conversation | None = None) -> tuple[Conversation, UUID]:
        file_id = added(person, SECRET, name="paper.txt")
        generation = actions.send_message(
            person,
            conversation_id=within.id if within else None,
            text="Read it",
            client_key=uuid4(),
            model_name="scripted:latest",
            file_ids=[file_id],
        )
        worker.answers("Done.")
        brain.steps()
        assert generation.message is not None
        return generation.message.conversation, file_id

    return ask


def nothing_is_left() -> bool:
    rows = [model.objects.exists() for model in (File, DocumentText, Attachment)]
    return not any(rows) and not [path for path in places.root().glob("??/*") if path.is_file()]


@pytest.mark.threat("H15")
@pytest.mark.threat("B11")
def test_files_of_a_deleted_conversation_are_out_of_reach_at_once_and_gone_a_day_later(
    alice: Person, answered: Callable[..., Any], browser_of: Callable[[Person], Client]
) -> None:
    conversation, file_id = answered(alice)
    browser = browser_of(alice)
    assert browser.get(f"/page/files/{file_id}/content").status_code == 200

    actions.delete_conversation(alice, conversation_id=conversation.id)
    for path in ("", "content"):
        assert browser.get(f"/page/files/{file_id}/{path}").status_code == 404
    Conversation.objects.update(deleted_at=timezone.now() - 2 * leaving.DELETED_FOR)
    leaving.purge_left()

    assert nothing_is_left()


@pytest.mark.threat("H15")
def test_a_temporary_conversation_takes_its_files_along_at_once(
    alice: Person, answered: Callable[..., Any]
) -> None:
    conversation, _file_id = answered(alice, within=order.begin_temporary(alice))

    order.end_temporary(alice, conversation_id=conversation.id)

    assert nothing_is_left()
    assert not Generation.objects.exists()


@pytest.mark.threat("E23")
def test_what_was_added_and_not_sent_goes_after_a_day_and_what_was_sent_stays(
    alice: Person, added: Added, answered: Callable[..., Any]
) -> None:
    _conversation, sent = answered(alice)
    old, fresh = added(alice), added(alice)
    day_ago = timezone.now() - datetime.timedelta(days=1, minutes=1)
    File.objects.filter(id__in=[old, sent]).update(created_at=day_ago)

    assert sweeping.forget() == 1

    assert set(File.objects.values_list("id", flat=True)) == {sent, fresh}
    assert not places.path_of(old).exists()
    assert places.path_of(sent).exists()


def test_bytes_without_a_row_go_and_those_that_come_just_now_stay(
    alice: Person, added: Added
) -> None:
    kept, stray, young, broken = added(alice), uuid4(), uuid4(), uuid4()
    for file_id in (stray, young, broken):
        places.store(file_id, [b"x"])
    half = places.path_of(broken).with_name("coming-half")
    places.path_of(broken).rename(half)
    for path in (places.path_of(kept), places.path_of(stray), half):
        os.utime(path, (0, 0))

    assert sweeping.forget() == 1

    assert places.path_of(kept).exists()
    assert places.path_of(young).exists()
    assert not places.path_of(stray).exists()
    assert not half.exists()
    places.remove([young])


def test_a_file_that_no_task_was_told_of_is_found(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []
    lost = added(alice, read=False)
    added(alice)
    monkeypatch.setattr(queue, "send", told.append)

    assert sweeping.wake_late() == 0
    File.objects.update(created_at=timezone.now() - datetime.timedelta(minutes=1))
    assert sweeping.wake_late() == 1

    assert told == [lost]


# ── Out of the portal, and back ─────────────────────────────────────────────────────────────────


def test_an_export_names_files_and_an_import_says_that_they_did_not_come_along(
    alice: Person,
    bob: Person,
    answered: Callable[..., Any],
    browser_of: Callable[[Person], Client],
) -> None:
    conversation, _file_id = answered(alice)
    exported = _body(browser_of(alice), "json", conversation)
    [message] = json.loads(exported)["conversations"][0]["messages"]
    assert message["files"] == [
        {"name": "paper.txt", "kind": "document", "media_type": "text/plain"}
    ]
    assert SECRET not in exported
    assert b"paper.txt" in _body(browser_of(alice), "markdown", conversation)

    response = browser_of(bob).post(
        f"/page/exchange/import/?key={uuid4()}", exported, content_type="application/json"
    )

    assert response.status_code == 200
    [his] = files_of(Message.objects.get(author=bob))
    assert (his.name, his.state, his.owner) == ("paper.txt", "refused", bob)
    told: Any = browser_of(bob).get(f"/page/files/{his.id}/").json()
    assert "did not come along" in told["sentence"]


@pytest.mark.threat("B5")
async def test_a_shared_chat_tells_names_and_opens_no_file(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    answered: Callable[..., Any],
    browser_of: Callable[[Person], Client],
) -> None:
    conversation, file_id = await database_sync_to_async(answered)(alice)
    hers, his = await open_tab(alice), await open_tab(bob)
    shared = await hers.says(
        "share.create",
        conversation_id=conversation.id,
        emails=[bob.email],
        group_ids=[],
        client_key=uuid4(),
    )

    opened = await his.says("share.open", share_id=shared["shares"][0]["id"])
    response: Any = await database_sync_to_async(
        lambda: browser_of(bob).get(f"/page/files/{file_id}/content")
    )()

    assert opened["turns"][0]["files"] == ["paper.txt"]
    assert SECRET.decode() not in json.dumps(opened)
    assert response.status_code == 404


def test_a_snapshot_of_before_there_were_files_is_shown() -> None:
    # Here, for the frames have to be known before it.
    from portal.sharing import snapshot

    stored = [{"question": "Q", "asked_at": "2026-01-01T00:00:00Z", "answer": None}]

    assert snapshot.shown(stored)[0].files == []


def _body(browser: Client, kind: str, conversation: Conversation) -> bytes:
    response: Any = browser.post(
        "/page/exchange/export/", {"as": kind, "conversation": [conversation.id]}
    )

    async def read() -> bytes:
        parts = [part async for part in response]
        return b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)

    return async_to_sync(read)()
