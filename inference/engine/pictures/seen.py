"""What a projector makes of a picture, as the engine sees it: tokens and spans. Not for pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from inference.engine.pictures.reading import Picture


class Unseeable(Exception):
    """The projector cannot take this picture, though it is one."""


class Span(Protocol):
    """A stretch of a prompt that is no text: `length` positions, filled from a picture.

    `marks` stand for it among the tokens of a sequence: below zero, and equal for equal pictures
    only, so that what was read once is found again like any prefix. `token_count` cells of memory
    hold it. When `is_whole`, all of it must be read at once.
    """

    length: int
    token_count: int
    is_whole: bool
    marks: list[int]

    @property
    def is_encoded(self) -> bool: ...

    def encode(self) -> None:
        """Compute what the model will read; slow, and may run beside the model's own work.

        Raises Unseeable.
        """
        ...

    def close(self) -> None: ...


class Eyes(Protocol):
    """What lets a model see. One thread at a time may use it; never the one that decodes."""

    def look(self, picture: Picture) -> "Seen":
        """What stands for this picture. Nothing is computed yet. Raises Unseeable."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture in parts: tokens that belong around it, and the spans themselves."""

    parts: list[list[int] | Span]

    @property
    def tokens(self) -> list[int]:
        """Tokens and marks in order."""
        return [
            token
            for part in self.parts
            for token in (part if isinstance(part, list) else part.marks)
        ]

    def close(self) -> None:
        for _, span in self.spans():
            span.close()

    def spans(self) -> Iterator[tuple[int, Span]]:
        """Each with its distance from the beginning."""
        at = 0
        for part in self.parts:
            if isinstance(part, list):
                at += len(part)
            else:
                yield at, part
                at += part.length
