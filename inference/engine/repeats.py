"""Notices a model that says one thing again and again. Not for penalties: those are sampling."""


class Repeats:
    """The same piece in a row, space around it aside, as Ollama counts."""

    def __init__(self) -> None:
        self._last: bytes | None = None
        self._count = 0

    def count(self, piece: bytes, *, most: int | None) -> bool:
        """Whether this one repeats the one before it once more than `most` times."""
        bare = piece.strip()
        self._count = self._count + 1 if bare == self._last else 0
        self._last = bare
        return most is not None and self._count > most
