"""What every splitter of replies does: text of a model in, parts of an answer out."""

from typing import Literal, NamedTuple, Protocol

from inference.protocol import ToolCall

Kind = Literal["answer", "thinking"]


class Part(NamedTuple):
    """Some text of one kind or, with a `call`, one whole call of a tool and no text."""

    text: str
    kind: Kind = "answer"
    call: ToolCall | None = None


class Splitter(Protocol):
    @property
    def is_thinking(self) -> bool:
        """Whether the answer proper has not begun: what comes next may still be thinking."""
        ...

    def feed(self, text: str) -> list[Part]:
        """Parts that are certain now. What may be part of a tag waits."""
        ...

    def finish(self) -> list[Part]:
        """What was waiting, now that nothing follows."""
        ...
