"""Questions asked while an answer is being made: kept, and sent when that answer is there.

Rows, not promises of a tab: they survive a reload, a closed browser and a restart of every part. An
answer that came to its end, or was stopped, is followed at once; one that failed leaves the
decision to the person. `Nexts` lives in the recorder's process, which hears of every end.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access as catalog
from portal.catalog import aliases
from portal.chat import access, actions, branches, limits, queries, queueing
from portal.chat.errors import AnswerRunning, ChatError, Conflict, TooMuch, TooOften, Unavailable
from portal.chat.models import OPEN, Conversation, Generation, NextQuestion, State
from portal.chat.settling import settle
from portal.chat.wakeups import wake
from portal.files import access as files
from portal.files.actions import attach, must_be_seen
from portal.files.queries import ids_of
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

MAX_NEXT_QUESTIONS = 5
SWEEP_SECONDS = 5.0

Wake = Callable[[UUID, UUID], None]


def send_or_keep(
    person: Person,
    *,
    conversation_id: UUID,
    text: str,
    client_key: UUID,
    model_name: str,
    after: UUID | None,
    file_ids: Sequence[UUID] = (),
) -> Generation | NextQuestion:
    """Send it; or keep it, when an answer is being made or others wait already."""
    text = limits.checked_text(text, has_files=bool(file_ids))
    conversation = access.conversation_for_writing(person, conversation_id)
    settle(queries.open_generations(conversation))
    once = partial(
        _send_or_keep,
        person,
        conversation_id=conversation_id,
        text=text,
        client_key=client_key,
        model_name=model_name,
        after=after,
        file_ids=file_ids,
    )
    try:
        return once()
    except IntegrityError:
        # Two presses with one key at one moment: the other one is stored now.
        return once()


@transaction.atomic
def _send_or_keep(
    person: Person,
    *,
    conversation_id: UUID,
    text: str,
    client_key: UUID,
    model_name: str,
    after: UUID | None,
    file_ids: Sequence[UUID],
) -> Generation | NextQuestion:
    queueing.one_press_at_a_time(person)
    earlier = access.next_of_press(person, client_key)
    if earlier is not None:
        same = (text, conversation_id, list(dict.fromkeys(file_ids)))
        if (earlier.text, earlier.conversation_id, ids_of(earlier)) != same:
            raise Conflict(_("This message was sent already, with another text."))
        return earlier
    conversation = access.conversation_for_writing(person, conversation_id)
    is_sent = access.message_of_press(person, client_key) is not None
    if not is_sent and _must_wait(conversation):
        return _keep(
            person,
            conversation,
            text=text,
            client_key=client_key,
            model_name=model_name,
            after=after,
            file_ids=file_ids,
        )
    return actions.send_message(
        person,
        conversation_id=conversation_id,
        text=text,
        client_key=client_key,
        model_name=model_name,
        after=after,
        file_ids=file_ids,
    )


def _must_wait(conversation: Conversation) -> bool:
    """Nobody overtakes her own question."""
    return conversation.next_questions.exists() or queries.open_generations(conversation).exists()


def _keep(
    person: Person,
    conversation: Conversation,
    *,
    text: str,
    client_key: UUID,
    model_name: str,
    after: UUID | None,
    file_ids: Sequence[UUID],
) -> NextQuestion:
    if access.generation_of_press(person, client_key) is not None:
        raise Conflict(_("This key was used for another command."))
    model = catalog.model_for_answering(person, model_name)
    attached = files.files_for_asking(person, file_ids, conversation=conversation)
    must_be_seen(attached, model=model)
    if conversation.next_questions.count() >= MAX_NEXT_QUESTIONS:
        raise TooMuch(
            ngettext(
                "%(count)s question waits already. Yours was not sent; wait, or take one back.",
                "%(count)s questions wait already. Yours was not sent; wait, or take one back.",
                MAX_NEXT_QUESTIONS,
            )
            % {"count": MAX_NEXT_QUESTIONS}
        )
    follows = _answer_before(person, conversation, after=after)
    if follows is None:
        raise Conflict
    kept = NextQuestion.objects.create(
        conversation=conversation,
        author=person,
        follows=follows,
        text=text,
        client_key=client_key,
        model_name=aliases.name_kept(model_name, model=model),
    )
    attach(attached, conversation=conversation, next_question=kept)
    record(person, "next.kept", conversation)
    transaction.on_commit(partial(wake, person.id, conversation.id))
    return kept


def _answer_before(
    person: Person, conversation: Conversation, *, after: UUID | None
) -> Generation | None:
    try:
        return branches.followed(person, conversation, after_id=after)
    except Conflict:
        # What waited was sent a moment ago, and her tab has not heard: this one waits behind it.
        return branches.last_answer(conversation)


@transaction.atomic
def cancel(person: Person, next_id: UUID) -> Conversation:
    """Take it back. Too late, it was sent: `NotFound` says so. Gives the conversation it was in."""
    queueing.one_press_at_a_time(person)
    kept = access.next_for_writing(person, next_id)
    record(person, "next.taken_back", kept.conversation)
    transaction.on_commit(partial(wake, person.id, kept.conversation_id))
    kept.delete()
    return kept.conversation


def send_now(person: Person, *, next_id: UUID, model_name: str) -> Generation:
    """Hers to decide after an answer that failed: send it as it is, by this model."""
    settle(queries.open_generations(access.next_for_writing(person, next_id).conversation))
    with transaction.atomic():
        queueing.one_press_at_a_time(person)
        kept = access.next_for_writing(person, next_id)
        is_stale = kept.follows.followers.exists()
        return _send(kept, model_name=model_name, after=None if is_stale else kept.follows_id)


def _send(kept: NextQuestion, *, model_name: str, after: UUID | None) -> Generation:
    """Inside a transaction: the row becomes a message, and those behind it follow its answer."""
    conversation_id, follows_id = kept.conversation_id, kept.follows_id
    generation = actions.send_message(
        kept.author,
        conversation_id=conversation_id,
        text=kept.text,
        client_key=kept.client_key,
        model_name=model_name,
        after=after,
        file_ids=ids_of(kept),
    )
    kept.delete()
    behind = NextQuestion.objects.filter(conversation_id=conversation_id, follows_id=follows_id)
    behind.update(follows=generation)
    return generation


class Nexts:
    """Call `step` for ever. Give `wake` to the recorder: it hears so of every end at once, and the
    sweep finds what nobody told (threat H3)."""

    def __init__(self, *, clock: Callable[[], float], wake: Wake) -> None:
        self._clock = clock
        self._tell = wake
        self._next_sweep = clock()
        self._has_news = False

    def wake(self, owner_id: UUID, conversation_id: UUID) -> None:
        self._has_news = True
        self._tell(owner_id, conversation_id)

    def step(self) -> None:
        now = self._clock()
        if not self._has_news and now < self._next_sweep:
            return
        self._has_news = False
        self._next_sweep = now + SWEEP_SECONDS
        for kept in due():
            _send_due(kept)


def due() -> QuerySet[NextQuestion]:
    """The first of each branch whose answer is there, of everyone."""
    answering = Generation.objects.filter(
        message__conversation=OuterRef("conversation"), state__in=OPEN
    )
    earlier = NextQuestion.objects.filter(
        follows=OuterRef("follows"), created_at__lt=OuterRef("created_at")
    )
    ready = NextQuestion.objects.filter(
        reason="",
        conversation__deleted_at=None,
        follows__state__in=(State.COMPLETE, State.STOPPED),
    )
    return ready.exclude(Exists(answering)).exclude(Exists(earlier)).order_by("created_at", "id")


def _send_due(kept: NextQuestion) -> None:
    """With the rights of this moment, and only if nothing has moved since it was found."""
    try:
        with transaction.atomic():
            queueing.one_press_at_a_time(kept.author)
            fresh = due().select_related("author").filter(id=kept.id).first()
            if fresh is not None:
                _send(fresh, model_name=fresh.model_name, after=fresh.follows_id)
    except (TooOften, Unavailable, AnswerRunning) as error:
        log.info("%s waits on: %s", kept.id, error.code)
    except ChatError as error:
        _hold(kept, error)
    except (*AWAY, OperationalError, InterfaceError):
        raise  # no question's fault: whoever keeps us running waits until they are back
    except Exception:
        # One that trips us must not hold up those behind it; the next sweep tries it again.
        log.exception("%s could not be sent", kept.id)


@transaction.atomic
def _hold(kept: NextQuestion, error: ChatError) -> None:
    """It stays, with why; what happens to it is the person's to say."""
    kept.reason = error.code
    kept.save(update_fields=["reason"])
    transaction.on_commit(partial(wake, kept.author_id, kept.conversation_id))
