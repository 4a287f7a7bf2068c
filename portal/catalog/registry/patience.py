"""Trying again: how often, and how long between. Not for what is worth another try: callers say so.

`Again` carries the error that stands if there is no further try.
"""

import email.utils
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from portal.catalog.registry.crew import Crew
from portal.catalog.registry.errors import RegistryError
from portal.catalog.registry.rules import Patience

T = TypeVar("T")
# Who asks for a longer pause gets it by hand: the transfer ends, and may be resumed.
LONGEST_ASKED_SECONDS = 300.0


class Again(Exception):
    """Worth another try. A stall costs no try, but there is an end to stalls too."""

    def __init__(
        self, error: RegistryError, *, after_seconds: float | None = None, is_stall: bool = False
    ) -> None:
        super().__init__(error.contract_text)
        self.error = error
        self.after_seconds = after_seconds
        self.is_stall = is_stall


class Tries:
    """The tries of one piece of work. `refill` after real progress: a bad line may still get far.

    What is said after the last one begins with `last_words`.
    """

    def __init__(self, patience: Patience, *, crew: Crew, most: int, last_words: str = "") -> None:
        self._patience = patience
        self._crew = crew
        self._most = most
        self._last_words = last_words
        self._failed = 0
        self._stalled = 0

    def refill(self) -> None:
        self._failed = self._stalled = 0

    def run(self, work: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(Again),
            stop=self._is_spent,
            wait=self._wait_seconds,
            sleep=self._crew.sleep,
            reraise=True,
        )
        try:
            return retrying(work)
        except Again as last:
            last.error.contract_text = f"{self._last_words}{last.error.contract_text}"
            raise last.error from None

    def _is_spent(self, state: RetryCallState) -> bool:
        last = _failure(state)
        if last.is_stall:
            self._stalled += 1
        else:
            self._failed += 1
        asked = last.after_seconds or 0
        too_long = asked > LONGEST_ASKED_SECONDS
        return too_long or self._failed >= self._most or self._stalled >= self._patience.stalls

    def _wait_seconds(self, state: RetryCallState) -> float:
        last = _failure(state)
        if last.after_seconds is not None:
            return last.after_seconds
        if last.is_stall:
            return 0.0
        grown: float = self._patience.first_wait_seconds * 2.0 ** (self._failed - 1)
        return min(grown, self._patience.longest_wait_seconds)


def retry_after_seconds(value: str | None) -> float | None:
    """What `Retry-After` asks for: seconds or a date; None when it says nothing usable."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        when = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _failure(state: RetryCallState) -> Again:
    failure = state.outcome.exception() if state.outcome is not None else None
    if not isinstance(failure, Again):
        raise TypeError("only `Again` is tried again")
    return failure
