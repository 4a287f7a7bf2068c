"""Numbered events to a client's stream: lines, or SSE. A broken stream never looks finished (C20).

Not for fields: each dialect brings its own `Form`. An answer that its client stops reading is
stopped within a second (threat F13).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.http import StreamingHttpResponse
from msgspec import Struct

from inference import protocol
from portal.accounts import keys
from portal.accounts.errors import KeyRefused
from portal.accounts.models import Person
from portal.api import logprobs
from portal.api.errors import Refused, refusal_of
from portal.api.outcomes import refusal_of_end
from portal.chat import actions, following
from portal.chat.models import Generation
from portal.streams import repeats, requests
from portal.streams.connection import AWAY
from portal.streams.deltas import Delta
from portal.streams.repeats import Press
from portal.streams.tasks import end_if_cancelled

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
CANCEL_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient we are, in seconds.

    opening: how long an early failure may still become a status of its own, before headers go.
    heartbeat: between two signs of life. listening: between two words to the reaper, and between
    two looks at the rights of who listens.
    """

    opening_seconds: float = 0.5
    heartbeat_seconds: float = 10.0
    listening_seconds: float = 5.0


PACE = Pace()


class Said(Struct, frozen=True, kw_only=True):
    """New text of the answer, of the thinking, or both; thinking came first, calls last.

    `logprobs` are of tokens whose text is here, or held back still.
    """

    text: str = ""
    thinking: str = ""
    logprobs: tuple[protocol.TokenLogprob, ...] = ()
    calls: tuple[protocol.ToolCall, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.thinking or self.logprobs or self.calls)


Step = Said | protocol.End
LOST = protocol.End(why="interrupted", detail="lost")


class Form(Protocol):
    """How one dialect writes a stream. Each method gives whole lines or events, or nothing."""

    content_type: str

    def heartbeat(self) -> str: ...

    def said(self, said: Said) -> str: ...

    def finished(self, end: protocol.End) -> str: ...

    def refused(self, refused: Refused) -> str: ...


class Joins(Protocol):
    """Makes several attempts into what one reader gets, step by step."""

    def add(self, delta: Delta) -> list[Step]: ...


class Answer:
    """One generation as an API client reads it: each bit of text once, then the end.

    Must be closed. Closing before the end means that nobody reads: the generation is stopped.
    Whose key or account is taken away meanwhile reads no further (threat A7).
    """

    def __init__(
        self,
        person: Person,
        generation: Generation,
        *,
        pace: Pace = PACE,
        joined: Joins | None = None,
        press: Press | None = None,
    ) -> None:
        self.generation_id = generation.id
        self._person = person
        self._pace = pace
        self._following = following.Following(generation, attempt=1, number=0)
        self._joined = joined or Joined()
        self._press = press
        self._waiting: list[Step] = []
        self._is_over = False
        self._is_closed = False
        self._is_let_in = True
        # Whoever pressed first was marked as listening when it was queued.
        is_marked = press is not None and press.is_first
        self._listening = asyncio.create_task(self._keep_listening(is_marked=is_marked))

    async def step(self, *, within_seconds: float) -> Step | None:
        """What came next, or None when nothing did in that time. Not to be called after the end.

        Raises `KeyRefused` when who asked may no longer ask.
        """
        if not self._is_let_in:
            raise KeyRefused
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_seconds
        while not self._waiting:
            end_if_cancelled()
            if self._following.is_over:
                self._waiting = [LOST]
                break
            delta = await self._following.next(within_seconds=deadline - loop.time())
            if delta is None:
                return None
            self._waiting = self._joined.add(delta)
        step = self._waiting.pop(0)
        self._is_over = isinstance(step, protocol.End)
        return step

    async def peek(self, *, within_seconds: float) -> Step | None:
        """As `step`, and the step comes again."""
        step = await self.step(within_seconds=within_seconds)
        if step is not None:
            self._waiting.insert(0, step)
        return step

    async def close(self) -> None:
        """Nobody reads any more. Again is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        await ended(self._listening)
        self._following.leave()
        if not self._is_over:
            await stopped(self._person, self.generation_id, press=self._press)

    async def _keep_listening(self, *, is_marked: bool) -> None:
        if not is_marked:
            await self._mark()
        while True:
            await asyncio.sleep(self._pace.listening_seconds)
            await self._mark()
            with contextlib.suppress(DatabaseError):  # the next look may see more
                is_let_in = await database_sync_to_async(keys.is_still_let_in)(self._person)
                self._is_let_in = self._is_let_in and is_let_in

    async def _mark(self) -> None:
        with contextlib.suppress(*AWAY):
            await requests.keep_listening(self.generation_id)


class Joined:
    """Several attempts made into one text. A later one repeats what was kept, then goes on."""

    def __init__(self) -> None:
        self._attempt = 0
        self._last = 0
        self._sent: list[str] = []
        self._to_repeat = ""
        self._called: list[protocol.ToolCall] = []
        self._calls_to_repeat: list[protocol.ToolCall] = []

    def add(self, delta: Delta) -> list[Step]:
        """What a reader of the text so far still lacks."""
        if delta.attempt < self._attempt:
            return []
        if delta.attempt > self._attempt:
            self._attempt, self._last, self._to_repeat = delta.attempt, 0, "".join(self._sent)
            self._calls_to_repeat = list(self._called)
        if delta.first > self._last + 1:
            return [LOST]
        steps: list[Step] = []
        if delta.last > self._last:
            said = self._new(delta)
            if said is None:
                return [LOST]
            if not said.is_empty:
                steps.append(said)
        self._last = max(self._last, delta.last)
        if delta.end is not None:
            # What was sent and is not repeated would stand beside another answer. A bad end says
            # more than that: after some of them nobody may ask again.
            is_short = bool(self._to_repeat or self._calls_to_repeat)
            steps.append(LOST if is_short and refusal_of_end(delta.end) is None else delta.end)
        return steps

    def _new(self, delta: Delta) -> Said | None:
        """None when the answer went another way than what was sent: it cannot be taken back."""
        known = min(len(delta.text), len(self._to_repeat))
        if delta.text[:known] != self._to_repeat[:known]:
            return None
        calls = self._new_calls(delta.calls)
        if calls is None:
            return None
        self._to_repeat = self._to_repeat[known:]
        fresh = delta.text[known:]
        thinking = "" if self._sent else delta.thinking
        if fresh:
            self._sent.append(fresh)
        # With what was known, its chances were told.
        told = logprobs.since(delta.logprobs, fresh) if known else delta.logprobs
        return Said(text=fresh, thinking=thinking, logprobs=told, calls=calls)

    def _new_calls(
        self, calls: Sequence[protocol.ToolCall]
    ) -> tuple[protocol.ToolCall, ...] | None:
        """Those not sent before. A later attempt gives its calls other ids."""
        known = min(len(calls), len(self._calls_to_repeat))
        repeated = zip(calls[:known], self._calls_to_repeat[:known], strict=True)
        if any((a.name, a.arguments) != (b.name, b.arguments) for a, b in repeated):
            return None
        self._calls_to_repeat = self._calls_to_repeat[known:]
        self._called.extend(calls[known:])
        return tuple(calls[known:])


class AnswerStream(StreamingHttpResponse):
    """An answer on its way. Sent, it closes the answer itself; until then somebody may have to."""

    def __init__(self, answer: Answer, form: Form, *, pace: Pace) -> None:
        super().__init__(_written(answer, form, pace=pace), content_type=form.content_type)
        self._answer = answer

    async def abandon(self) -> None:
        """Nothing of it will be sent."""
        await self._answer.close()


async def open_stream(answer: Answer, form: Form, *, pace: Pace = PACE) -> AnswerStream:
    """The response, once there is something to say or `opening_seconds` have passed.

    Raises `Refused` for what went wrong before that, so that it gets a status of its own.
    """
    try:
        first = await answer.peek(within_seconds=pace.opening_seconds)
        if isinstance(first, protocol.End) and (refused := refusal_of_end(first)):
            raise refused
    except BaseException:
        await answer.close()
        raise
    response = AnswerStream(answer, form, pace=pace)
    response["X-Accel-Buffering"] = "no"
    return response


async def whole(answer: Answer) -> tuple[Said, protocol.End]:
    """All that was said, and a good end. Raises `Refused` for any other end."""
    texts: list[str] = []
    thoughts: list[str] = []
    chances: list[protocol.TokenLogprob] = []
    calls: list[protocol.ToolCall] = []
    try:
        while True:
            step = await answer.step(within_seconds=60.0)
            if isinstance(step, Said):
                texts.append(step.text)
                thoughts.append(step.thinking)
                calls.extend(step.calls)
                chances.extend(step.logprobs)
            elif step is not None:
                if refused := refusal_of_end(step):
                    raise refused
                said = Said(
                    text="".join(texts),
                    thinking="".join(thoughts),
                    logprobs=tuple(chances),
                    calls=tuple(calls),
                )
                return said, step
    finally:
        await answer.close()


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel it until it is done.

    In Python 3.11 `wait_for`, which the Redis client uses, can lose a cancellation that arrives
    together with its result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody logs it as forgotten


async def stopped(person: Person, generation_id: UUID, *, press: Press | None = None) -> None:
    """Stop it for want of a reader, unless others share it.

    When that fails the reaper does it: nobody says we listen.
    """
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await database_sync_to_async(_stop_if_unread)(person, generation_id, press)
    except Exception:
        logger.exception("generation %s was not stopped at once", generation_id)


def _stop_if_unread(person: Person, generation_id: UUID, press: Press | None) -> None:
    if press is None or repeats.leave(press):
        actions.stop_generation(person, generation_id)


async def _written(answer: Answer, form: Form, *, pace: Pace) -> AsyncIterator[bytes]:
    try:
        # Even nothing makes the server send the headers now.
        yield form.heartbeat().encode("ascii")
        while True:
            step = await answer.step(within_seconds=pace.heartbeat_seconds)
            if isinstance(step, protocol.End):
                refused = refusal_of_end(step)
                last = form.refused(refused) if refused else form.finished(step)
                yield last.encode("ascii")
                return
            written = form.heartbeat() if step is None else form.said(step)
            if written:
                yield written.encode("ascii")
    except Exception as error:  # noqa: BLE001 - an error that leaves here would leave a dead stream
        yield form.refused(refusal_of(error)).encode("ascii")
    finally:
        await answer.close()
