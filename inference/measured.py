"""What reading a model's files has told. Not for reading them: that is `sizing.py`."""

from dataclasses import dataclass

from gguffile.memory import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a model's files say. `trouble` says why they say nothing; empty when they are absent:
    that is noticed, and told, elsewhere."""

    shape: Shape | None = None
    trouble: str = ""
