"""One browser tab: frames in, frames out. Decides nothing about rights, and keeps none.

The tab's life is one task group: the dispatch of frames, the wake-ups of its person, the look at
her rights every `recheck_seconds`, and a task for each followed generation. All end with the
socket.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, ClassVar
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, parse_cookie
from django.utils import translation

from portal import faults
from portal.accounts import queries as accounts
from portal.accounts.errors import SignedOut
from portal.accounts.models import Person
from portal.accounts.notices import group_of
from portal.chat import access, asked, choices, commands, following, frames, limits, prompts, told
from portal.chat.errors import ChatError, ReadsTooSlowly, TooMuch, TooOften, Unavailable
from portal.chat.models import Generation
from portal.chat.pace import Pace
from portal.chat.pressure import UNSENT, Unsent
from portal.chat.waiting import Waiting
from portal.files import telling
from portal.streams import places
from portal.streams.connection import AWAY
from portal.streams.tasks import end

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
TOO_SLOW = 4408
TOO_MANY = 4429


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """Frames in, one action or query each, frames out."""

    # The base class would let a dead channel layer end the socket; `_hear_wakeups` listens instead.
    channel_layer_alias = "none"
    # Long enough to be free, short enough that a lost notice does not matter (threat A7).
    recheck_seconds = 30.0
    # Above the first number of unsent bytes the tab gets nothing more until it is below the second;
    # then one large delta instead of many small ones. Too long in that state, and the tab may come
    # back and resume.
    max_unsent_bytes = 256 * 1024
    low_unsent_bytes = 32 * 1024
    # Above this it is told nothing more on request: larger than any page asks for at once.
    most_unsent_bytes = 8 * 1024 * 1024
    max_slow_seconds = 30.0
    look_seconds = 0.05

    _sockets: ClassVar[Counter[UUID]] = Counter()

    def __init__(self, **options: float) -> None:
        super().__init__()
        for name, value in options.items():
            if not isinstance(getattr(type(self), name, None), float | int):
                raise TypeError(f"unknown option {name}")
            setattr(self, name, value)
        self._person: Person | None = None
        self._is_closed = False
        self._follows: dict[UUID, asyncio.Task[None]] = {}
        self._pace = Pace()
        # Set while wake-ups of this person reach this tab.
        self._joined = asyncio.Event()
        self._looked_at = time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._unsent = scope.get(UNSENT) or Unsent(send)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._background: list[asyncio.Task[None]] = []
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    self._is_closed = True
                    await end(*self._background, *self._follows.values())
        finally:
            self._leave()

    # ── The socket's life ───────────────────────────────────────────────────────────────────────

    async def connect(self) -> None:
        # Accepted first in any case: a browser hides the reason of a refused handshake from the
        # page.
        await self.accept()
        self._language = language_of(self.scope)
        try:
            person = await accounts.current_person(self.scope)
        except SignedOut:
            await self._end(SIGNED_OUT)
            return
        if self._sockets[person.id] >= limits.MAX_SOCKETS:
            await self._end(TOO_MANY)
            return
        self._sockets[person.id] += 1
        self._person = person
        self._language = person.language or self._language
        self._background = [
            self._tasks.create_task(self._hear_wakeups(group_of(person.id))),
            self._tasks.create_task(self._recheck()),
        ]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._is_closed or self._person is None:
            return
        try:
            command = self._admitted(text_data)
            person = await self._current_person()
            await self._run(person, command)
        except SignedOut:
            await self._end(SIGNED_OUT)
        except ChatError as error:
            await self._refuse(error, text_data)
        except AWAY:
            await self._refuse(Unavailable(), text_data)
        except Exception:
            # A mistake of ours in one command must not take the tab's other answers with it.
            log.exception("a command failed")
            await self._refuse(Unavailable(), text_data)

    def _admitted(self, text: str | None) -> frames.Command:
        if not self._pace.admits():
            raise TooOften
        command = frames.parse(text)
        # Who asks on and reads nothing would fill our memory, an answer at a time (threat C8).
        is_small = isinstance(command, asked.Ping | asked.Unfollow)
        if not is_small and self._unsent.bytes_now() > self.most_unsent_bytes:
            raise ReadsTooSlowly
        return command

    async def _refuse(self, error: ChatError, text: str | None) -> None:
        if self._pace.is_flooded:
            await self._end(TOO_MANY)
            return
        ref = frames.ref_of(text)
        await self._push(frames.refusal(error, ref=ref, language=self._language))

    async def _run(self, person: Person, command: frames.Command) -> None:
        match command:
            case asked.Ping():
                await self._push(told.Pong(ref=command.ref))
            case asked.Follow():
                await self._follow(person, command)
            case asked.Unfollow():
                await self._unfollow(command)
            case _:
                frame = await database_sync_to_async(commands.run)(
                    person, command, language=self._language
                )
                await self._push(frame)

    # ── Rights ──────────────────────────────────────────────────────────────────────────────────

    async def _current_person(self) -> Person:
        """The person of this moment. A version other than at connect means rights were taken
        away."""
        person = await accounts.current_person(self.scope)
        if self._person is None or person.id != self._person.id:
            raise SignedOut
        if person.rights_version != self._person.rights_version:
            raise SignedOut
        self._looked_at = time.monotonic()
        return person

    async def _recheck(self) -> None:
        """A tab that says something now and then was looked at by that."""
        while not self._is_closed:
            await asyncio.sleep(self._looked_at + self.recheck_seconds - time.monotonic())
            if time.monotonic() < self._looked_at + self.recheck_seconds:
                continue
            self._looked_at = time.monotonic()
            try:
                await self._current_person()
            except SignedOut:
                await self._end(SIGNED_OUT)
            except DatabaseError:
                log.warning("rights could not be read; the next look will")

    async def _hear_wakeups(self, group: str) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        try:
            while not self._is_closed:
                try:
                    await layer.group_add(group, channel)
                    self._joined.set()
                    # Joined again now and then: a Redis that came back empty has forgotten us.
                    async with asyncio.timeout(self.recheck_seconds):
                        while True:
                            await self._wakeup(await layer.receive(channel))
                except TimeoutError:
                    continue
                except AWAY:
                    await asyncio.sleep(1.0)
        finally:
            await _leave_group(layer, group, channel)

    async def _wakeup(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "wake", "conversation_id": str(conversation_id)}:
                await self._push(told.Changed(conversation_id=UUID(conversation_id)))
            case {"type": "rights.changed"}:
                await self._end(SIGNED_OUT)
            case {"type": "models.changed"}:
                await self._push_models()
            case {"type": "file.changed", "file_id": str(file_id)}:
                await self._push_file(UUID(file_id))
            case _:
                log.warning("an unknown wake-up was passed over")

    async def _push_models(self) -> None:
        try:
            person = await self._current_person()
            rows = await database_sync_to_async(choices.choices_of)(person)
        except SignedOut:
            await self._end(SIGNED_OUT)
        except DatabaseError:
            log.warning("models could not be read; the tab keeps its list")
        else:
            await self._push(told.Models(models=rows))

    async def _push_file(self, file_id: UUID) -> None:
        try:
            person = await self._current_person()
            frame = await database_sync_to_async(telling.changed)(
                person, file_id, language=self._language
            )
        except SignedOut:
            await self._end(SIGNED_OUT)
        except (ChatError, DatabaseError):
            log.warning("a file could not be told; the page asks for it by itself")
        else:
            await self._push(frame)

    # ── Following ───────────────────────────────────────────────────────────────────────────────

    async def _follow(self, person: Person, command: asked.Follow) -> None:
        """Asks anew whose it is, each time: resuming is no proof of anything (threat B2)."""
        generation = await database_sync_to_async(access.generation_for_reading)(
            person, command.generation_id
        )
        await self._forget(generation.id)
        if len(self._follows) >= limits.MAX_FOLLOWED:
            raise TooMuch
        await self._push(told.Ok(ref=command.ref))
        faults.at("tab.resumed")
        self._follows[generation.id] = self._tasks.create_task(
            self._show(generation, attempt=command.attempt, number=command.number)
        )

    async def _unfollow(self, command: asked.Unfollow) -> None:
        await self._forget(command.generation_id)
        await self._push(told.Ok(ref=command.ref))

    async def _forget(self, generation_id: UUID) -> None:
        await end(self._follows.pop(generation_id, None))

    async def _show(self, generation: Generation, *, attempt: int, number: int) -> None:
        try:
            await self._show_to_the_end(generation, attempt=attempt, number=number)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The tab finds out by asking again; its other answers go on.
            log.exception("following failed")
        if self._follows.get(generation.id) is asyncio.current_task():
            del self._follows[generation.id]

    async def _show_to_the_end(self, generation: Generation, *, attempt: int, number: int) -> None:
        queue = prompts.queue_of(generation)
        waiting = Waiting(self, generation.id, queue) if queue else None
        steps = following.follow(generation, attempt=attempt, number=number)
        async with aclosing(steps):
            try:
                if waiting and generation.recorded_number == 0:
                    waiting.begin()
                async for step in steps:
                    if waiting:
                        waiting.heard(step.last, ended=step.end)
                    await self._room()
                    await self._push(frames.delta(generation.id, step))
            finally:
                if waiting:
                    await waiting.end()

    async def show_place(
        self, generation_id: UUID, place: places.Place, *, seconds: int | None
    ) -> None:
        await self._push(frames.status(generation_id, place, seconds=seconds))

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    # ── Sending ─────────────────────────────────────────────────────────────────────────────────

    async def _push(self, frame: frames.Frame) -> None:
        if self._is_closed:
            return
        await self.base_send({"type": "websocket.send", "text": frames.encode(frame)})
        faults.at("tab.sent")

    async def _room(self) -> None:
        """Wait until the tab has taken most of what it was sent. Meanwhile deltas grow into one."""
        if self._unsent.bytes_now() <= self.max_unsent_bytes:
            return
        deadline = time.monotonic() + self.max_slow_seconds
        while self._unsent.bytes_now() > self.low_unsent_bytes and not self._is_closed:
            if time.monotonic() > deadline:
                await self._end(TOO_SLOW)
                return
            await asyncio.sleep(self.look_seconds)

    async def _end(self, code: int) -> None:
        """Close from our side. Nothing is sent after it."""
        if self._is_closed:
            return
        self._is_closed = True
        for task in self._follows.values():
            if task is not asyncio.current_task():
                task.cancel()
        await self.close(code)

    def _leave(self) -> None:
        if self._person is None:
            return
        self._sockets[self._person.id] -= 1
        if not self._sockets[self._person.id]:
            del self._sockets[self._person.id]


async def _leave_group(layer: Any, group: str, channel: str) -> None:
    try:
        async with asyncio.timeout(2.0):
            await layer.group_discard(group, channel)
    except (*AWAY, TimeoutError):
        log.warning("a closed tab stays in its group until the layer forgets it")


def language_of(scope: Any) -> str:
    """What the browser asks for, for people who have not chosen."""
    request = HttpRequest()
    headers = dict(scope["headers"])
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    request.COOKIES = scope.get("cookies") or parse_cookie(
        headers.get(b"cookie", b"").decode("latin-1")
    )
    return translation.get_language_from_request(request) or settings.LANGUAGE_CODE
