"""A person's conversations as a file: JSON with every branch, or Markdown of what is shown.

One conversation at a time, so that an export of thousands needs the memory of one. Whose they are
was decided before: by the person given, or in access.py.
"""

import datetime
import re
from collections.abc import Iterator, Sequence
from typing import Literal
from uuid import UUID

import msgspec
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from portal import clock
from portal.accounts.models import Person
from portal.chat.models import Conversation, State
from portal.exchange import format as file
from portal.exchange.tree import Tree, shown_branch, tree_of
from portal.files.models import Kind
from portal.files.queries import files_of

_KINDS: dict[str, Literal["image", "document"]] = {
    Kind.IMAGE: "image",
    Kind.DOCUMENT: "document",
}
_UNFIT_IN_NAMES = re.compile(r"[^\w\- ]+")
_MAX_NAME_CHARS = 60
# What is still being written is cut short, as far as the file knows.
_STATES: dict[str, file.State] = {
    State.COMPLETE: "complete",
    State.STOPPED: "stopped",
    State.FAILED: "failed",
}


def ids_of(person: Person) -> list[UUID]:
    """All of hers, in the order in which they began; the archived too, the temporary never."""
    hers = Conversation.objects.filter(owner=person, deleted_at=None, is_temporary=False)
    return list(hers.order_by("created_at", "id").values_list("id", flat=True))


def beginning() -> bytes:
    """The file as far as its first conversation. `ending` closes it."""
    head = {
        "format": file.FORMAT,
        "version": file.VERSION,
        "exported_at": clock.now(),
        "conversations": [],
    }
    return msgspec.json.encode(head).removesuffix(b"]}") + b"\n"


def ending() -> bytes:
    return b"\n]}\n"


def conversation_as_json(conversation: Conversation) -> bytes:
    return msgspec.json.encode(conversation_as_part(conversation))


def conversation_as_part(conversation: Conversation) -> file.Conversation:
    tree = tree_of(conversation)
    numbers = {answer.id: number for number, (_m, answer) in enumerate(tree.answered(), start=1)}
    branch = shown_branch(tree)
    last = branch[-1].answer if branch else None
    return file.Conversation(
        title=conversation.title,
        created_at=conversation.created_at,
        changed_at=conversation.changed_at,
        model_name=conversation.model_name,
        folder=conversation.folder.name if conversation.folder else "",
        is_pinned=conversation.pinned_at is not None,
        is_archived=conversation.archived_at is not None,
        shown=numbers[last.id] if last else None,
        messages=_messages(tree, numbers),
    )


def _messages(tree: Tree, numbers: dict[UUID, int]) -> list[file.Message]:
    return [
        file.Message(
            text=message.text,
            created_at=message.created_at,
            after=numbers.get(message.after_id) if message.after_id else None,
            files=[
                file.Attached(name=each.name, kind=_KINDS[each.kind], media_type=each.media_type)
                for each in files_of(message)
            ],
            answers=[
                file.Answer(
                    number=numbers[answer.id],
                    model_name=answer.model_name,
                    text=answer.text or answer.so_far,
                    created_at=answer.created_at,
                    state=_STATES.get(answer.state, "interrupted"),
                    reason=answer.reason,
                    thinking=answer.thinking,
                )
                for answer in tree.answers[message.id]
            ],
        )
        for message in tree.messages
    ]


def conversation_as_markdown(conversation: Conversation) -> Iterator[str]:
    """To be read: the shown branch, with who said what, and when."""
    yield f"# {_one_line(conversation.title) or _('Chat')}\n"
    for turn in shown_branch(tree_of(conversation)):
        yield f"\n## {_('You')} · {_moment(turn.message.created_at)}\n\n{turn.message.text}\n"
        names = ", ".join(each.name for each in files_of(turn.message))
        if names:
            attached = _("Attached: %(names)s") % {"names": names}
            yield f"\n{attached}\n"
        if turn.answer is not None:
            yield f"\n## {_one_line(turn.answer.model_name)}\n\n{turn.answer.text}\n"


def file_name(conversations: Sequence[Conversation] | None, *, ending: str) -> str:
    """What the browser saves it as. None stands for all of a person's."""
    day = timezone.localtime(clock.now()).strftime("%Y-%m-%d")
    title = conversations[0].title if conversations and len(conversations) == 1 else ""
    name = " ".join(_UNFIT_IN_NAMES.sub(" ", title).split())[:_MAX_NAME_CHARS].strip()
    return f"{name or 'conversations'} {day}.{ending}"


def _moment(moment: datetime.datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def _one_line(text: str) -> str:
    return " ".join(text.split())
