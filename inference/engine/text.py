"""Token bytes → text that can be shown: whole characters only, and never any of a stop string.

Not for meaning: thinking tags are split by `replies`.
"""

import codecs
from collections.abc import Sequence

from inference.engine.templates.origin import cleaned


class TextStream:
    """The text of one answer as its tokens arrive.

    Holds back the beginning of a character, and whatever may yet become a stop string.
    """

    def __init__(self, *, stop: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = tuple(stop)
        self._held = ""
        self.is_stopped = False

    @property
    def is_holding(self) -> bool:
        """Whether some of what was fed is not shown yet."""
        return bool(self._held or self._decoder.getstate()[0])

    def feed(self, piece: bytes) -> str:
        """Text that is safe to show now. After a stop string there is never any more."""
        if self.is_stopped:
            return ""
        self._held += cleaned(self._decoder.decode(piece))
        return self._release()

    def feed_mark(self, mark: bytes) -> str:
        """The same for a token that is read in letters kept from everybody, the model as well."""
        if self.is_stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True) + mark.decode()
        return self._release()

    def finish(self) -> str:
        """What was held back and can be shown after all, since nothing follows.

        A character that was never finished is not: half a character is no text.
        """
        shown, self._held = self._held, ""
        return shown

    def _release(self) -> str:
        text = self._held
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.is_stopped = True
            self._held = ""
            return text[: min(found)]
        kept = max((overlap(text, stop) for stop in self._stop), default=0)
        shown, self._held = text[: len(text) - kept], text[len(text) - kept :]
        return shown


def overlap(text: str, mark: str) -> int:
    """The length of the longest end of `text` that is a beginning of `mark`, short of all of it."""
    for length in range(min(len(text), len(mark) - 1), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
