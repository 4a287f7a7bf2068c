"""One piece of work at a time in a thread beside the engine's steps. Not for what the work is.

Always for one sequence: should the process die of it, that one may be to blame. What it comes to is
taken by the engine's own thread, or thrown away when the sequence has left meanwhile.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import Any, Generic, NamedTuple, TypeVar

from inference.engine.sequence import Sequence

# How long is waited at once when there is nothing else to do: news from outside is heard between.
_MOMENT_SECONDS = 0.02

Result = TypeVar("Result")
NewExecutor = Callable[[str], Executor]


def one_thread(name: str) -> Executor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


def wait_a_moment(results: "Iterable[Future[Any]]") -> None:
    """Until one of these is there, a moment at most."""
    wait(results, timeout=_MOMENT_SECONDS, return_when=FIRST_COMPLETED)


class Done(NamedTuple, Generic[Result]):
    """What was done for a sequence; `is_wanted` unless that one has left."""

    sequence: Sequence
    result: "Future[Result]"
    is_wanted: bool


class Beside(Generic[Result]):
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._work: Done[Result] | None = None

    @property
    def sequence(self) -> Sequence | None:
        """For whom something is being done: if the process dies now, it may be to blame."""
        return None if self._work is None else self._work.sequence

    @property
    def results(self) -> "list[Future[Result]]":
        """To wait for: what is being done, if anything is."""
        return [] if self._work is None else [self._work.result]

    def begin(self, sequence: Sequence, work: Callable[[], Result]) -> None:
        """Only when nothing else is being done, or waits to be taken."""
        self._work = Done(sequence, self._executor.submit(work), is_wanted=True)

    def wait(self, *, seconds: float) -> None:
        wait(self.results, timeout=max(0.0, seconds))

    def finished(self) -> Done[Result] | None:
        """What was being done, once, if that is over."""
        work = self._work
        if work is None or not work.result.done():
            return None
        self._work = None
        return work

    def forget(self, sequence: Sequence) -> bool:
        """It leaves. Whether something was being done for it: that cannot be interrupted."""
        if self._work is None or self._work.sequence is not sequence:
            return False
        self._work = self._work._replace(is_wanted=False)
        return True

    def close(self) -> None:
        """Returns when nothing is being done any more."""
        self._executor.shutdown(wait=True)
