"""The bounds an engine keeps, fixed when it starts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """`max_step_seconds` bounds what a new prompt may add to the gap between two tokens of others.

    `max_per_person` None means no bound: no slot stays empty while anybody waits. Whoever runs
    fewest gets the next one, so others' many requests cost a person one slot's time at most.
    `park_bytes` is RAM for conversations whose slot went to others.
    """

    max_step_seconds: float = 0.15
    max_idle_step_seconds: float = 0.5
    max_per_person: int | None = None
    park_bytes: int = 512 * 1024 * 1024
    smallest_chunk: int = 8
    first_chunk: int = 32

    def person_cap(self, slots: int) -> int:
        cap = slots if self.max_per_person is None else self.max_per_person
        return max(1, min(cap, slots))
