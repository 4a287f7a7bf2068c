"""Vectors and scores of whole texts, many in a batch. No clock of its own, no Redis, no threads.

Has the face of `engine.Engine`, for models that are loaded to embed or to rank. Not for what a
vector becomes at the door, where it is normalised and cut.
"""

import math
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from inference.engine.backend import Aborted, BackendError, NoRoom
from inference.engine.pooling import Pooler
from inference.engine.sequence import Why
from inference.engine.updates import Embedded, Over, Scored, Update
from inference.protocol import LANES, Request, Stats

__all__ = ["Embedder"]

# As many characters as the context has tokens, times this, are read of a text before the rest.
_CHARS_A_TOKEN = 8
# Past as many characters as its longest tokens would fill the context with, times this, a text that
# may be cut is cut unread, even if so far it made few tokens: nobody reads megabytes of spaces.
_SPARSE = 8
# Tokens behind the last one kept that a cut in mid-word may have changed.
_MARGIN_TOKENS = 64
# As long as texts are made into tokens for one batch; the first always is.
_READING_SECONDS = 0.05
_ASSUMED_FRAME = 2  # what Ollama takes off for a first and a last token before it cuts


class Unfit(Exception):
    """An input cannot be read; its only argument is one of `protocol.DETAILS`."""


@dataclass(slots=True, eq=False)
class Work:
    """One request: how many of its inputs are done, and what they gave."""

    request: Request
    order: int
    done_count: int = 0
    token_count: int = 0
    scores: list[float] = field(default_factory=list)
    query: list[int] | None = None  # in tokens, once it has been read
    begun_at: float | None = None

    @property
    def id(self) -> UUID:
        return self.request.generation_id

    @property
    def lane(self) -> int:
        """0 is served first."""
        return LANES.index(self.request.lane)

    @property
    def is_suspect(self) -> bool:
        """Aboard when a runner died: its inputs share no batch with anybody's."""
        return self.request.deaths > 0

    @property
    def is_done(self) -> bool:
        return self.done_count == len(self.request.inputs)


@dataclass(frozen=True, slots=True)
class Pick:
    """The next input of a request, in tokens."""

    work: Work
    tokens: list[int]


class Embedder:
    """`clock` gives seconds for durations, `wall_clock` unix seconds for deadlines.

    `about_to_run` hears who could be to blame before anything native is done for them: whoever's
    inputs are made into tokens, then whoever has some in the batch.
    """

    def __init__(
        self,
        pooler: Pooler,
        *,
        clock: Callable[[], float],
        about_to_run: Callable[[tuple[UUID, ...]], None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._pooler = pooler
        self._clock = clock
        self._wall_clock = wall_clock
        self._about_to_run = about_to_run
        self._announced: frozenset[UUID] = frozenset()
        self._aboard: list[Work] = []
        self._served: Counter[str] = Counter()
        self._pending: list[Update] = []
        self._most_inputs = pooler.limits.sequences
        self._order = 0

    @property
    def is_idle(self) -> bool:
        return not (self._aboard or self._pending)

    @property
    def running_count(self) -> int:
        return len(self._aboard)

    @property
    def free_slots(self) -> int:
        """How many more requests are worth having at once."""
        return max(0, self._pooler.limits.slots - self.running_count)

    def submit(self, request: Request) -> None:
        """Take the request aboard; the next steps work on it. A second time changes nothing."""
        if self._find(request.generation_id) is not None:
            return
        self._order += 1
        present = {work.request.person for work in self._aboard}
        if request.person not in present:
            # Who comes anew has no claim on what others had before.
            self._served[request.person] = min((self._served[p] for p in present), default=0)
        work = Work(request=request, order=self._order)
        self._aboard.append(work)
        if work.is_done:
            self._pending.append(self._end(work, why="done"))

    def stop(self, generation_id: UUID) -> None:
        """End it: the next step returns its end. Unknown ids are ignored."""
        work = self._find(generation_id)
        if work is not None:
            self._pending.append(self._end(work, why="stopped"))

    def drop(self, generation_id: UUID) -> None:
        """Forget it without a word: somebody else answers now."""
        work = self._find(generation_id)
        if work is not None:
            self._leave(work)
        self._pending = [
            update for update in self._pending if update.generation_id != generation_id
        ]

    def step(self) -> list[Update]:
        """Run one batch. Returns what happened since the last step, in order.

        Should it raise, nothing that happened is lost: after `drop` of whoever is to blame, the
        next step goes on.
        """
        self._expire()
        picks = self._next_batch()
        if picks:
            self._pending.extend(self._run(picks))
        updates, self._pending = self._pending, []
        return updates

    def close(self) -> None:
        """Give everything back. Requests still aboard end without a word."""
        self._aboard.clear()
        self._pooler.close()

    def _find(self, generation_id: UUID) -> Work | None:
        return next((work for work in self._aboard if work.id == generation_id), None)

    def _expire(self) -> None:
        """Nobody wants vectors any more that have not begun by their deadline."""
        now = self._wall_clock()
        for work in [each for each in self._aboard if each.begun_at is None]:
            if work.request.expires_at <= now:
                self._pending.append(self._end(work, why="failed", detail="expired"))

    # ── Who is next ─────────────────────────────────────────────────────────────────────────────

    def _next_batch(self) -> list[Pick]:
        """Inputs in turn: by lane, then who has had least, then age. Suspects share no batch.

        Whoever is next but does not fit waits for the next batch, rather than being passed over.
        """
        picks: list[Pick] = []
        ahead: Counter[UUID] = Counter()
        spent: Counter[str] = Counter()
        began_at = self._clock()
        while len(picks) < self._most_inputs:
            if self._clock() - began_at > _READING_SECONDS:
                break
            work = self._next_work(picks, ahead=ahead, spent=spent)
            if work is None:
                break
            self._announce_at_least({work.id, *(pick.work.id for pick in picks)})
            tokens = self._tokens(work, at=work.done_count + ahead[work.id])
            if tokens is None:
                picks = [pick for pick in picks if pick.work is not work]
                continue
            used = sum(len(pick.tokens) for pick in picks)
            if picks and used + len(tokens) > self._pooler.limits.batch_tokens:
                break
            picks.append(Pick(work, tokens))
            ahead[work.id] += 1
            spent[work.request.person] += len(tokens)
        return picks

    def _next_work(
        self, picks: Sequence[Pick], *, ahead: Counter[UUID], spent: Counter[str]
    ) -> Work | None:
        left = [w for w in self._aboard if w.done_count + ahead[w.id] < len(w.request.inputs)]
        if picks and picks[0].work.is_suspect:
            left = [work for work in left if work is picks[0].work]
        elif picks:
            left = [work for work in left if not work.is_suspect]
        return min(left, key=lambda work: self._rank(work, spent), default=None)

    def _rank(self, work: Work, spent: Counter[str]) -> tuple[int, int, int]:
        person = work.request.person
        return (work.lane, self._served[person] + spent[person], work.order)

    def _tokens(self, work: Work, *, at: int) -> list[int] | None:
        """This input ready to run; None when it cannot be, which ends its request."""
        if work.begun_at is None:
            work.begun_at = self._clock()
        try:
            return self._fitted(work, work.request.inputs[at])
        except Unfit as unfit:
            self._pending.append(self._end(work, why="failed", detail=str(unfit)))
            return None

    def _fitted(self, work: Work, text: str) -> list[int]:
        request = work.request
        limit = self._pooler.limits.context_length
        if request.max_input_tokens is not None:
            limit = min(limit, request.max_input_tokens)
        if request.model.task == "rerank":
            return self._fitted_pair(work, text, limit=limit)
        plain = self._encode(text, limit=limit, may_cut=request.truncate)
        framed = self._pooler.framed(plain)
        if len(framed) <= limit:
            return framed
        if not request.truncate:
            raise Unfit("too-long")
        kept = limit - max(_ASSUMED_FRAME, len(framed) - len(plain))
        if kept <= 0:
            raise Unfit("embedding")
        return self._pooler.framed(plain[:kept])

    def _fitted_pair(self, work: Work, text: str, *, limit: int) -> list[int]:
        """Of a pair that is too long the document is cut; a query alone too long cannot be read."""
        if work.query is None:
            work.query = self._encode(work.request.query, limit=limit, may_cut=False)
        query = work.query
        document = self._encode(text, limit=limit, may_cut=work.request.truncate)
        pair = self._pooler.paired(query, document)
        over = len(pair) - limit
        if over <= 0:
            return pair
        if not work.request.truncate or over >= len(document):
            raise Unfit("too-long")
        return self._pooler.paired(query, document[: len(document) - over])

    def _encode(self, text: str, *, limit: int, may_cut: bool) -> list[int]:
        """Its tokens, all of them or more than the limit: a book is not read for its first page."""
        count = max(limit, _MARGIN_TOKENS)
        if may_cut:
            text = text[: count * self._pooler.longest_token_bytes * _SPARSE]
        size = count * _CHARS_A_TOKEN
        while size < len(text):
            tokens = self._pooler.encode(text[:size])
            if len(tokens) > limit + _MARGIN_TOKENS:
                return tokens[:-_MARGIN_TOKENS]
            size *= 4
        return self._pooler.encode(text)

    # ── Running ─────────────────────────────────────────────────────────────────────────────────

    def _run(self, picks: list[Pick]) -> list[Update]:
        self._announce(frozenset(pick.work.id for pick in picks))
        try:
            vectors = self._pooler.pool([pick.tokens for pick in picks])
        except NoRoom:
            return self._with_less(picks)
        except Aborted:
            return []
        if len(vectors) != len(picks):
            raise BackendError("the vectors of a batch do not belong to its inputs")
        self._most_inputs = min(2 * self._most_inputs, self._pooler.limits.sequences)
        found: dict[Work, list[bytes]] = {}
        for pick, vector in zip(picks, vectors, strict=True):
            pick.work.token_count += len(pick.tokens)
            self._served[pick.work.request.person] += len(pick.tokens)
            found.setdefault(pick.work, []).append(vector)
        return [
            update for work, new in found.items() for update in self._advance(work, vectors=new)
        ]

    def _advance(self, work: Work, *, vectors: list[bytes]) -> list[Update]:
        first = work.done_count
        work.done_count += len(vectors)
        if work.request.model.task != "rerank":
            embedded = Embedded(work.id, first, tuple(vectors))
            return [embedded, self._end(work, why="done")] if work.is_done else [embedded]
        work.scores += [_score(vector) for vector in vectors]
        if not work.is_done:
            return []
        if not all(map(math.isfinite, work.scores)):
            return [self._end(work, why="failed", detail="embedding")]
        return [Scored(work.id, tuple(work.scores)), self._end(work, why="done")]

    def _with_less(self, picks: list[Pick]) -> list[Update]:
        """Nothing was kept: try again with fewer inputs; a single one has no room."""
        if len(picks) == 1:
            return [self._end(picks[0].work, why="failed", detail="no-room")]
        self._most_inputs = max(1, len(picks) // 2)
        return []

    def _end(self, work: Work, *, why: Why, detail: str = "") -> Over:
        begun = work.begun_at
        spent_ns = 0 if begun is None else round((self._clock() - begun) * 1_000_000_000)
        self._leave(work)
        stats = Stats(prompt_tokens=work.token_count, prompt_ns=max(0, spent_ns))
        return Over(work.id, why, detail, stats)

    def _leave(self, work: Work) -> None:
        self._aboard.remove(work)
        for person in set(self._served) - {each.request.person for each in self._aboard}:
            del self._served[person]

    def _announce_at_least(self, ids: set[UUID]) -> None:
        """While a batch is put together: who is in it so far, unless they all are known already."""
        if not ids <= self._announced:
            self._announce(frozenset(ids))

    def _announce(self, ids: frozenset[UUID]) -> None:
        if ids != self._announced:
            self._announced = ids
            self._about_to_run(tuple(work.id for work in self._aboard if work.id in ids))


def _score(vector: bytes) -> float:
    score: float = struct.unpack_from("<f", vector)[0]
    return score
