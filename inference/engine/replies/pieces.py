"""What every splitter of replies does: text of a model in, parts of an answer out."""

from typing import Literal, NamedTuple, Protocol

Kind = Literal["answer", "thinking"]


class Part(NamedTuple):
    text: str
    kind: Kind


class Splitter(Protocol):
    def feed(self, text: str) -> list[Part]:
        """Parts that are certain now. What may be part of a tag waits."""
        ...

    def finish(self) -> list[Part]:
        """What was waiting, now that nothing follows."""
        ...
