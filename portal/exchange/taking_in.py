"""From a file to conversations of one's own: checked as a whole first, then stored as a whole.

Everything gets a new id, and belongs to whoever takes it in, whatever the file says (threat B6).
Nothing is asked of a model. Not for writing files: writing.py.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.db.models.sql import InsertQuery

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import limits
from portal.chat.errors import ChatError, TooMuch
from portal.chat.models import Conversation, Door, Generation, Message, State
from portal.exchange import format as file
from portal.exchange.errors import NotOurFile, TooLarge, Unreadable
from portal.exchange.models import Arrival
from portal.files import names
from portal.files.models import Attachment, File
from portal.files.models import State as FileState
from portal.order import actions as order
from portal.order.models import Folder
from portal.order.queries import MAX_PINNED

MAX_BYTES = 30 * 1024 * 1024
MAX_CONVERSATIONS = 5_000
# Some seconds' work, during which nobody else writes on SQLite.
MAX_TEXTS = 20_000
_ROWS_AT_ONCE = 500
_STEP = datetime.timedelta(microseconds=1)
_FIRST_YEAR = 1970

_STATES: dict[file.State, State] = {
    "complete": State.COMPLETE,
    "stopped": State.STOPPED,
    "failed": State.FAILED,
    "interrupted": State.INTERRUPTED,
}


@dataclass(slots=True, kw_only=True)
class _Rows:
    """What one conversation of the file becomes."""

    conversation: Conversation
    messages: list[Message] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)


def read(data: bytes) -> file.File:
    """The file in these bytes, every text in it fit to be stored. Stores nothing."""
    if len(data) > MAX_BYTES:
        raise TooLarge
    try:
        content = msgspec.json.decode(data, type=file.File)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise NotOurFile from None
    texts = sum(map(_count_of_texts, content.conversations))
    if len(content.conversations) > MAX_CONVERSATIONS or texts > MAX_TEXTS:
        raise TooLarge
    for conversation in content.conversations:
        _must_be_sound(conversation)
    return content


def take_in(person: Person, content: file.File, *, client_key: UUID) -> Arrival:
    """All of it or, should anything fail, none. The same key again changes nothing."""
    try:
        return _take_in(person, content, client_key=client_key)
    except IntegrityError:
        # Two presses with one key at one moment: the other one is stored now.
        return Arrival.objects.get(owner=person, client_key=client_key)


@transaction.atomic
def _take_in(person: Person, content: file.File, *, client_key: UUID) -> Arrival:
    earlier = Arrival.objects.filter(owner=person, client_key=client_key).first()
    if earlier is not None:
        return earlier
    arrival = Arrival.objects.create(
        owner=person, client_key=client_key, conversation_count=len(content.conversations)
    )
    may_be_pinned = MAX_PINNED - _pinned(person)
    folders: dict[str, Folder] = {}
    taken: list[_Rows] = []
    for each in content.conversations:
        rows = _rows(person, each)
        if each.is_pinned and not each.is_archived and may_be_pinned > 0:
            rows.conversation.pinned_at = rows.conversation.changed_at
            may_be_pinned -= 1
        if any(char.isalnum() for char in each.folder):
            if each.folder not in folders:
                folders[each.folder] = order.create_folder(person, name=each.folder)
            rows.conversation.folder = folders[each.folder]
        taken.append(rows)
    _store(taken)
    record(person, "conversations.imported", arrival, count=arrival.conversation_count)
    return arrival


def _pinned(person: Person) -> int:
    hers = Conversation.objects.filter(owner=person, deleted_at=None)
    return hers.exclude(pinned_at=None).count()


def _rows(person: Person, told: file.Conversation) -> _Rows:
    # Nothing was said in the future: what is asked next must stand behind it.
    latest = clock.now() - _STEP * _count_of_texts(told)
    conversation = Conversation(
        owner=person,
        title=" ".join(told.title.split()),
        # A title that came along is kept: nobody is asked for another.
        title_is_own=bool(told.title.strip()),
        model_name=told.model_name,
        created_at=min(told.created_at, latest),
        changed_at=min(told.changed_at, latest),
        archived_at=min(told.changed_at, latest) if told.is_archived else None,
    )
    rows = _Rows(conversation=conversation)
    answers: dict[int, Generation] = {}
    last = conversation.created_at
    for each in told.messages:
        # Never before what it follows: the order of rows is that of their moments.
        last = max(min(each.created_at, latest), last + _STEP)
        message = Message(
            conversation=conversation,
            author=person,
            after=answers[each.after] if each.after else None,
            text=each.text,
            client_key=uuid4(),
            created_at=last,
        )
        rows.messages.append(message)
        for place, attached in enumerate(each.files):
            rows.files.append(_left_behind(message, attached, place=place))
        for answer in each.answers:
            last = max(min(answer.created_at, latest), last + _STEP)
            generation = _generation(person, message, answer, at=last)
            answers[answer.number] = generation
            rows.generations.append(generation)
    conversation.shown = answers[told.shown] if told.shown else None
    return rows


def _count_of_texts(told: file.Conversation) -> int:
    return sum(1 + len(each.answers) + len(each.files) for each in told.messages)


def _left_behind(message: Message, told: file.Attached, *, place: int) -> Attachment:
    """A file that was named and did not come along: it is shown, and says so."""
    kept = File(
        owner=message.author,
        conversation=message.conversation,
        name=names.shown(told.name),
        kind=told.kind,
        media_type=told.media_type,
        size_bytes=0,
        state=FileState.REFUSED,
        problem="left-behind",
        created_at=message.created_at,
    )
    return Attachment(file=kept, message=message, place=place)


def _generation(
    person: Person, message: Message, told: file.Answer, *, at: datetime.datetime
) -> Generation:
    return Generation(
        owner=person,
        door=Door.PAGE,
        message=message,
        model_name=told.model_name,
        client_key=uuid4(),
        state=_STATES[told.state],
        reason=told.reason,
        text=told.text,
        thinking=told.thinking,
        created_at=at,
        ended_at=at,
    )


def _store(taken: Sequence[_Rows]) -> None:
    """In few statements, however many they are: meanwhile nobody else writes on SQLite (H2)."""
    # Each may refer to the other; the database looks at the end of the transaction.
    _insert(Conversation, [rows.conversation for rows in taken])
    _insert(Message, [message for rows in taken for message in rows.messages])
    _insert(Generation, [generation for rows in taken for generation in rows.generations])
    attached = [attachment for rows in taken for attachment in rows.files]
    _insert(File, [attachment.file for attachment in attached])
    Attachment.objects.bulk_create(attached, batch_size=_ROWS_AT_ONCE)


def _insert(kind: type[Model], made: Sequence[Model]) -> None:
    """As they are: `bulk_create` would write the moment of storing over the one that was told."""
    fields = kind._meta.concrete_fields
    # Where nothing bounds them but their own number, that of none is zero.
    at_once = max(1, min(_ROWS_AT_ONCE, connection.ops.bulk_batch_size(fields, made)))
    for start in range(0, len(made), at_once):
        query = InsertQuery(kind)
        query.insert_values(fields, list(made[start : start + at_once]), raw=True)
        query.get_compiler(connection=connection).execute_sql()


def _must_be_sound(told: file.Conversation) -> None:
    """Texts that can be stored, moments that a calendar has, and numbers that lead somewhere."""
    try:
        for text in (told.title, told.model_name, told.folder):
            limits.must_be_clean(text)
        for message in told.messages:
            _must_be_storable(message)
    except TooMuch:
        raise TooLarge from None
    except ChatError:
        raise Unreadable from None
    moments = (told.created_at, told.changed_at, *_moments_in(told.messages))
    if any(not _FIRST_YEAR <= each.year < datetime.MAXYEAR for each in moments):
        raise Unreadable
    _must_be_a_tree(told)


def _must_be_storable(message: file.Message) -> None:
    if len(message.text) > settings.PORTAL.max_text_chars:
        raise TooLarge
    limits.must_be_clean(message.text)
    for attached in message.files:
        limits.must_be_clean(attached.name)
    for answer in message.answers:
        if len(answer.text) + len(answer.thinking) > limits.MAX_API_CHARS:
            raise TooLarge
        for text in (answer.text, answer.thinking, answer.model_name, answer.reason):
            limits.must_be_clean(text)


def _moments_in(messages: Sequence[file.Message]) -> Iterator[datetime.datetime]:
    for message in messages:
        yield message.created_at
        yield from (answer.created_at for answer in message.answers)


def _must_be_a_tree(told: file.Conversation) -> None:
    """Each answer has a number of its own, and whatever names one stands behind it."""
    known: set[int] = set()
    for message in told.messages:
        if message.after is not None and message.after not in known:
            raise Unreadable
        for answer in message.answers:
            if answer.number in known:
                raise Unreadable
            known.add(answer.number)
    if told.shown is not None and told.shown not in known:
        raise Unreadable
