"""Ends or repeats generations whose worker fell silent, and queues again what Redis has forgotten.

Lives in the recorder's process. Everything it does is one conditional update on the attempt it
saw, so acting twice, or at the same moment as a finish or a stop, changes nothing (threats F4,
F17, G4, H3, H8).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from inference import protocol
from portal import clock as wall
from portal.chat import actions, endings, prompts, queries
from portal.chat.models import OPEN, Door, Generation, State
from portal.chat.recorder import Recorder
from portal.streams import awaited, requests
from portal.streams import transcript as streams
from portal.streams.requests import Deaths, Hold

log = logging.getLogger(__name__)

STOPPED = protocol.End(why="stopped")
DIED = protocol.End(why="interrupted", detail="died")
LOST = endings.LOST
GIVEN_UP = protocol.End(why="failed", detail="died")
QUARANTINED = protocol.End(why="failed", detail="quarantined")
EXPIRED = protocol.End(why="failed", detail="expired")
UNLOADABLE = protocol.End(why="failed", detail="unloadable")
# Deaths that people are told of in words of their own.
OUT_OF_MEMORY = protocol.End(why="failed", detail="out-of-memory")
DEVICE_LOST = protocol.End(why="failed", detail="device-lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long something must look wrong before it is acted upon, in seconds; and how often."""

    unheld_seconds: float = 3.0
    unheard_seconds: float = 15.0
    max_attempts: int = 12
    # A request is held to be a killer once it was there at so many deaths, and alone at the last
    # one; or at so many, whoever was with it.
    deaths_alone: int = 2
    deaths_in_company: int = 4


class Reaper:
    """Call `step` about once a second. `clock` is monotonic: lives do not end by a clock set
    wrong."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        clock: Callable[[], float],
        unix_time: Callable[[], float] = lambda: wall.now().timestamp(),
        patience: Patience | None = None,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._unix_time = unix_time
        # What makes unix time of the monotonic clock: a later jump of the machine's ends nobody.
        self._wall_offset = unix_time() - clock()
        self._patience = patience or Patience()
        self._deaths = Deaths()
        self._since: dict[tuple[str, UUID, int], float] = {}
        self._queues: dict[UUID, str] = {}

    def step(self) -> None:
        for entry_id, death in self._deaths.unread():
            self._mourn(death)
            # Only now: killed before this line, it is read again and finds the attempts gone.
            self._deaths.forget(entry_id)
        self._look_around()

    # ── Runners that are known to be dead ───────────────────────────────────────────────────────

    def _mourn(self, death: protocol.Death) -> None:
        log.warning("runner %s %s, %d held", death.runner, death.how, len(death.held))
        if death.how == "unloadable":
            end = DEVICE_LOST if death.detail == "device-lost" else UNLOADABLE
            awaited.note_refusal(death.queue, end.detail)
            self._fail_waiting(death.queue, end=end)
            return
        for held in death.held:
            row = _open_row(held.generation_id)
            if row is not None and row.attempt == held.attempt:
                self._decide(row, held, death)

    def _decide(self, row: Generation, held: protocol.Held, death: protocol.Death) -> None:
        heard = self._recorder.heard(row)
        if heard.end is not None:
            return
        if death.how == "killed":
            self._after_a_kill(row, end=DIED, deaths=row.deaths + held.in_batch)
        elif not held.in_batch:
            self._again(row, deaths=row.deaths)
        else:
            deaths = row.deaths + 1
            is_killer = deaths >= self._patience.deaths_alone and (
                held.alone or deaths >= self._patience.deaths_in_company
            )
            if is_killer:
                is_memory = death.detail == "out-of-memory"
                self._recorder.close(row, OUT_OF_MEMORY if is_memory else QUARANTINED)
            else:
                self._again(row, deaths=deaths)

    def _after_a_kill(self, row: Generation, *, end: protocol.End, deaths: int) -> None:
        """Its text is kept and she may go on from it; without a word said it simply begins anew."""
        heard = self._recorder.heard(row)
        if heard.text or heard.thinking:
            self._recorder.close(row, end)
        else:
            self._again(row, deaths=deaths)

    def _again(self, row: Generation, *, deaths: int) -> None:
        """Try once more, unless it was tried too often."""
        if row.attempt >= self._patience.max_attempts:
            self._recorder.close(row, GIVEN_UP)
        else:
            self._next_attempt(row, deaths=deaths)

    def _next_attempt(self, row: Generation, *, deaths: int) -> None:
        """From the text so far. Row first, then the fence, then the queue."""
        text = self._recorder.heard(row).text
        if not endings.try_again(row.id, attempt=row.attempt, deaths=deaths, so_far=text or None):
            return
        next_try = _open_row(row.id)
        if next_try is None:
            return
        requests.release(row.id)
        streams.reopen(row.id, attempt=next_try.attempt)
        self._recorder.begin_again(next_try)
        requests.submit(prompts.request_of(next_try))

    def _fail_waiting(self, queue: str, *, end: protocol.End) -> None:
        waiting = [
            row
            for row in queries.all_open().filter(state=State.QUEUED)
            if prompts.queue_of(row) == queue
        ]
        holds = requests.holds({row.id: queue for row in waiting})
        for row in waiting:
            # Whoever holds one has the model loaded; that one still has its turn.
            if not holds[row.id].is_leased:
                requests.withdraw(row.id, queue=queue)
                self._recorder.close(row, end)

    # ── Everything that is open ─────────────────────────────────────────────────────────────────

    def _look_around(self) -> None:
        rows = queries.open_at_a_glance()
        self._know_queues({row.id for row in rows})
        holds = requests.holds(
            {row.id: self._queues[row.id] for row in rows if row.id in self._queues}
        )
        seen: set[tuple[str, UUID, int]] = set()
        for row in rows:
            hold = holds.get(row.id)
            if hold is not None:
                seen |= self._look_at(row, hold)
        self._since = {key: since for key, since in self._since.items() if key in seen}

    def _look_at(self, row: Generation, hold: Hold) -> set[tuple[str, UUID, int]]:
        """What looks wrong about it, and what was done about it when it did so for long enough."""
        wrong: set[tuple[str, UUID, int]] = set()
        if row.door == Door.API and not hold.is_listened_to:
            wrong.add(("unheard", row.id, row.attempt))
            if self._has_lasted("unheard", row, self._patience.unheard_seconds):
                actions.stop(Generation.objects.get(id=row.id))
        if row.state == State.RUNNING and not hold.is_leased:
            self._has_no_runner(row, hold)
        if row.state == State.QUEUED and not hold.is_leased and self._is_too_late(row):
            self._expire(row)
        elif row.state == State.QUEUED and not hold.is_queued and not hold.is_leased:
            wrong.add(("unheld", row.id, row.attempt))
            if self._has_lasted("unheld", row, self._patience.unheld_seconds):
                self._queue_again(row.id, hold)
        return wrong

    def _has_no_runner(self, row: Generation, hold: Hold) -> None:
        """The lease is gone. A runner that finished told the end before it let go of its lease."""
        fresh = _open_row(row.id)
        if fresh is None or fresh.attempt != row.attempt:
            return
        if self._recorder.heard(fresh).end is not None:
            return
        if hold.is_stopping:
            self._recorder.close(fresh, STOPPED)
            return
        end = DIED if streams.exists(row.id) else LOST
        # Nobody is accused: who died, and of what, only a death report can say.
        self._after_a_kill(fresh, end=end, deaths=fresh.deaths)

    def _is_too_late(self, row: Generation) -> bool:
        # Who asks after the machine's clock was set back counts by the new time.
        now = min(self._unix_time(), self._clock() + self._wall_offset)
        return prompts.expires_at(row) < now

    def _expire(self, row: Generation) -> None:
        """Nobody took it while anybody wanted it. A runner that takes it now finds the same."""
        fresh = _open_row(row.id)
        queue = self._queues.get(row.id)
        if (
            fresh is None
            or queue is None
            or (fresh.attempt, fresh.state)
            != (
                row.attempt,
                State.QUEUED,
            )
        ):
            return
        requests.withdraw(row.id, queue=queue)
        if not self._recorder.heard(fresh).is_begun:
            self._recorder.close(fresh, EXPIRED)

    def _queue_again(self, generation_id: UUID, hold: Hold) -> None:
        row = _open_row(generation_id)
        if row is None or row.state != State.QUEUED:
            return
        if hold.is_stopping:
            self._recorder.close(row, STOPPED)
            return
        # Raises while Redis does not take writes: then not even the attempt changes.
        streams.tell_recorder(row.id)
        if not self._recorder.heard(row).is_begun:
            # A new attempt, for Redis may have lost what readers have already seen of this one.
            self._next_attempt(row, deaths=row.deaths)

    def _has_lasted(self, what: str, row: Generation, seconds: float) -> bool:
        """True once it has looked like this for so long; then the time counts anew."""
        key = (what, row.id, row.attempt)
        now = self._clock()
        if now - self._since.setdefault(key, now) < seconds:
            return False
        self._since[key] = now
        return True

    def _know_queues(self, open_ids: set[UUID]) -> None:
        """A plan may be long (an API request holds its messages): each is read once."""
        self._queues = {id_: queue for id_, queue in self._queues.items() if id_ in open_ids}
        unknown = open_ids - self._queues.keys()
        if not unknown:
            return
        for row in Generation.objects.filter(id__in=unknown):
            queue = prompts.queue_of(row)
            if queue is not None:
                self._queues[row.id] = queue


def _open_row(generation_id: UUID) -> Generation | None:
    return (
        Generation.objects.select_related("message")
        .filter(id=generation_id, state__in=OPEN)
        .first()
    )
