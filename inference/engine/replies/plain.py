"""Replies without structure: all of it is answer."""

from inference.engine.replies.pieces import Part


class Plain:
    is_thinking = False

    def feed(self, text: str) -> list[Part]:
        return [Part(text)] if text else []

    def finish(self) -> list[Part]:
        return []
