"""The reader of ChatBox 1.9.8, as fragile as it was: what it accepts, older clients accept."""

import json
from collections.abc import Iterator


class Broken(Exception):
    """The client shows an API error instead of an answer."""


class OldReader:
    """Decodes each chunk by itself, wants text in every line but the last, keeps no rest."""

    def __init__(self) -> None:
        self._buffer = ""
        self._text = ""
        self.is_finished = False

    def feed(self, chunk: bytes) -> None:
        self._buffer += chunk.decode("utf-8", "replace")
        *lines, self._buffer = self._buffer.split("\n")
        for line in lines:
            if line.strip():
                self._read(json.loads(line))

    def finish(self) -> str:
        """What the person sees when the connection has closed. An unfinished line is dropped."""
        return self._text

    def _read(self, data: dict[str, object]) -> None:
        if data.get("done"):
            self.is_finished = True
            return
        message = data.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        if not content:
            raise Broken(json.dumps(data))
        self._text += str(content)


def as_chunks(body: bytes, *, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]
