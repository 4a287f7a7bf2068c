"""How fast a model reads and writes here, alone and four at once. Bounded in time, then kept.

The numbers are of this moment on these machines: whoever else is asking is measured along.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import streaming
from portal.audit.record import record
from portal.catalog import access, queries
from portal.catalog.models import Model
from portal.catalog.trying import probing
from portal.chat.errors import ChatError, Unavailable

AT_ONCE = (1, 4)
STAGE_SECONDS = 40.0
LOADING_SECONDS = 100.0
ANSWER_TOKENS = 64
PROMPT_WORDS = 300
# Tokens that a word of the prompt may become, with room to spare.
_TOKENS_A_WORD = 4
_WORDS = (
    *("the", "road", "from", "the", "harbour", "to", "the", "old", "mill", "is", "long"),
    *("and", "in", "autumn", "it", "is", "covered", "with", "leaves", "of", "many", "colours"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What came of so many questions at once, in tokens a second of all of them together."""

    at_once: int
    read_rate: float
    write_rate: float
    read_tokens: int
    written_tokens: int


def model_for_measuring(person: Person, model_id: UUID) -> Model:
    """The model, if it can be measured now; her wish is written down."""
    with transaction.atomic():
        model = access.model_for_managing(person, model_id)
        access.model_for_answering(person, model.name)
        record(person, "model.measured", model, name=model.name)
    return model


def row_of(stage: Stage) -> list[str]:
    """As the page shows it: how many at once, tokens a second read and written."""
    return [str(stage.at_once), f"{stage.read_rate:,.1f}", f"{stage.write_rate:,.1f}"]


def measured_of(model: Model) -> tuple[datetime, list[Stage]] | None:
    """What was kept, if anything was."""
    if not model.speed:
        return None
    stages = [Stage(**stage) for stage in model.speed["stages"]]
    return datetime.fromisoformat(model.speed["at"]), stages


async def measure(person: Person, model: Model) -> AsyncIterator[Stage]:
    """Each stage as it is done; then they are kept. Cut short, nothing is kept.

    Raises `ChatError` when the model does not answer, or not in time.
    """
    await _answers(person, model, count=1, seconds=LOADING_SECONDS, words=4)  # Loads it.
    stages = []
    words = min(PROMPT_WORDS, queries.context_length_of(model) // (2 * _TOKENS_A_WORD))
    for at_once in AT_ONCE:
        stats = await _answers(person, model, count=at_once, seconds=STAGE_SECONDS, words=words)
        stages.append(_stage(stats))
        yield stages[-1]
    await database_sync_to_async(_keep)(model, stages)


async def _answers(
    person: Person, model: Model, *, count: int, seconds: float, words: int
) -> list[protocol.Stats]:
    try:
        async with asyncio.timeout(seconds):
            return await _all_of([_one(person, model, words=words) for _each in range(count)])
    except TimeoutError:
        raise Unavailable(
            _("The model is too slow, or too busy, to be measured now. Nothing was kept.")
        ) from None


async def _all_of(works: Sequence[Coroutine[Any, Any, protocol.Stats]]) -> list[protocol.Stats]:
    """All of them, or the first trouble; then the others are stopped, not left behind."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, ChatError):
                await streaming.ended(task)


async def _one(person: Person, model: Model, *, words: int) -> protocol.Stats:
    # Its beginning is new each time, so that nothing of it is known already.
    prompt = f"{uuid4().hex}\n" + " ".join(_WORDS[at % len(_WORDS)] for at in range(words))
    generation = await database_sync_to_async(probing.asked)(
        person, model=model, prompt=prompt, max_tokens=ANSWER_TOKENS
    )
    answer = streaming.Answer(person, generation)
    try:
        while True:
            step = await answer.step(within_seconds=streaming.PACE.heartbeat_seconds)
            if isinstance(step, protocol.End):
                if step.why not in ("done", "length"):
                    raise Unavailable(probing.sentence_about(step.detail))
                return step.stats or protocol.Stats()
    finally:
        await answer.close()


def _stage(stats: Sequence[protocol.Stats]) -> Stage:
    read = sum(max(0, each.prompt_tokens - each.cached_tokens) for each in stats)
    written = sum(each.answer_tokens for each in stats)
    return Stage(
        at_once=len(stats),
        read_rate=_rate(read, max(each.prompt_ns for each in stats)),
        write_rate=_rate(written, max(each.answer_ns for each in stats)),
        read_tokens=read,
        written_tokens=written,
    )


def _rate(tokens: int, nanoseconds: int) -> float:
    return round(tokens / (nanoseconds / 1e9), 1) if nanoseconds else 0.0


def _keep(model: Model, stages: Sequence[Stage]) -> None:
    speed = {"at": clock.now().isoformat(), "stages": [asdict(stage) for stage in stages]}
    # Another file under the name meanwhile: the numbers are not its.
    Model.objects.filter(id=model.id, digest=model.digest).update(speed=speed)
