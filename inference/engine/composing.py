"""Prompts in the making: one thread makes them, one at a time, while the engine goes on.

Not for how a prompt is made (`preparing.py`), nor for whose is next: the scheduler says that.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from inference.engine.beside import Beside, Done, NewExecutor, one_thread
from inference.engine.pictures.seen import Seen
from inference.engine.preparing import Made, Preparer, Unprepared
from inference.engine.sequence import Sequence
from inference.protocol import Request


@dataclass(frozen=True, slots=True)
class Composed:
    """A prompt or the reason why there is none, and how long that took."""

    made: Made | Unprepared
    seconds: float


class Composing:
    """`about_to_compose` hears whose prompt is made, before anything is done for it."""

    def __init__(
        self,
        preparer: Preparer,
        *,
        clock: Callable[[], float],
        about_to_compose: Callable[[Sequence], None],
        new_executor: NewExecutor = one_thread,
    ) -> None:
        self._preparer = preparer
        self._clock = clock
        self._about_to_compose = about_to_compose
        self._beside: Beside[Composed] = Beside(new_executor("prompts"))
        self._begun_at_step = -1

    @property
    def sequence(self) -> Sequence | None:
        """Whose prompt is being made: if the process dies now, it may be to blame."""
        return self._beside.sequence

    @property
    def results(self) -> "list[Future[Any]]":
        """To wait for: what is being made, if anything is."""
        return [*self._beside.results]

    def runnable(self, running: list[Sequence]) -> list[Sequence]:
        """Who may run beside what is being made. A suspect is always alone with its fault."""
        composed = self.sequence
        return [] if composed is not None and _has_suspect([composed, *running]) else running

    def begin(
        self, sequence: Sequence, *, running: list[Sequence], step: int, seconds: float
    ) -> None:
        """Its prompt is made from now on, if none is; so many seconds at most are waited for it.

        Where there are suspects, those who run wait meanwhile: then each batch has its turn first.
        """
        is_alone = bool(running) and _has_suspect([sequence, *running])
        if self.sequence is not None or (is_alone and step == self._begun_at_step):
            return
        self._begun_at_step = step
        self._about_to_compose(sequence)
        work = partial(self._composed, sequence.request, sequence.pictures)
        self._beside.begin(sequence, work)
        self._beside.wait(seconds=seconds)

    def finished(self) -> Done[Composed] | None:
        """What was being made, once, if that is over. Nothing, if it is wanted no more."""
        done = self._beside.finished()
        return done if done is not None and done.is_wanted else None

    def forget(self, sequence: Sequence) -> None:
        """It leaves. What is being made cannot be interrupted, and is thrown away then."""
        self._beside.forget(sequence)

    def close(self) -> None:
        """Returns when nothing is being made any more."""
        self._beside.close()
        self._preparer.close()

    def _composed(self, request: Request, pictures: tuple[Seen, ...]) -> Composed:
        began_at = self._clock()
        try:
            made: Made | Unprepared = self._preparer.make(request, pictures=pictures)
        except Unprepared as refusal:
            made = refusal
        return Composed(made, self._clock() - began_at)


def _has_suspect(sequences: Iterable[Sequence]) -> bool:
    return any(sequence.is_suspect for sequence in sequences)
