"""How long a step takes here, learnt from every step. Pure. Not for who runs in it.

A step costs something for each computation it falls apart into, for each token that is written and
for each that is read. On a processor the tokens are the price, on an accelerator the computations.
"""

from dataclasses import dataclass

_LEARNING_SHARE = 0.25
_CHEAPEST_SECONDS = 1e-9
# One slow step may be another process's doing: it counts as this much slower at most.
_MOST_TIMES_SLOWER = 3.0
# And what is learnt of a slow one is let go as far as a quick one shows it to be wrong.
_MOST_TIMES_DEARER = 2.0
# What is usual in a step shares an error evenly, or what is many would take all of it.
_USUAL_WRITING, _USUAL_READING = 4, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is in one batch."""

    computations: int
    writing: int
    reading: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Of guesses: `each` for every one, `start` once."""

    each: float
    start: float = 0.0


class Pace:
    """The three prices in seconds. Nothing is known of reading before something was read."""

    def __init__(self) -> None:
        self._computation = 0.0
        self._writing = 0.0
        self._reading: float | None = None

    @property
    def knows_reading(self) -> bool:
        return self._reading is not None

    @property
    def reading_per_second(self) -> float:
        return 1 / self._reading if self._reading else 0.0

    @property
    def computation_seconds(self) -> float:
        return self._computation

    def seconds(self, load: Load) -> float:
        """How long such a step takes; 0 as long as nothing is known."""
        return (
            self._computation * load.computations
            + self._writing * load.writing
            + (self._reading or 0.0) * load.reading
        )

    def readable(self, *, writing: int, seconds: float) -> int:
        """How many tokens can be read in this time beside so many that are written."""
        beside = self.seconds(Load(computations=2 if writing else 1, writing=writing, reading=0))
        return int((seconds - beside) / (self._reading or _CHEAPEST_SECONDS))

    def writable(self, *, writing: int, seconds: float) -> int:
        """How many more tokens can be written in this time beside so many."""
        beside = self.seconds(Load(computations=2, writing=writing, reading=0))
        return int((seconds - beside) / max(self._writing, _CHEAPEST_SECONDS))

    def price_of_guesses(self, *, writing: int) -> Price:
        """What guesses cost one of so many who write, in tokens that are written without any."""
        alone = self.seconds(Load(computations=1, writing=writing, reading=0))
        if not alone > 0:
            return Price(each=1.0)
        # Who alone has more tokens in the batch is computed once more, beside all the others.
        start = self._computation * writing / alone if writing > 1 else 0.0
        return Price(each=self._writing * writing / alone, start=start)

    def learn(self, load: Load, *, seconds: float) -> None:
        self._bound_by(load, seconds=seconds)
        expected = self.seconds(load)
        if self._is_new(load):
            self._begin(load, surplus=max(seconds - expected, seconds * 0.1))
            return
        error = min(seconds, expected * _MOST_TIMES_SLOWER) - expected
        parts = (
            load.computations,
            load.writing / _USUAL_WRITING**2,
            load.reading / _USUAL_READING**2,
        )
        whole = parts[0] * load.computations + parts[1] * load.writing + parts[2] * load.reading
        share = _LEARNING_SHARE * error / whole
        self._computation = max(_CHEAPEST_SECONDS, self._computation + share * parts[0])
        self._writing = max(_CHEAPEST_SECONDS, self._writing + share * parts[1])
        if self._reading is not None:
            self._reading = max(_CHEAPEST_SECONDS, self._reading + share * parts[2])

    def forget_reading(self) -> None:
        self._reading = None

    def _is_new(self, load: Load) -> bool:
        if load.reading and self._reading is None:
            return True
        return not self._writing and load.writing > 0

    def _bound_by(self, load: Load, *, seconds: float) -> None:
        """A token cannot cost much more than the whole step that it was in.

        The first step of a model is slow, for its weights come from the disk then: learnt back in
        small shares only, that would make many questions wait.
        """
        if self._reading is not None and load.reading:
            most = _MOST_TIMES_DEARER * seconds / load.reading
            self._reading = max(_CHEAPEST_SECONDS, min(self._reading, most))

    def _begin(self, load: Load, *, surplus: float) -> None:
        """The first of its kind bears what is not explained yet."""
        if load.reading and self._reading is None:
            self._reading = surplus / load.reading
        else:
            parts = load.writing + (0 if self._computation else load.computations)
            self._writing = surplus / parts
            self._computation = self._computation or self._writing
