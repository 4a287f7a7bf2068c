"""The branch of a conversation that is shown, read from its end, a stretch at a time (threat I3).

A conversation is a tree: a question follows an answer, each question may have been asked anew in
another version, each answer given anew. Not for changing which branch is shown: turning.py does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.chat import access, queries
from portal.chat.errors import Conflict, NotFound
from portal.chat.models import Conversation, Generation, Message, NextQuestion
from portal.files.queries import ATTACHED

QUESTIONS_A_STRETCH = 30
# One jump to an old message may load this much; a frame has to end somewhere.
MAX_QUESTIONS_A_JUMP = 2_000
_QUESTIONS_A_READ = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question with all its answers, oldest first. `versions` are all questions asked in this
    place, this one among them."""

    message: Message
    answers: Sequence[Generation]
    shown_id: UUID | None
    versions: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Part of the shown branch, oldest first. `more` says that older questions led to it."""

    conversation: Conversation
    turns: Sequence[Turn]
    more: bool
    nexts: Sequence[NextQuestion]
    running_id: UUID | None


def last_answer(conversation: Conversation) -> Generation | None:
    """Where the shown branch ends: what the next question follows."""
    if conversation.shown_id is not None:
        shown = Generation.objects.filter(message__conversation=conversation)
        return shown.select_related("message").defer("request").get(id=conversation.shown_id)
    # Begun before there were branches: then nothing was ever asked beside the last question.
    last = conversation.messages.order_by("created_at", "id").last()
    return last.generations.order_by("created_at", "id").last() if last else None


def followed(
    person: Person, conversation: Conversation, *, after_id: UUID | None
) -> Generation | None:
    """The answer that a new question follows. A tab that saw an older end is told so (H6)."""
    if after_id is None:
        return last_answer(conversation)
    answer = access.generation_for_reading(person, after_id)
    if access.message_answered(answer).conversation_id != conversation.id:
        raise NotFound("generation")
    if answer.followers.exists():
        raise Conflict(
            _(
                "This conversation has gone on elsewhere, so your question was not sent. It is"
                " still in the box; look at what is new and send it again."
            )
        )
    return answer


def newest_stretch(conversation: Conversation) -> Stretch:
    end = last_answer(conversation)
    steps = _steps_to(end, conversation) if end else iter(())
    return _stretch(conversation, list(islice(steps, QUESTIONS_A_STRETCH + 1)))


def stretch_before(conversation: Conversation, message: Message) -> Stretch:
    """What led to this message of it, whichever branch is shown now."""
    end = message.after
    steps = _steps_to(end, conversation) if end else iter(())
    return _stretch(conversation, list(islice(steps, QUESTIONS_A_STRETCH + 1)))


def stretch_from(conversation: Conversation, message: Message) -> Stretch:
    """The end of the shown branch, and as much before it as reaches some way beyond this message
    of it."""
    end = last_answer(conversation)
    steps: list[Step] = []
    wanted = MAX_QUESTIONS_A_JUMP
    for step in _steps_to(end, conversation) if end else iter(()):
        steps.append(step)
        if step[0] == message.id:
            wanted = max(QUESTIONS_A_STRETCH, len(steps) + QUESTIONS_A_STRETCH // 2)
        if len(steps) > wanted:
            break
    return _stretch(conversation, steps, most=min(wanted, MAX_QUESTIONS_A_JUMP))


def turn_of(message: Message, *, shown: Generation) -> Turn:
    versions = _versions(message.conversation, [message])
    answers = message.generations.select_related("rating").order_by("created_at", "id")
    return Turn(
        message=message,
        answers=list(answers),
        shown_id=shown.id,
        versions=versions[message.after_id],
    )


def nexts_of(conversation: Conversation) -> list[NextQuestion]:
    """What waits for its turn in this conversation, in the order in which it will be sent."""
    waiting = conversation.next_questions.select_related("follows").prefetch_related(ATTACHED)
    return list(waiting.order_by("created_at", "id"))


def is_shown(conversation: Conversation, message: Message) -> bool:
    end = last_answer(conversation)
    return end is not None and any(
        message_id == message.id for message_id, _answer_id in _steps_to(end, conversation)
    )


def is_answer_shown(conversation: Conversation, answer: Generation) -> bool:
    end = last_answer(conversation)
    return end is not None and any(
        answer_id == answer.id for _message_id, answer_id in _steps_to(end, conversation)
    )


def newest_answer_to(message: Message) -> Generation | None:
    """The end of the branch through this message on which something happened last."""
    return _newest_answer_among(message, {message.id})


def newest_answer_from(answer: Generation) -> Generation:
    """As `newest_answer_to`, through this one of the answers."""
    message = access.message_answered(answer)
    roots = set(answer.followers.values_list("id", flat=True))
    return (_newest_answer_among(message, roots) if roots else None) or answer


# A question, and the answer to it that the branch goes through.
Step = tuple[UUID, UUID]


def _steps_to(end: Generation, conversation: Conversation) -> Iterator[Step]:
    """From the end of a branch up to its first question. Asks as it goes; reads no texts."""
    message = access.message_answered(end)
    older = (
        conversation.messages.filter(created_at__lte=message.created_at)
        .order_by("-created_at", "-id")
        .values_list("id", "after_id", "after__message_id")
    )
    above: dict[UUID, tuple[UUID | None, UUID | None]] = {}
    wanted: UUID | None = message.id
    answer_id: UUID | None = end.id
    read = 0
    while wanted is not None and answer_id is not None:
        if wanted not in above:
            rows = list(older[read : read + _QUESTIONS_A_READ])
            if not rows:
                return
            read += len(rows)
            above.update({id_: (after_id, parent_id) for id_, after_id, parent_id in rows})
            continue
        yield wanted, answer_id
        answer_id, wanted = above.pop(wanted)


def _stretch(
    conversation: Conversation, steps: Sequence[Step], *, most: int = QUESTIONS_A_STRETCH
) -> Stretch:
    """`steps` newest first; one more than fits says that there are more."""
    open_ids = queries.open_generations(conversation).values_list("id", flat=True)
    return Stretch(
        conversation=conversation,
        turns=_turns(conversation, list(reversed(steps[:most]))),
        more=len(steps) > most,
        nexts=nexts_of(conversation),
        running_id=open_ids.first(),
    )


def _turns(conversation: Conversation, steps: Sequence[Step]) -> list[Turn]:
    """Four queries, whatever their number (threat H12)."""
    ids = [message_id for message_id, _answer_id in steps]
    found_messages = conversation.messages.filter(id__in=ids).prefetch_related(ATTACHED)
    messages = {each.id: each for each in found_messages}
    answers: dict[UUID | None, list[Generation]] = {id_: [] for id_ in ids}
    found = Generation.objects.filter(message_id__in=ids).select_related("rating").defer("request")
    for answer in found.order_by("created_at", "id"):
        answers[answer.message_id].append(answer)
    versions = _versions(conversation, list(messages.values()))
    return [
        Turn(
            message=messages[message_id],
            answers=answers[message_id],
            shown_id=answer_id,
            versions=versions[messages[message_id].after_id],
        )
        for message_id, answer_id in steps
    ]


def _versions(
    conversation: Conversation, messages: Sequence[Message]
) -> dict[UUID | None, list[UUID]]:
    """All questions behind the same answers, by that answer; None: what the conversation began
    with."""
    places = {message.after_id for message in messages}
    is_there = Q(after_id__in=places - {None})
    if None in places:
        is_there |= Q(after=None)
    found: dict[UUID | None, list[UUID]] = {place: [] for place in places}
    rows = conversation.messages.filter(is_there).order_by("created_at", "id")
    for id_, after_id in rows.values_list("id", "after_id"):
        found[after_id].append(id_)
    return found


def _newest_answer_among(top: Message, roots: set[UUID]) -> Generation | None:
    """The newest answer to any of these questions or to what was asked after them."""
    conversation = top.conversation
    below = set(roots)
    later = conversation.messages.filter(created_at__gte=top.created_at)
    for id_, parent_id in later.order_by("created_at", "id").values_list("id", "after__message_id"):
        if parent_id in below and id_ != top.id:
            below.add(id_)
    answers = Generation.objects.filter(
        message__conversation=conversation, created_at__gte=top.created_at
    )
    ids = answers.order_by("-created_at", "-id").values_list("id", "message_id")
    newest = next((id_ for id_, message_id in ids if message_id in below), None)
    return answers.filter(id=newest).first() if newest else None
