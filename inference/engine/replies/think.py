"""Replies of models that think aloud between two tags before they answer.

The tag opens only at the very beginning of the reply; later ones are ordinary text.
"""

from typing import Literal

from inference.engine.replies.pieces import Part
from inference.engine.text import overlap

OPENING = "<think>"
CLOSING = "</think>"

_State = Literal["start", "thinking-start", "thinking", "answer-start", "answer"]


class Think:
    """`is_open` when the prompt itself already ended with the opening tag."""

    def __init__(
        self, *, is_open: bool = False, opening: str = OPENING, closing: str = CLOSING
    ) -> None:
        self._opening = opening
        self._closing = closing
        self._state: _State = "thinking-start" if is_open else "start"
        self._held = ""

    def feed(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while self._advance(parts):
            pass
        return [part for part in parts if part.text]

    def finish(self) -> list[Part]:
        text, self._held = self._held, ""
        is_thinking = self._state in ("thinking", "thinking-start")
        return [Part(text, "thinking" if is_thinking else "answer")] if text else []

    def _advance(self, parts: list[Part]) -> bool:
        """One move; False when more text is needed for the next."""
        if self._state == "start":
            return self._look_for_opening()
        if self._state in ("thinking-start", "answer-start"):
            return self._skip_space()
        if self._state == "thinking":
            return self._look_for_closing(parts)
        parts.append(Part(self._held, "answer"))
        self._held = ""
        return False

    def _look_for_opening(self) -> bool:
        text = self._held.lstrip()
        if text.startswith(self._opening):
            self._held = text[len(self._opening) :]
            self._state = "thinking-start"
            return True
        if self._opening.startswith(text):
            return False
        self._state = "answer"
        return True

    def _skip_space(self) -> bool:
        self._held = self._held.lstrip()
        if not self._held:
            return False
        self._state = "thinking" if self._state == "thinking-start" else "answer"
        return True

    def _look_for_closing(self, parts: list[Part]) -> bool:
        before, tag, after = self._held.partition(self._closing)
        if tag:
            parts.append(Part(before, "thinking"))
            self._held = after
            self._state = "answer-start"
            return True
        kept = overlap(before, self._closing)
        parts.append(Part(before[: len(before) - kept], "thinking"))
        self._held = before[len(before) - kept :]
        return False
