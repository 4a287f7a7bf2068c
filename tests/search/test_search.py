"""Searching one's own conversations, through the socket: hits, marks, pages, limits, and whose."""

import datetime
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import connection
from django.utils import timezone

from portal.accounts.models import Person
from portal.chat.models import Conversation, Generation, Message
from portal.search import finding, index, limit
from portal.search.models import Passage
from portal.search.words import Query
from tests.doubles.said import answered, answered_again, said
from tests.doubles.tab import OpenTab, Tab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def found(tab: Tab, words: str, **more: Any) -> dict[str, Any]:
    reply = await tab.says("search", words=words, **more)
    assert reply["type"] == "found", reply
    return reply


def line(hit: dict[str, Any]) -> str:
    """As the page shows it, with hits in brackets."""
    return "".join(f"[{p['text']}]" if p["is_hit"] else p["text"] for p in hit["parts"])


@pytest.fixture
def earlier(alice: Person) -> Conversation:
    return said(
        alice,
        ("Where is the Größe column?", "In the third table, beside the database key."),
        ("我们的数据库在哪里？", "在北京的机房。"),
        title="Müller account",
    )


async def test_words_are_found_in_questions_and_answers_with_the_hits_marked(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)

    [question] = (await found(tab, "grosse"))["hits"]
    [answer] = (await found(tab, "data key"))["hits"]

    assert line(question) == "Where is the [Größe] column?"
    assert question["generation_id"] is None
    assert line(answer) == "In the third table, beside the [data]base [key]."
    assert answer["message_id"] == question["message_id"]
    assert answer["conversation_id"] == str(earlier.id)
    assert answer["title"] == "Müller account"


# What a model wrote, what is looked for, and how the line reads.
READ: dict[str, tuple[str, str, str]] = {
    "emphasis": (
        "## Capital\n\n**Paris** is *it*, [not](https://x.example/) ~~Rome~~.",
        "paris",
        "Capital  [Paris] is it, not Rome.",
    ),
    "block of code": (
        "Say:\n```python\nx = a * b  # **not strong**\n```\nThen *go*.",
        "strong",
        "Say:  x = a * b  # **not [strong]**  Then go.",
    ),
    "table": ("| name | sum |\n|---|:--|\n| tea | 5 |", "tea", "name | sum  [tea] | 5"),
    "stars that mean stars": (
        "Call `snake_case(*args)`, 2 * 3 of a*b*c",
        "snake",
        "Call [snake]_case(*args), 2 * 3 of a*b*c",
    ),
    "address": (
        "See [the page](https://tea.example/x).",
        "tea",
        "See [the page](https://[tea].example/x).",
    ),
    "lists": (
        "> - kept\n\n- [ ] buy \\*milk\\*\n---\n1. tea",
        "milk",
        "- kept  buy *[milk]*  1. tea",
    ),
    "left open": (
        "**Half a hit** and **an open one",
        "hal",
        "[Hal]f a hit and an open one",
    ),
}


@pytest.mark.parametrize(("answer", "words", "read"), READ.values(), ids=READ)
async def test_a_hit_in_an_answer_is_read_without_the_marks_of_markdown(
    open_tab: OpenTab, alice: Person, answer: str, words: str, read: str
) -> None:
    conversation = await database_sync_to_async(said)(alice, ("**As** typed?", answer))

    [hit] = (await found(await open_tab(alice), words))["hits"]
    [question] = (await found(await open_tab(alice), "typed"))["hits"]

    assert hit["conversation_id"] == str(conversation.id)
    assert line(hit) == read
    assert line(question) == "**As** [typed]?"


async def test_a_hit_in_the_middle_of_code_keeps_every_character_of_it(
    open_tab: OpenTab, alice: Person
) -> None:
    code = "".join(f"line {number} **kept**\n" for number in range(40))
    answer = f"**Here**\n```\n{code}needle = *one\n```\n**there**"
    await database_sync_to_async(said)(alice, ("Where?", answer))

    [hit] = (await found(await open_tab(alice), "needle"))["hits"]

    assert "**kept** [needle] = *one" in line(hit)
    assert line(hit).endswith("there")


async def test_chinese_words_of_one_two_and_three_letters_are_found(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)

    for words in ("数据", "数据库", "库在", "北京", "机"):
        [hit] = (await found(tab, words))["hits"]
        assert f"[{words}]" in line(hit)


async def test_a_title_is_found_by_a_word_of_it(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    reply = await found(await open_tab(alice), "muller")

    assert [line(title) for title in reply["titles"]] == ["[Müller] account"]
    assert reply["hits"] == []


async def test_an_answer_is_found_as_soon_as_it_is_whole(
    open_tab: OpenTab, alice: Person, a_model: Any, worker: Worker, brain: Any
) -> None:
    tab = await open_tab(alice)
    await tab.asks("What is a zeugma?")
    held = worker.takes().says("A figure of ")
    assert [line(hit) for hit in (await found(tab, "zeugma"))["hits"]] == ["What is a [zeugma]?"]
    assert (await found(tab, "figure"))["hits"] == []

    held.says("speech.").ends()
    await brain.asteps()

    assert [line(h) for h in (await found(tab, "figure speech"))["hits"]] == [
        "A [figure] of [speech]."
    ]


@pytest.mark.threat("B1")
async def test_nobody_finds_what_another_said(
    open_tab: OpenTab,
    alice: Person,
    bob: Person,
    carol_the_admin: Person,
    earlier: Conversation,
) -> None:
    await found(await open_tab(alice), "database")

    for other in (bob, carol_the_admin):
        tab = await open_tab(other)
        for words in ("database", "muller"):
            reply = await found(tab, words)
            assert (reply["titles"], reply["hits"]) == ([], [])


@pytest.mark.threat("B11")
@pytest.mark.threat("H15")
async def test_what_is_deleted_is_found_no_more_and_nothing_of_its_words_is_kept(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)
    assert (await found(tab, "database"))["hits"]

    await tab.says("conversation.delete", conversation_id=earlier.id)

    reply = await found(tab, "database")
    assert (reply["titles"], reply["hits"]) == ([], [])
    assert await database_sync_to_async(Passage.objects.count)() == 0
    assert await database_sync_to_async(_indexed)() == 0


async def test_an_archived_conversation_is_still_found_and_says_that_it_is(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)
    await tab.says("conversations.archive", conversation_ids=[earlier.id], is_archived=True)

    [hit] = (await found(tab, "database"))["hits"]

    assert hit["is_archived"]


async def test_many_hits_come_in_pages_newest_first_and_each_once(
    open_tab: OpenTab, alice: Person
) -> None:
    await database_sync_to_async(_many)(alice, 57)
    tab = await open_tab(alice)

    lines, after = [], None
    while True:
        reply = await found(tab, "needle", after=after)
        lines += [line(hit) for hit in reply["hits"]]
        after = reply["after"]
        if after is None:
            break

    assert lines == [f"[needle] number {number}" for number in reversed(range(57))]


async def test_texts_from_before_the_first_search_are_taken_in_turn_by_turn(
    open_tab: OpenTab, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TEXTS_A_TURN", 10)
    await database_sync_to_async(_many)(alice, 25)
    tab = await open_tab(alice)

    replies = [await found(tab, "needle") for _ in range(3)]

    assert [reply["is_complete"] for reply in replies] == [False, False, True]
    assert (
        await database_sync_to_async(index.passages_with(alice, Query.parse("needle")).count)()
        == 25
    )


@pytest.mark.threat("I4")
async def test_long_texts_are_taken_in_over_several_searches(
    open_tab: OpenTab, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SECONDS_A_TURN", 0.0)
    await database_sync_to_async(_many)(alice, 3)
    tab = await open_tab(alice)

    replies = [await found(tab, "needle") for _ in range(9)]

    assert not replies[0]["is_complete"]
    assert replies[-1]["is_complete"]
    assert len(replies[-1]["hits"]) == 3


async def test_a_long_text_shows_the_stretch_around_the_hit(
    open_tab: OpenTab, alice: Person
) -> None:
    text = "padding words here and there " * 400 + "the needle stands here " + "and more " * 400
    await database_sync_to_async(said)(alice, ("Q", text))

    [hit] = (await found(await open_tab(alice), "needle"))["hits"]

    shown = line(hit)
    assert "the [needle] stands" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) < 250


HOSTILE = (
    *('" OR 1=1 --', "a* OR b*", 'NEAR("a" "b")', "^column:", "words: a", "%%%a%%%", "_a_"),
    *("'a':* & !'b'", "a | b", "(((((((a", "a\\", "{a b}: c", "⁂a", "a\x00b", "NOT a"),
    *("a " * 5_000, "b" * 10_000, "数" * 10_000, "(a+)+$", "\u202ea\u2066", '"""a"""', "!!!"),
)


@pytest.mark.threat("I4")
async def test_hostile_patterns_are_words_like_any_other(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)

    replies = {words: await tab.says("search", words=words) for words in HOSTILE}

    assert {r["type"] for w, r in replies.items() if w != "!!!"} == {"found"}
    assert replies["!!!"]["code"] == "bad-command"
    assert not [words for words, reply in replies.items() if reply.get("hits")]


@pytest.mark.threat("I4")
async def test_a_forged_place_to_go_on_from_is_refused(
    open_tab: OpenTab, alice: Person, earlier: Conversation
) -> None:
    tab = await open_tab(alice)

    for after in ("x", "2020-01-01 5", "0001-01-01T00:00:00+00:00 1", "a b c"):
        reply = await tab.says("search", words="database", after=after)
        assert reply["code"] == "bad-command", after


@pytest.mark.threat("I4")
def test_a_search_that_takes_too_long_is_ended_by_the_database(alice: Person) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    with pytest.raises(limit.TookTooLong), limit.limited(0.05), connection.cursor() as cursor:
        cursor.execute(endless)

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


@pytest.mark.threat("I4")
@pytest.mark.threat("H12")
def test_a_page_costs_the_same_queries_whatever_is_stored(
    alice: Person, bob: Person, django_assert_max_num_queries: Any
) -> None:
    _many(alice, 60)
    _many(bob, 60)
    finding.find(alice, words="needle")

    with django_assert_max_num_queries(8):
        assert len(finding.find(alice, words="needle number").hits) == finding.HITS_A_PAGE


@pytest.mark.threat("I4")
def test_the_index_is_asked_for_her_words_only(alice: Person, bob: Person) -> None:
    """A common word of others costs her nothing: her own mark is part of what is looked up."""
    said(bob, ("needle", "needle"))
    said(alice, ("needle", "hay"))
    for person in (alice, bob):
        finding.find(person, words="needle")

    sql, parameters = index.passages_with(alice, Query.parse("needle")).query.sql_with_params()

    asked = str(parameters)
    assert f"\u2042{alice.id.hex}" in asked, "the mark, beside the owner that rights ask for"
    assert bob.id.hex not in asked
    assert "words" in sql


def test_an_answer_given_anew_is_found_in_every_version(alice: Person) -> None:
    conversation = said(alice, ("Q", "first version"))
    again = answered_again(Message.objects.get(), "second version")

    found = finding.find(alice, words="version").hits

    assert {hit.generation_id for hit in found} == set(
        Generation.objects.values_list("id", flat=True)
    )
    assert again.id in {hit.generation_id for hit in found}
    assert {hit.conversation.id for hit in found} == {conversation.id}


def _many(person: Person, count: int) -> None:
    conversation = said(person, title="Hay")
    begin = timezone.now() - datetime.timedelta(days=1)
    for number in range(count):
        answered(conversation, f"needle number {number}", "")
    for number, message in enumerate(Message.objects.filter(conversation=conversation)):
        message.created_at = begin + datetime.timedelta(seconds=number)
        message.save(update_fields=["created_at"])


def _indexed() -> int:
    """Rows of the index itself, asked past our own table."""
    if connection.vendor != "sqlite":
        return Passage.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM search_words WHERE search_words MATCH 'database'")
        return int(cursor.fetchone()[0])
