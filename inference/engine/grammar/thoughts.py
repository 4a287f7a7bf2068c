"""What a model may think aloud before its answer, up to its closing tag. Not for answers."""

from dataclasses import dataclass

from inference.engine.grammar.building import (
    Builder,
    Piece,
    byte_of,
    literal,
    repeated,
    sequence,
)

_SPACE = repeated(byte_of((" ", " "), ("\t", "\r")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thoughts:
    """They end with the last of `closings`, each of which comes somewhere behind the one before.

    `is_open`: the prompt has already begun them. Else the model may begin them, or answer.
    """

    opening: str
    closings: tuple[str, ...]
    is_open: bool = False


def before(thoughts: Thoughts, answer: Piece) -> Piece:
    opening = thoughts.opening.encode()

    def lay(builder: Builder, at: int) -> int:
        answering = builder.state()
        thinking = at
        if not thoughts.is_open:
            builder.silent(at, answering)
            thinking = sequence(_SPACE, literal(opening))(builder, at)
        for closing in thoughts.closings:
            thinking = _until(builder, thinking, closing.encode())
        builder.silent(_SPACE(builder, thinking), answering)
        return answer(builder, answering)

    return lay


def _until(builder: Builder, at: int, closing: bytes) -> int:
    """All bytes until the first `closing`: a state for each beginning of it that was just read."""
    states = [builder.state() for _ in range(len(closing) + 1)]
    builder.silent(at, states[0])
    for length in range(len(closing)):
        begun = closing[:length]
        known = sorted(set(closing))
        for byte in known:
            to = _longest_beginning(begun + bytes([byte]), closing)
            builder.edge(states[length], byte, byte, states[to])
        for low, high in zip([-1, *known], [*known, 256], strict=True):
            if low + 1 < high:
                builder.edge(states[length], low + 1, high - 1, states[0])
    return states[-1]


def _longest_beginning(text: bytes, mark: bytes) -> int:
    return next(length for length in range(len(mark), -1, -1) if text.endswith(mark[:length]))
