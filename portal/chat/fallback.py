"""Commands of a tab that has no socket: in the body of a POST, each answered in its place.

They are the socket's own commands, with its rights, its errors and its frames. Not for what the
server tells unasked: fallback_line.py follows and listens.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async

from portal.accounts import queries as accounts
from portal.accounts.models import Person
from portal.chat import asked, commands, frames, limits, told
from portal.chat.errors import BadCommand, ChatError, TooMuch, TooOften, Unavailable
from portal.chat.pace import Pace
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

# One socket takes one frame at a time; a POST may bring what gathered while the last was away.
MAX_FRAMES = limits.MAX_FOLLOWED
MAX_BODY_BYTES = 1024 * 1024
# Paces that are remembered at once; the rested ones among more than these are forgotten.
MAX_PACES = 1_000


def texts_of(body: bytes) -> list[str]:
    """The frames in a body: one a line. Refuses what no page of ours sends (threats C7, C15)."""
    if len(body) > MAX_BODY_BYTES:
        raise TooMuch
    try:
        texts = [line for line in body.decode("utf-8").split("\n") if line]
    except UnicodeDecodeError:
        raise BadCommand from None
    if len(texts) > MAX_FRAMES:
        raise TooMuch
    return texts


async def answers(
    scope: Mapping[str, Any], texts: Sequence[str], *, language: str
) -> list[frames.Frame]:
    """One frame for each text, in their order. Raises `SignedOut`, and `TooOften` to a flood.

    Who asks is read anew for each: what the first of them may have changed holds for the second.
    """
    given = []
    for text in texts:
        person = await accounts.current_person(scope)
        given.append(await _answer(person, text, language=person.language or language))
    return given


def must_be_admitted(person_id: UUID) -> None:
    """Counts one command of hers, whatever became of it."""
    pace = _paces.of(person_id)
    if not pace.admits():
        raise TooOften


async def _answer(person: Person, text: str, *, language: str) -> frames.Frame:
    try:
        must_be_admitted(person.id)
        return await _run(person, frames.parse(text), language=language)
    except ChatError as error:
        if _paces.of(person.id).is_flooded:
            raise
        refusal: ChatError = error
    except AWAY:
        refusal = Unavailable()
    except Exception:
        # A mistake of ours in one command must not take those after it along.
        log.exception("a command failed")
        refusal = Unavailable()
    return frames.refusal(refusal, ref=frames.ref_of(text), language=language)


async def _run(person: Person, command: frames.Command, *, language: str) -> frames.Frame:
    match command:
        case asked.Ping():
            return told.Pong(ref=command.ref)
        case asked.Follow() | asked.Unfollow():
            # Whoever follows needs a line that what comes can travel on.
            raise BadCommand
        case _:
            run = database_sync_to_async(commands.run)
            answer: frames.Frame = await run(person, command, language=language)
            return answer


class _Paces:
    """The pace of everybody who asks in this process. A rested one is as good as a new one."""

    def __init__(self) -> None:
        self._by_person: dict[UUID, Pace] = {}

    def of(self, person_id: UUID) -> Pace:
        pace = self._by_person.get(person_id)
        if pace is None:
            if len(self._by_person) >= MAX_PACES:
                self._forget_rested()
            pace = self._by_person[person_id] = Pace()
        return pace

    def _forget_rested(self) -> None:
        self._by_person = {
            person_id: pace for person_id, pace in self._by_person.items() if not pace.is_rested
        }


_paces = _Paces()
