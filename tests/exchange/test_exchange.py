"""Conversations as files, out and in, through the doors of the page."""

import json
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.test import Client
from django.utils import timezone

from portal.accounts import quotas
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat.models import Conversation, Generation, Message, State
from portal.exchange import taking_in
from portal.order import actions as order
from portal.streams import rates
from tests.doubles.said import answered, answered_again, said
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

MOMENT = "2026-01-02T03:04:05Z"


@pytest.fixture
def browser_of(settings: Any) -> Any:
    def browser(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
        return client

    return browser


@pytest.fixture
def hers(alice: Person) -> Conversation:
    """A tree: a question asked in two versions, answers in two, and a branch that is shown."""
    conversation = said(alice, ("What now?", "Lunch."), title='Plans/für "Mai"\n')
    first = Message.objects.get()
    answered_again(first, "Half", state=State.STOPPED)
    lunch = Generation.objects.get(text="Lunch.")
    answered(conversation, "And then?", "Tea.", after=lunch)
    later = answered(conversation, "And after that?", "数据库 👩‍🚀", after=lunch)
    folder = order.create_folder(alice, name="Work")
    conversation.shown, conversation.folder = later, folder
    conversation.pinned_at = conversation.changed_at
    conversation.save()
    return conversation


def exported(browser: Client, kind: str = "json", *ids: Any) -> bytes:
    response = browser.post("/page/exchange/export/", {"as": kind, "conversation": ids})
    assert response.status_code == 200, response.content
    return async_to_sync(_read)(response)


async def _read(response: Any) -> bytes:
    return b"".join([part async for part in response])


def taken_in(browser: Client, content: Any, *, key: Any = None) -> Any:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return browser.post(
        f"/page/exchange/import/?key={key or uuid4()}", data, content_type="application/json"
    )


def a_file(**changes: Any) -> dict[str, Any]:
    conversation = {
        "title": "T",
        "created_at": MOMENT,
        "changed_at": MOMENT,
        "messages": [{"text": "Q", "created_at": MOMENT, "answers": [an_answer(1)]}],
    }
    return {
        "format": "portal-conversations",
        "version": 1,
        "exported_at": MOMENT,
        "conversations": [{**conversation, **changes}],
    }


def an_answer(number: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "model_name": "m", "text": "A", "created_at": MOMENT, **more}


def shape(conversation: Conversation) -> Any:
    """Everything of a conversation but its ids."""
    numbers: dict[Any, int] = {}
    rows = []
    for message in conversation.messages.order_by("created_at", "id"):
        answers = list(message.generations.order_by("created_at", "id"))
        for answer in answers:
            numbers[answer.id] = len(numbers) + 1
        told = [(a.text, a.state, a.model_name, a.created_at) for a in answers]
        rows.append((message.text, message.created_at, numbers.get(message.after_id), told))
    return (
        conversation.title.strip(),
        conversation.created_at,
        conversation.changed_at,
        conversation.folder.name if conversation.folder else "",
        conversation.pinned_at is not None,
        numbers.get(conversation.shown_id),
        rows,
    )


def test_a_conversation_comes_back_with_every_branch_under_new_ids(
    browser_of: Any, alice: Person, bob: Person, hers: Conversation
) -> None:
    before = shape(hers)
    file = exported(browser_of(alice), "json", hers.id)

    assert taken_in(browser_of(bob), file).json() == {"conversations": 1}

    his = Conversation.objects.get(owner=bob)
    assert shape(his) == before
    assert shape(Conversation.objects.get(owner=alice)) == before
    assert not set(Generation.objects.filter(owner=bob).values_list("client_key")) & set(
        Generation.objects.filter(owner=alice).values_list("client_key")
    )
    ids = [hers.id, *Message.objects.values_list("id", flat=True)]
    assert not [each for each in ids if str(each) in file.decode()], "a file carries no id"


def test_all_of_hers_are_exported_and_of_nobody_else(
    browser_of: Any, alice: Person, bob: Person, hers: Conversation
) -> None:
    said(alice, ("Q", "A"), title="Second")
    said(bob, ("his secret", "A"), title="His")
    for gone in ({"deleted_at": "2026-01-01T00:00:00Z"}, {"is_temporary": True}):
        each = said(alice, ("gone", "gone"), title="Gone")
        Conversation.objects.filter(id=each.id).update(**gone)

    content = json.loads(exported(browser_of(alice)))

    assert sorted(each["title"] for each in content["conversations"]) == sorted(
        [hers.title, "Second"]
    )


@pytest.mark.threat("B1")
@pytest.mark.threat("B7")
def test_anothers_conversation_cannot_be_exported(
    browser_of: Any, bob: Person, carol_the_admin: Person, hers: Conversation
) -> None:
    for other in (bob, carol_the_admin):
        for kind in ("json", "markdown"):
            answers = [
                browser_of(other).post("/page/exchange/export/", {"as": kind, "conversation": each})
                for each in (hers.id, uuid4())
            ]
            assert [each.status_code for each in answers] == [404, 404]
            assert answers[0].content == answers[1].content


def test_markdown_holds_what_is_shown_and_can_be_read(
    browser_of: Any, alice: Person, hers: Conversation
) -> None:
    text = exported(browser_of(alice), "markdown", hers.id).decode()

    assert text.startswith('# Plans/für "Mai"\n')
    assert "What now?" in text
    assert "数据库 👩‍🚀" in text
    assert "Tea." not in text, "a branch that is not shown"


@pytest.mark.threat("D10")
def test_a_file_is_saved_under_a_harmless_name_and_never_shown_as_a_page(
    browser_of: Any, alice: Person
) -> None:
    hostile = said(alice, ("Q", "A"), title='../../x"; filename="evil.html\r\nSet-Cookie: a=b')
    response = browser_of(alice).post(
        "/page/exchange/export/", {"as": "json", "conversation": hostile.id}
    )

    disposition = response["Content-Disposition"]
    assert disposition.startswith("attachment; ")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/json"
    assert not {"/", "\\", "\r", "\n"} & set(disposition)
    assert disposition.count("filename=") == 1
    assert disposition.rstrip('"').endswith(".json")


def test_leaving_and_coming_in_are_written_down(
    browser_of: Any, alice: Person, hers: Conversation
) -> None:
    browser = browser_of(alice)
    Entry.objects.all().delete()
    taken_in(browser, exported(browser, "json", hers.id))
    exported(browser)

    acts = list(Entry.objects.order_by("at").values_list("act", flat=True))
    assert [act for act in acts if act != "folder.created"] == [
        "conversation.exported",
        "conversations.imported",
        "conversations.exported",
    ]


@pytest.mark.threat("H5")
def test_one_press_takes_a_file_in_once(browser_of: Any, alice: Person) -> None:
    browser, key = browser_of(alice), uuid4()

    for _ in range(2):
        assert taken_in(browser, a_file(), key=key).json() == {"conversations": 1}

    assert Conversation.objects.count() == 1


@pytest.mark.threat("B6")
@pytest.mark.threat("B10")
def test_a_file_can_claim_no_id_no_owner_and_no_field_of_ours(
    browser_of: Any, alice: Person, bob: Person, hers: Conversation
) -> None:
    before = shape(hers)
    browser = browser_of(bob)
    columns = {
        field.name for model in (Conversation, Message, Generation) for field in model._meta.fields
    }
    known = {"title", "created_at", "changed_at", "model_name", "folder", "shown", "after", "text"}
    claimed = columns - known - {"state", "reason", "thinking"}

    for name in claimed | {"id", "owner_id", "conversation_id", "client_key"}:
        for file in (
            a_file(**{name: str(hers.id)}),
            a_file(messages=[{"text": "Q", "created_at": MOMENT, name: str(hers.id)}]),
            a_file(
                messages=[
                    {
                        "text": "Q",
                        "created_at": MOMENT,
                        "answers": [an_answer(1, **{name: str(hers.id)})],
                    }
                ]
            ),
        ):
            assert taken_in(browser, file).status_code == 400, name

    assert not Conversation.objects.filter(owner=bob).exists()
    assert shape(Conversation.objects.get()) == before


def message(**more: Any) -> dict[str, Any]:
    return {"text": "Q", "created_at": MOMENT, **more}


BROKEN: dict[str, Any] = {
    "not JSON": b"{",
    "not ours": b"[]",
    "another format": {**a_file(), "format": "chatgpt"},
    "another version": {**a_file(), "version": 2},
    "deep nesting": b'{"conversations":' + b"[" * 100_000,
    "a NUL": a_file(title="a\x00b"),
    "half a character": b'{"format":"portal-conversations","version":1,"exported_at":'
    b'"2026-01-02T03:04:05Z","conversations":[{"title":"\\ud800","created_at":'
    b'"2026-01-02T03:04:05Z","changed_at":"2026-01-02T03:04:05Z","messages":[]}]}',
    "after nothing": a_file(messages=[message(after=1)]),
    "after itself": a_file(messages=[message(after=1, answers=[an_answer(1)])]),
    "after what comes later": a_file(
        messages=[message(after=2, answers=[an_answer(1)]), message(answers=[an_answer(2)])]
    ),
    "one number twice": a_file(messages=[message(answers=[an_answer(1), an_answer(1)])]),
    "showing nothing": a_file(shown=7),
    "an unknown state": a_file(messages=[message(answers=[an_answer(1, state="running")])]),
    "a moment before the calendar": a_file(created_at="0001-01-01T00:00:00Z"),
    "a moment without a zone": a_file(changed_at="2026-01-02T03:04:05"),
    "a long title": a_file(title="x" * 201),
    "a number too large": a_file(messages=[message(answers=[an_answer(10**30)])]),
}


@pytest.mark.threat("C7")
@pytest.mark.threat("H13")
def test_a_file_that_cannot_be_right_is_refused_in_a_sentence_and_nothing_is_stored(
    browser_of: Any, alice: Person
) -> None:
    browser = browser_of(alice)

    for what, content in BROKEN.items():
        response = taken_in(browser, content)
        assert response.status_code == 400, what
        assert "Nothing was taken in" in response.json()["error"], what

    assert not Conversation.objects.exists()


@pytest.mark.threat("C15")
def test_too_much_is_refused_before_anything_is_stored(
    browser_of: Any, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browser_of(alice)
    long_text = a_file(messages=[message(text="x" * 100_001)])
    assert taken_in(browser, long_text).status_code == 413

    monkeypatch.setattr(taking_in, "MAX_TEXTS", 3)
    many = a_file(messages=[message(answers=[an_answer(n)]) for n in range(1, 4)])
    assert taken_in(browser, many).status_code == 413
    monkeypatch.setattr(taking_in, "MAX_BYTES", 10)
    assert taken_in(browser, a_file()).status_code == 413

    assert not Conversation.objects.exists()


def test_moments_in_disorder_still_make_a_conversation_that_opens_in_order(
    browser_of: Any, alice: Person
) -> None:
    early, late = "2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
    taken_in(
        browser_of(alice),
        a_file(
            messages=[
                {"text": "first", "created_at": late, "answers": [an_answer(1, created_at=early)]},
                {"text": "second", "created_at": early, "after": 1, "answers": [an_answer(2)]},
            ],
            shown=2,
        ),
    )

    [first, second] = Message.objects.order_by("created_at")
    assert (first.text, second.text) == ("first", "second")
    assert second.after is not None
    assert first.created_at < second.after.created_at < second.created_at


async def test_what_a_clock_ahead_of_ours_wrote_is_gone_on_from_as_any_other(
    open_tab: OpenTab, browser_of: Any, alice: Person, a_model: Model, worker: Worker
) -> None:
    """Else the next question would stand before them: neither shown nor read by the model."""
    ahead = "2051-01-01T00:00:00Z"
    content = a_file(
        created_at=ahead,
        changed_at=ahead,
        messages=[
            {"text": "one", "created_at": ahead, "answers": [an_answer(1, created_at=ahead)]},
            {"text": "two", "created_at": ahead, "after": 1, "answers": [an_answer(2)]},
        ],
        shown=2,
    )
    await database_sync_to_async(lambda: taken_in(browser_of(alice), content))()
    conversation = await Conversation.objects.aget()
    tab = await open_tab(alice)

    await tab.says(
        "message.send",
        conversation_id=conversation.id,
        text="three",
        client_key=uuid4(),
        model_name="scripted:latest",
    )
    opened = await tab.says("conversation.open", conversation_id=conversation.id)
    request = (await database_sync_to_async(worker.takes)()).request

    assert [each["text"] for each in opened["messages"]] == ["one", "two", "three"]
    assert [each.content for each in request.messages if each.role == "user"] == [
        "one",
        "two",
        "three",
    ]
    assert conversation.changed_at <= timezone.now()


@pytest.mark.threat("H2")
def test_nobody_brings_file_after_file_without_a_pause(
    browser_of: Any, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody else writes while one is stored."""
    counted: list[tuple[str, str]] = []

    def take(what: str, who: str, *, most_a_minute: int) -> int | None:
        counted.append((what, who))
        return 7 if len(counted) > most_a_minute else None

    monkeypatch.setattr(quotas, "MAX_FILES_A_MINUTE", 2)
    monkeypatch.setattr(rates, "take", take)

    answers = [taken_in(browser_of(alice), a_file()) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert "Wait a moment" in answers[2].json()["error"]
    assert set(counted) == {("files", f"person:{alice.pk}")}
    assert Conversation.objects.count() == 2


def test_without_a_session_there_is_nothing_to_fetch_and_nothing_to_bring(client: Client) -> None:
    for address in ("/page/exchange/export/", "/page/exchange/import/"):
        response = client.post(address)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")
        assert client.get(address).status_code == 405


@pytest.mark.threat("H2")
def test_many_conversations_are_stored_in_few_statements(
    alice: Person, django_assert_max_num_queries: Any
) -> None:
    """On SQLite nobody else writes meanwhile: the answers that others wait for least of all."""
    content = a_file(folder="Work")
    content["conversations"] *= 100

    with django_assert_max_num_queries(60):
        taking_in.take_in(alice, taking_in.read(json.dumps(content).encode()), client_key=uuid4())

    assert Conversation.objects.filter(owner=alice, folder__name="Work").count() == 100
