"""The index of one person's words: brought up to date when she searches, and asked.

Nobody pays for it who does not search, and no text can be missing that was stored while something
was away: what has no row here yet is taken in first. Not for rights (access.py of chats) and not
for what is shown of a hit (finding.py).
"""

import time
from functools import partial
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import F, Func, QuerySet, Value

from portal.accounts.models import Person
from portal.chat.models import OVER, Generation, Message
from portal.search.models import Passage
from portal.search.words import Query, tokens_of

# So many texts are taken in at one search, or what long ones take so long. The page asks again for
# the rest.
TEXTS_A_TURN = 400
SECONDS_A_TURN = 1.0
# Nothing that anybody types can become this token.
_OWNER_MARK = "\u2042"


def catch_up(person: Person) -> bool:
    """Take in what she or a model has said since her last search. False when some is left."""
    messages = list(_new_messages(person)[: TEXTS_A_TURN + 1])
    answers = list(_new_answers(person)[: TEXTS_A_TURN + 1])
    texts = [partial(_of_message, person, each) for each in messages[:TEXTS_A_TURN]]
    texts += [partial(_of_answer, person, each) for each in answers[:TEXTS_A_TURN]]
    fresh: list[Passage] = []
    deadline = time.monotonic() + SECONDS_A_TURN
    # At least one, however long it is: so that no text can stand in the way for ever.
    while len(fresh) < len(texts) and (not fresh or time.monotonic() < deadline):
        fresh.append(texts[len(fresh)]())
    if fresh:
        # Two searches at one moment take in the same: one of them wins.
        Passage.objects.bulk_create(fresh, batch_size=200, ignore_conflicts=True)
    is_all = len(messages) <= TEXTS_A_TURN and len(answers) <= TEXTS_A_TURN
    return is_all and len(fresh) == len(texts)


def passages_with(person: Person, query: Query) -> QuerySet[Passage]:
    """Her passages that have all the tokens of the query, newest first."""
    found = Passage.objects.filter(
        owner=person, conversation__deleted_at=None, conversation__is_temporary=False
    )
    return found.filter(_has_tokens(person, query)).order_by("-said_at", "-id")


def forget(conversation_ids: list[UUID]) -> None:
    """They are deleted: nothing of them can be found any more, not even their words."""
    with transaction.atomic():
        Passage.objects.filter(conversation_id__in=conversation_ids).delete()


def _new_messages(person: Person) -> QuerySet[Message]:
    return Message.objects.filter(
        conversation__owner=person,
        conversation__deleted_at=None,
        conversation__is_temporary=False,
        passage=None,
    ).order_by("-created_at")


def _new_answers(person: Person) -> QuerySet[Generation]:
    """Those that are over: an answer that grows is found once it is whole."""
    return (
        Generation.objects.filter(
            message__conversation__owner=person,
            message__conversation__deleted_at=None,
            message__conversation__is_temporary=False,
            state__in=OVER,
            passage=None,
        )
        .exclude(text="")
        .select_related("message")
        .order_by("-created_at")
    )


def _of_message(person: Person, message: Message) -> Passage:
    return Passage(
        owner=person,
        conversation_id=message.conversation_id,
        message=message,
        said_at=message.created_at,
        words=_words(person, message.text),
    )


def _of_answer(person: Person, generation: Generation) -> Passage:
    if generation.message is None:
        raise ValueError("an API request is in no conversation")
    return Passage(
        owner=person,
        conversation_id=generation.message.conversation_id,
        generation=generation,
        said_at=generation.created_at,
        words=_words(person, generation.text),
    )


def _words(person: Person, text: str) -> str:
    return " ".join([_owner_token(person), *tokens_of(text)])


def _owner_token(person: Person) -> str:
    """So that the index is asked for her texts only: a common word of others costs her nothing."""
    return f"{_OWNER_MARK}{person.id.hex}"


def _has_tokens(person: Person, query: Query) -> Func:
    """Every token of the query, and hers: answered by the index of whichever database it is."""
    exact = (_owner_token(person), *query.exact)
    if connection.vendor == "sqlite":
        terms = [f'"{token}"' for token in exact] + [f'"{token}"*' for token in query.prefixes]
        return _Matches(F("id"), Value(" AND ".join(terms)))
    # Tokens are letters and digits: there is nothing in them to be escaped.
    terms = [f"'{token}'" for token in exact] + [f"'{token}':*" for token in query.prefixes]
    return _HasLexemes(F("words"), Value(" & ".join(terms)))


class _Matches(Func):
    """SQLite. id IN (SELECT rowid … MATCH query)"""

    output_field = models.BooleanField()
    template = "%(expressions)s)"
    arg_joiner = " IN (SELECT rowid FROM search_words WHERE search_words MATCH "


class _HasLexemes(Func):
    """PostgreSQL. The left side is written as the index of migration 0002 is."""

    output_field = models.BooleanField()
    template = "array_to_tsvector(string_to_array(%(expressions)s::tsquery"
    arg_joiner = ", ' ')) @@ "
