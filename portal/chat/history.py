"""Which turns lead to a message, as a model would read them. Not for how many of them fit."""

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from inference import protocol
from portal.chat.models import Generation, Message, State
from portal.context.cuts import cuts_in
from portal.files.prompting import joined
from portal.files.queries import ATTACHED

USABLE = (State.COMPLETE, State.STOPPED, State.INTERRUPTED)
_MESSAGES_A_READ = 200


Written = Callable[[Message], protocol.Message]


def as_said(message: Message) -> protocol.Message:
    return protocol.Message(role="user", content=message.text)


def turns_before(message: Message, *, written: Written = as_said) -> Iterator[protocol.Message]:
    """Newest first, up to where the person cut the conversation; read in pages (threats H12,
    I3). `written` makes a turn of a question, with its files if there are any."""
    wanted, cuts = message.after_id, cuts_in(message.conversation_id)
    older = Message.objects.filter(
        conversation_id=message.conversation_id, created_at__lte=message.created_at
    ).exclude(id=message.id)
    if written is not as_said:
        older = older.prefetch_related(ATTACHED)
    offset = 0
    while wanted is not None and wanted not in cuts:
        page = list(
            older.order_by("-created_at", "-id").only("id", "after_id", "text")[
                offset : offset + _MESSAGES_A_READ
            ]
        )
        if not page:
            return
        offset += len(page)
        answers = _answers_to([each.id for each in page])
        for each in page:
            generations = answers.get(each.id, [])
            if wanted not in {answer.id for answer in generations}:
                continue
            answer = answer_read(generations, followed=wanted)
            if answer is not None:
                yield protocol.Message(role="assistant", content=answer.text)
            yield written(each)
            wanted = each.after_id
            if wanted is None or wanted in cuts:
                return


def answer_read(generations: Iterable[Generation], *, followed: UUID) -> Generation | None:
    """The answer that was gone on from; where that one failed, the newest that did not."""
    usable = [each for each in generations if each.state in USABLE and each.text.strip()]
    return next((each for each in usable if each.id == followed), usable[-1] if usable else None)


def merged(turns: Iterable[protocol.Message]) -> list[protocol.Message]:
    """Two questions in a row, where the answer between them failed, are one: many templates insist
    that the roles take turns."""
    result: list[protocol.Message] = []
    for turn in turns:
        if result and result[-1].role == turn.role == "user":
            turn = joined(result.pop(), turn)
        result.append(turn)
    # A cut may leave an answer in front of its question.
    begins = next((i for i, turn in enumerate(result) if turn.role != "system"), 0)
    if result[begins].role == "assistant":
        del result[begins]
    return result


def _answers_to(message_ids: list[UUID]) -> dict[UUID, list[Generation]]:
    answers: dict[UUID, list[Generation]] = {}
    found = Generation.objects.filter(message_id__in=message_ids).only(
        "id", "message_id", "state", "text", "created_at"
    )
    for answer in found.order_by("created_at", "id"):
        if answer.message_id is not None:
            answers.setdefault(answer.message_id, []).append(answer)
    return answers
