"""How much of a conversation a model sees, from what its last answer counted. Writes nothing.

Counted in few queries whatever the length (threat H12), and no text is read for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db.models.functions import Length

from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat.history import USABLE
from portal.chat.models import Conversation, Generation
from portal.context.cuts import cuts_in
from portal.files.queries import Weight, weights_in

NO_FILES = Weight()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """As `ContextFrame` says it."""

    window_tokens: int
    used_tokens: int = 0
    because: Literal["", "full", "cleared"] = ""
    begins_with: UUID | None = None
    hidden_messages: int = 0
    cleared_at: UUID | None = None
    chars_a_token: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A question of the shown branch and the answer that was gone on from; None: none is of use.

    `chars` are those of both. `stats` is empty where the answer has not ended."""

    message_id: UUID
    answer_id: UUID
    has_answer: bool
    chars: int
    stats: dict[str, int]
    has_pictures: bool


def view_of(conversation: Conversation, *, end: Generation | None, model: Model) -> View:
    """`end` is the last answer of the branch that is shown."""
    window = catalog.context_length_of(model)
    if end is None:
        return View(window_tokens=window)
    steps = list(_steps(conversation, end=end))
    cuts = cuts_in(conversation.id)
    kept = next((at for at, step in enumerate(steps) if step.answer_id in cuts), len(steps))
    cleared_at = steps[kept].answer_id if kept < len(steps) else None
    counted = next((at for at, step in enumerate(steps[:kept]) if step.stats), None)
    if counted is None:
        return _placed(steps, View(window_tokens=window, cleared_at=cleared_at), seen=kept)
    stats = steps[counted].stats
    fits = counted + _turns_read(steps[counted:kept], count=stats.get("read_messages", 0))
    used = stats.get("prompt_tokens", 0) + stats.get("answer_tokens", 0)
    view = View(
        window_tokens=window,
        used_tokens=used,
        cleared_at=cleared_at,
        because="full" if fits < kept else "",
        chars_a_token=_chars_a_token(
            steps[counted:fits], used=used, cut_chars=stats.get("cut_chars", 0)
        ),
    )
    return _placed(steps, view, seen=fits)


def _placed(steps: Sequence[Step], view: View, *, seen: int) -> View:
    """With the line in front of the oldest of the `seen` newest turns."""
    hidden = steps[seen:]
    if not hidden:
        return view
    return View(
        window_tokens=view.window_tokens,
        used_tokens=view.used_tokens,
        because=view.because or "cleared",
        begins_with=steps[seen - 1].message_id if seen else None,
        hidden_messages=len(hidden) + sum(step.has_answer for step in hidden),
        cleared_at=view.cleared_at,
        chars_a_token=view.chars_a_token,
    )


def _turns_read(steps: Sequence[Step], *, count: int) -> int:
    """How many of the newest turns are whole in the `count` newest messages; 0 means all.

    The first of `steps` was being answered. Questions whose answer failed went together as one.
    """
    if not count:
        return len(steps)
    read = 1
    for at, step in enumerate(steps[1:], start=1):
        read += 2 * step.has_answer
        if read > count:
            return at
    return len(steps)


def _chars_a_token(steps: Sequence[Step], *, used: int, cut_chars: int) -> float:
    """Nothing, where pictures are among what was read: how much of it was theirs is not known."""
    if any(step.has_pictures for step in steps):
        return 0.0
    chars = sum(step.chars for step in steps) - cut_chars
    return round(chars / used, 2) if used and chars > 0 else 0.0


def _steps(conversation: Conversation, *, end: Generation) -> Iterator[Step]:
    """The branch that ends there, newest first."""
    files = weights_in(conversation.id)
    messages = {
        message_id: (after_id, chars + files.get(message_id, NO_FILES).chars)
        for message_id, after_id, chars in conversation.messages.values_list(
            "id", "after_id", Length("text")
        )
    }
    answers: dict[UUID, list[tuple[UUID, str, int, dict[str, int]]]] = {}
    of_answer: dict[UUID, UUID] = {}
    for answer_id, message_id, state, chars, stats in (
        Generation.objects.filter(message__conversation=conversation)
        .order_by("created_at", "id")
        .values_list("id", "message_id", "state", Length("text"), "stats")
    ):
        answers.setdefault(message_id, []).append((answer_id, state, chars, stats))
        of_answer[answer_id] = message_id
    wanted: UUID | None = end.id
    while wanted is not None and wanted in of_answer:
        message_id = of_answer[wanted]
        after_id, asked_chars = messages[message_id]
        usable = [each for each in answers[message_id] if each[1] in USABLE and each[2]]
        read = next((each for each in usable if each[0] == wanted), usable[-1] if usable else None)
        yield Step(
            message_id=message_id,
            answer_id=wanted,
            has_answer=read is not None,
            chars=asked_chars + (read[2] if read else 0),
            stats=read[3] if read else {},
            has_pictures=files.get(message_id, NO_FILES).has_pictures,
        )
        wanted = after_id
