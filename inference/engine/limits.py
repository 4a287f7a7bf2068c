"""The bounds an engine keeps, fixed when it starts."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """`max_step_seconds` bounds a step in which others write while a new prompt is read.

    Where writing alone takes much of that, reading may take `least_reading_share` times as long
    as the writing: new answers must begin too. `max_idle_step_seconds` is the bound while nobody
    writes. What can be read to its end within `whole_read_seconds` is read in one step by itself,
    and those who write go on in the next: with 12 people talking on two cores that brought the
    first token of later turns after 0.26 s instead of 0.96 s, at gaps (p95) of 0.23 s instead of
    0.16 s. A picture of a model that looks ahead in pictures is read at once, and may take longer.

    `max_per_person` None means no bound: no slot stays empty while anybody waits. Whoever runs
    fewest gets the next one, so others' many requests cost a person one slot's time at most.
    `park_bytes` is RAM for conversations whose slot went to others; `park_disk_bytes` below
    `park_directory` is where they go from there, if there is one. `max_draft` is how many tokens
    are guessed ahead at most; 0 guesses nothing.

    When every slot is taken, one who has waited `patience_seconds` may be given that of another
    who has run `least_run_seconds`, once in `give_way_seconds`.
    """

    max_step_seconds: float = 0.08
    max_idle_step_seconds: float = 0.25
    whole_read_seconds: float = 0.25
    max_per_person: int | None = None
    park_bytes: int = 512 * 1024 * 1024
    park_directory: Path | None = None
    park_disk_bytes: int = 0
    least_reading_share: float = 2.0
    smallest_chunk: int = 4
    first_chunk: int = 32
    max_draft: int = 8
    patience_seconds: float = 1.0
    least_run_seconds: float = 2.0
    give_way_seconds: float = 1.0

    def person_cap(self, slots: int) -> int:
        cap = slots if self.max_per_person is None else self.max_per_person
        return max(1, min(cap, slots))
