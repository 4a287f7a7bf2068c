"""What a person finds in her own conversations: titles and texts with what she looks for.

The index says which texts may hold it (index.py); here they are read, compared with what she wrote,
and cut to a line with the hits marked. Marks are parts of a list, never markup. Changes nothing but
the index.
"""

import datetime
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.chat.errors import BadCommand
from portal.chat.models import Conversation
from portal.search import index
from portal.search.limit import limited
from portal.search.marks import marks_in, without
from portal.search.models import Passage
from portal.search.words import Query, fold, terms_in

HITS_A_PAGE = 20
MAX_TITLES = 8
# Looked at before a page is given as it is: the rest comes with the next one.
MAX_LOOKED_AT = 400
_LOOKED_AT_ONCE = 50
_TITLES_LOOKED_AT = 20_000
_BEFORE_CHARS = 48
_LINE_CHARS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A bit of a line; `is_hit` when it is what was looked for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleHit:
    conversation: Conversation
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """In a message, or in the answer `generation_id` to it."""

    conversation: Conversation
    message_id: UUID
    generation_id: UUID | None
    said_at: datetime.datetime
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page. `after` asks for the next one, None when there is none. `is_complete` is False while
    older texts are still being taken into the index."""

    titles: Sequence[TitleHit]
    hits: Sequence[Hit]
    after: str | None
    is_complete: bool


def find(person: Person, *, words: str, after: str | None = None) -> Found:
    """Everything of hers that holds all the words, newest first. Archived ones too."""
    query = Query.parse(words)
    if query.is_empty:
        raise BadCommand(_("Type a word, or a part of one, to search for."))
    is_complete = index.catch_up(person)
    with limited() as deadline:
        titles = [] if after else _titles(person, query)
        hits, next_after = _hits(person, query, after=after, deadline=deadline)
    return Found(titles=titles, hits=hits, after=next_after, is_complete=is_complete)


def _titles(person: Person, query: Query) -> list[TitleHit]:
    hers = Conversation.objects.filter(owner=person, deleted_at=None, is_temporary=False)
    rows = hers.order_by("-changed_at").values_list("id", "title")[:_TITLES_LOOKED_AT]
    named = {}
    for conversation_id, title in rows:
        parts = _line(title, query)
        if parts is not None:
            named[conversation_id] = parts
        if len(named) == MAX_TITLES:
            break
    found = hers.filter(id__in=list(named)).order_by("-changed_at")
    return [TitleHit(conversation=each, parts=named[each.id]) for each in found]


def _hits(
    person: Person, query: Query, *, after: str | None, deadline: float
) -> tuple[list[Hit], str | None]:
    candidates = index.passages_with(person, query)
    if after is not None:
        candidates = _behind(candidates, after)
    hits: list[Hit] = []
    last: Passage | None = None
    for looked_at, passage in enumerate(_read(candidates)):
        is_enough = len(hits) == HITS_A_PAGE or looked_at == MAX_LOOKED_AT
        if is_enough or time.monotonic() > deadline:
            return hits, _place(last)
        last = passage
        hit = _hit(passage, query)
        if hit is not None:
            hits.append(hit)
    return hits, None


def _read(candidates: QuerySet[Passage]) -> Iterator[Passage]:
    """Some at a time: most searches end with the first page, and texts are long."""
    rows = candidates.select_related("conversation", "message", "generation").defer("words")
    start = 0
    while page := list(rows[start : start + _LOOKED_AT_ONCE]):
        yield from page
        start += len(page)


def _hit(passage: Passage, query: Query) -> Hit | None:
    message, generation = passage.message, passage.generation
    text = message.text if message else generation.text if generation else ""
    message_id = message.id if message else generation.message_id if generation else None
    # Questions are shown as they were typed, answers as they are drawn.
    parts = _line(text, query, is_markdown=generation is not None)
    if parts is None or message_id is None:
        return None
    return Hit(
        conversation=passage.conversation,
        message_id=message_id,
        generation_id=generation.id if generation else None,
        said_at=passage.said_at,
        parts=parts,
    )


def _line(text: str, query: Query, *, is_markdown: bool = False) -> list[Part] | None:
    """The stretch around the first hit, with every hit in it marked; None when it holds not all."""
    folded = fold(text)
    places = terms_in(folded, query)
    if places is None:
        return None
    spans = _joined(
        (folded.origin(start, end=len(text)), folded.origin(end, end=len(text)))
        for start, end in places
    )
    begin, end = _stretch(text, around=spans[0])
    marks = marks_in(text, begin=begin, end=end, hits=spans) if is_markdown else []
    parts = [Part(text="…", is_hit=False)] if begin > 0 else []
    at = begin
    for start, stop in [*spans, (end, end)]:
        start, stop = min(start, end), min(stop, end)
        between = _flat(without(text, start=at, stop=start, marks=marks))
        if between:
            parts.append(Part(text=between, is_hit=False))
        if stop > start:
            parts.append(Part(text=_flat(text[start:stop]), is_hit=True))
        at = stop
    return [*parts, Part(text="…", is_hit=False)] if end < len(text) else parts


def _joined(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Hits that touch are one; one that folding left without a character is widened to one."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        stop = max(stop, start + 1)
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _stretch(text: str, *, around: tuple[int, int]) -> tuple[int, int]:
    begin = max(0, around[0] - _BEFORE_CHARS)
    if begin > 0:
        # Not in the middle of a word, where a blank is near.
        blank = text.find(" ", begin, around[0])
        begin = begin if blank < 0 else blank + 1
    return begin, min(len(text), begin + _LINE_CHARS)


def _flat(text: str) -> str:
    """On one line, with its blanks at either end."""
    return "".join(" " if char in "\r\n\t\v\f" else char for char in text)


def _place(passage: Passage | None) -> str | None:
    return None if passage is None else f"{passage.said_at.isoformat()} {passage.pk}"


def _behind(candidates: QuerySet[Passage], after: str) -> QuerySet[Passage]:
    moment, _blank, number = after.rpartition(" ")
    try:
        said_at, passage_id = datetime.datetime.fromisoformat(moment), int(number)
    except ValueError:
        raise BadCommand from None
    # At either end of the calendar a moment has no name in other time zones.
    is_in_calendar = datetime.MINYEAR < said_at.year < datetime.MAXYEAR
    if said_at.tzinfo is None or not is_in_calendar or not 0 <= passage_id < 2**62:
        raise BadCommand
    return candidates.filter(Q(said_at__lt=said_at) | Q(said_at=said_at, id__lt=passage_id))
