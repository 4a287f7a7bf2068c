"""How long each answer was thought about: from its first thought to its first word. Pure.

Not for telling thoughts from words: the engine's replies do.
"""

from typing import Literal
from uuid import UUID


class Thoughts:
    """Of all that is being answered. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._begun: dict[UUID, float] = {}
        self._ended: dict[UUID, float] = {}

    def heard(
        self, generation_id: UUID, kind: Literal["answer", "thinking"], text: str, *, now: float
    ) -> None:
        """A bit of it; what says nothing ends nothing."""
        if not text:
            return
        if kind == "thinking":
            self._begun.setdefault(generation_id, now)
        elif generation_id in self._begun:
            self._ended.setdefault(generation_id, now)

    def taken(self, generation_id: UUID, *, now: float) -> int:
        """Nanoseconds, and all about it is forgotten; 0 where nothing was thought."""
        begun = self._begun.pop(generation_id, None)
        ended = self._ended.pop(generation_id, now)
        return 0 if begun is None else max(0, round((ended - begun) * 1_000_000_000))
