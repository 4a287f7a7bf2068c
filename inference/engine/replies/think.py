"""Replies of models that think aloud between two tags before they answer.

The tag opens only at the very beginning of the reply; later ones are ordinary text. Not for what is
in the answer: another splitter reads that.
"""

from typing import Literal

from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.text import overlap

OPENING = "<think>"
CLOSING = "</think>"

_State = Literal["start", "thinking-start", "thinking", "answer-start", "answer"]


class Think:
    """`is_open` when the prompt itself already ended with the opening tag.

    `label` is a word that some models write behind the opening tag.
    """

    def __init__(
        self,
        *,
        is_open: bool = False,
        opening: str = OPENING,
        closing: str = CLOSING,
        label: str = "",
        answer: Splitter | None = None,
    ) -> None:
        self._opening = opening
        self._closing = closing
        self._label = label
        self._answer = answer or Plain()
        self._state: _State = "thinking-start" if is_open else "start"
        self._held = ""

    @property
    def is_thinking(self) -> bool:
        return self._state not in ("answer-start", "answer")

    def feed(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while self._advance(parts):
            pass
        return [part for part in parts if part.text or part.call]

    def finish(self) -> list[Part]:
        text, self._held = self._held, ""
        if self._state in ("thinking", "thinking-start"):
            return [Part(text, "thinking")] if text else []
        return [*self._answer.feed(text), *self._answer.finish()]

    def _advance(self, parts: list[Part]) -> bool:
        """One move; False when more text is needed for the next."""
        if self._state == "start":
            return self._look_for_opening()
        if self._state in ("thinking-start", "answer-start"):
            return self._skip_space()
        if self._state == "thinking":
            return self._look_for_closing(parts)
        parts.extend(self._answer.feed(self._held))
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
        if self._state == "answer-start":
            self._state = "answer"
            return True
        if self._label and self._label.startswith(self._held) and self._held != self._label:
            return False
        self._held = self._held.removeprefix(self._label).lstrip()
        self._label = ""
        if self._held:
            self._state = "thinking"
        return bool(self._held)

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
