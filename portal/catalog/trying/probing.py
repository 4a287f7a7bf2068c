"""A prompt that an administrator sends down the real road, to see how a model answers.

It is a question of hers as any through the API: counted and queued as those are, and stopped when
she leaves. Not for measuring speed: that is measuring.py.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inference import protocol
from portal.accounts.models import Person
from portal.api import asking, streaming
from portal.api.errors import Refused
from portal.audit.record import record
from portal.catalog import access
from portal.catalog.models import Model
from portal.chat.errors import BadCommand, ChatError, DoesNotAnswer
from portal.chat.models import Generation
from portal.streams import requests
from portal.streams.connection import AWAY

MAX_PROMPT_CHARS = 20_000
MAX_ANSWER_TOKENS = 512

_WORDS: dict[str, Promise] = {
    "expired": _("The model was too busy to answer in time. Nothing was harmed; try again soon."),
    "too-long": _("The prompt is too long for this model's context. Nothing was sent; shorten it."),
    "template": _(
        "The model's template cannot write this conversation. Nothing was harmed; another build of"
        " the model may help."
    ),
    "no-room": _(
        "There is not enough memory for this answer. Nothing was harmed; unload another model, or"
        " wait."
    ),
    "quarantined": _(
        "This prompt made the model stop working twice, so it was set aside. Nothing else was"
        " harmed; do not send it again."
    ),
    "out-of-memory": _(
        "The model ran out of memory on this prompt, twice. Nothing else was harmed; ask for less,"
        " or give the model a smaller context length."
    ),
    "device-lost": _(
        "The graphics card was lost. Nothing is stored there; restart the model server on its host."
    ),
    "unloadable": _(
        "The model cannot be loaded. Nothing else was harmed; check its files, or fetch it again."
    ),
    "died": _(
        "The model stopped working in mid-answer. Nothing else was harmed; it is started again"
        " with the next question."
    ),
    "lost": _("The answer was lost on its way. Nothing else was harmed; try again."),
}
_ALONE = _(
    "No model server reports now, so the prompt waits. Nothing is lost: start one, and the answer"
    " comes here; or press Stop."
)
_OTHER = _("The model could not answer. Nothing else was harmed; try again.")


def begin(person: Person, *, model_id: UUID, prompt: str, max_tokens: int) -> Generation:
    """Queue the prompt. Raises `ChatError` with a sentence for her."""
    prompt = prompt.strip()
    if not prompt:
        raise BadCommand(_("There is nothing to send yet."))
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        record(person, "model.tested", model, name=model.name)
    return asked(person, model=model, prompt=prompt[:MAX_PROMPT_CHARS], max_tokens=max_tokens)


def asked(person: Person, *, model: Model, prompt: str, max_tokens: int) -> Generation:
    """One question to this model, and no more than so many tokens of answer."""
    access.model_for_answering(person, model.name)
    question = asking.Question(
        model_name=model.name,
        messages=(protocol.Message(role="user", content=prompt),),
        options={"num_predict": max(1, min(max_tokens, MAX_ANSWER_TOKENS))},
    )
    try:
        return asking.begin(person, question, client_key=uuid4())
    except Refused:
        raise DoesNotAnswer from None


def sentence_about(detail: str) -> str:
    """Why there is no answer, as she reads it."""
    return str(_WORDS.get(detail, _OTHER))


async def told(person: Person, generation: Generation) -> AsyncIterator[bytes]:
    """The answer as lines of JSON: `said`, then `done` with statistics, or `refused`.

    `waiting` comes now and then while no model server is there that could say anything.
    """
    language = translation.get_language() or "en"
    answer = streaming.Answer(person, generation)
    try:
        while True:
            step = await answer.step(within_seconds=streaming.PACE.heartbeat_seconds)
            if step is None:
                yield await database_sync_to_async(_silence)(language)
            elif isinstance(step, protocol.End):
                with translation.override(language):
                    yield line(_ended(step))
                return
            else:
                yield line({"is": "said", "text": step.text, "thinking": step.thinking})
    finally:
        await answer.close()


def _silence(language: str) -> bytes:
    """What is sent while nothing comes: that time passes; and why, where nobody could answer."""
    try:
        is_alone = not requests.host_states()
    except AWAY:
        is_alone = False
    if not is_alone:
        return b"\n"
    with translation.override(language):
        return line({"is": "waiting", "sentence": str(_ALONE)})


def line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode("ascii") + b"\n"


def refusal(error: ChatError) -> bytes:
    return line({"is": "refused", "sentence": str(error)})


def _ended(end: protocol.End) -> dict[str, Any]:
    if end.why in ("failed", "interrupted"):
        return {"is": "refused", "sentence": sentence_about(end.detail)}
    return {"is": "done", "statistics": statistics_of(end.stats or protocol.Stats())}


def statistics_of(stats: protocol.Stats) -> list[list[str]]:
    """Rows of what was done, how much, how long, how fast."""
    read = max(0, stats.prompt_tokens - stats.cached_tokens)
    return [
        _row(_("Loading"), tokens=None, nanoseconds=stats.load_ns),
        _row(_("Reading the prompt"), tokens=read, nanoseconds=stats.prompt_ns),
        _row(_("Writing the answer"), tokens=stats.answer_tokens, nanoseconds=stats.answer_ns),
    ]


def _row(what: Promise, *, tokens: int | None, nanoseconds: int) -> list[str]:
    seconds = nanoseconds / 1e9
    rate = "" if tokens is None or not seconds else f"{tokens / seconds:,.1f}"
    return [str(what), "" if tokens is None else f"{tokens:,}", f"{seconds:,.2f} s", rate]
