"""Titles by the model, for conversations that have none of their person's own choosing.

Asked once, when the first answer is there, as the person and in the background lane: whatever
anybody else wants of the model comes first. What it says is a title only when it looks like one;
otherwise the beginning of the question stays. Runs in the recorder's process; what it forgets when
that ends is a title, and nothing else.
"""

import datetime
import logging
import re
import unicodedata
from collections.abc import Callable
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from inference import protocol
from portal import clock as wall
from portal.audit.record import record
from portal.catalog import access as catalog
from portal.chat import actions, prompts
from portal.chat.errors import ChatError, TooOften, Unavailable
from portal.chat.models import Conversation, Generation, State
from portal.streams import requests

log = logging.getLogger(__name__)

MAX_TITLE_CHARS = 60
_LOOK_SECONDS = 1.0
# A conversation that has been quiet for longer keeps the title it has.
_RECENT = datetime.timedelta(minutes=10)
_AGAIN_SECONDS = 20.0
_ASKED_AT_ONCE = 4
_EXCERPT_CHARS = 1_200
_OPTIONS = protocol.Options(temperature=0.2, num_predict=40, repeat_penalty=1.0)
_PROMPT = (
    "Write a title for this conversation. Use the language of the question and at most six words."
    " Reply with the title only, without quotation marks."
    "\n\nQuestion: {question}\n\nAnswer: {answer}"
)
_USABLE = (State.COMPLETE, State.STOPPED)
_ANNOUNCED = re.compile(r"\A[\W_]*(?:title|titel|titre|标题)[\W_]*?[:：]", re.IGNORECASE)
_QUOTES = "\"'`“”„«»「」『』*_# "

Wake = Callable[[UUID, UUID], None]


class Titles:
    """Call `step` again and again; it looks once a second. `clock` is monotonic."""

    def __init__(self, *, clock: Callable[[], float], wake: Wake) -> None:
        self._clock = clock
        self._wake = wake
        self._next_look = clock()
        # Generation → the conversation that it is to name.
        self._asked: dict[UUID, UUID] = {}
        self._not_before: dict[UUID, float] = {}

    @property
    def is_busy(self) -> bool:
        """Whether something was asked, or could not be, and is looked for again."""
        return bool(self._asked or self._not_before)

    def step(self) -> None:
        if self._clock() < self._next_look:
            return
        self._next_look = self._clock() + _LOOK_SECONDS
        self._hear()
        now = self._clock()
        self._not_before = {each: at for each, at in self._not_before.items() if at > now}
        # Those that must wait hold up nobody: they do not count among the few of this look.
        for conversation in untitled().exclude(id__in=self._not_before)[:_ASKED_AT_ONCE]:
            self._ask(conversation)

    def _ask(self, conversation: Conversation) -> None:
        try:
            generation = ask(conversation)
        except (TooOften, Unavailable):
            self._not_before[conversation.id] = self._clock() + _AGAIN_SECONDS
        except ChatError as error:
            log.info("no title for %s: %s", conversation.id, error.code)
            _note_asked(conversation)
        else:
            if generation is not None:
                self._asked[generation.id] = conversation.id

    def _hear(self) -> None:
        if not self._asked:
            return
        for generation in Generation.objects.filter(id__in=list(self._asked)):
            if not generation.is_over:
                # Whoever asks through this door must go on listening, or it is stopped (F13).
                requests.begin_listening(generation.id)
                continue
            generation_id, owner_id = generation.id, generation.owner_id
            conversation_id = self._asked[generation_id]
            # Forgotten only when it is stored: a database that is busy now is asked again.
            is_taken = take_title(generation, conversation_id=conversation_id)
            del self._asked[generation_id]
            if is_taken:
                self._wake(owner_id, conversation_id)


def untitled() -> QuerySet[Conversation]:
    """Of everybody: those whose first answer is there, and whose title nobody chose."""
    answered = Generation.objects.filter(
        message__conversation=OuterRef("pk"), message__after=None, state__in=_USABLE
    ).exclude(text="")
    return Conversation.objects.filter(
        Exists(answered),
        title_asked_at=None,
        title_is_own=False,
        is_temporary=False,
        deleted_at=None,
        owner__is_active=True,
        changed_at__gte=wall.now() - _RECENT,
    ).select_related("owner")


def ask(conversation: Conversation) -> Generation | None:
    """Queue the question for a title. None when there is nothing to make one from."""
    answer = (
        Generation.objects.filter(
            message__conversation=conversation, message__after=None, state__in=_USABLE
        )
        .exclude(text="")
        .select_related("message")
        .order_by("created_at", "id")
        .first()
    )
    if answer is None or answer.message is None:
        return None
    model = catalog.model_for_answering(conversation.owner, conversation.model_name)
    question = _PROMPT.format(
        question=answer.message.text[:_EXCERPT_CHARS], answer=answer.text[:_EXCERPT_CHARS]
    )
    generation = actions.ask(
        conversation.owner,
        model_name=model.name,
        messages=[protocol.Message(role="user", content=question)],
        options=_OPTIONS,
        client_key=uuid5(conversation.id, "title"),
        wishes=prompts.Wishes(think=False if "thinking" in model.capabilities else None),
        lane="background",
    )
    _note_asked(conversation)
    return generation


@transaction.atomic
def take_title(generation: Generation, *, conversation_id: UUID) -> bool:
    """What was answered becomes the title, if it is one and none was chosen since. Nothing else of
    it is kept."""
    title = title_in(generation.text) if generation.state == State.COMPLETE else None
    # It says what the conversation is about, and must not outlive it.
    generation.delete()
    if title is None:
        return False
    still_ours = Conversation.objects.filter(
        id__in=[conversation_id], title_is_own=False, deleted_at=None
    )
    if not still_ours.update(title=title):
        return False
    record(None, "conversation.titled", still_ours.get())
    return True


def title_in(text: str) -> str | None:
    """The title in what a model said when asked for one; None when there is none to be seen."""
    line = next((line for line in text.splitlines() if line.strip(_QUOTES)), "")
    line = _ANNOUNCED.sub("", line)
    title = " ".join(_plain(line).split()).strip(_QUOTES + ".。")
    has_a_letter = any(char.isalnum() for char in title)
    return title if has_a_letter and len(title) <= MAX_TITLE_CHARS else None


def _plain(line: str) -> str:
    """Without what is not seen: control characters, and marks that turn the direction of text."""
    return "".join(" " if unicodedata.category(each)[0] == "C" else each for each in line)


def _note_asked(conversation: Conversation) -> None:
    Conversation.objects.filter(id=conversation.id).update(title_asked_at=wall.now())
