"""Log-probabilities of tokens whose text is held back: they wait, and go where their text goes.

Not for computing them. A token that a stop string cut off is never told of.
"""

from inference.protocol import TokenLogprob


class Odds:
    """Those of one sequence that wait, in order."""

    def __init__(self) -> None:
        self._waiting: list[TokenLogprob] = []
        self._shown_bytes = 0

    def add(self, logprobs: TokenLogprob) -> None:
        self._waiting.append(logprobs)

    def told(self, text: str, *, is_holding: bool, is_stopped: bool) -> tuple[TokenLogprob, ...]:
        """What can be told now that this text has been shown."""
        if not self._waiting:
            return ()
        self._shown_bytes += len(text.encode("utf-8", "replace"))
        if is_stopped:
            return self._until_the_cut()
        return () if is_holding else self.rest()

    def rest(self) -> tuple[TokenLogprob, ...]:
        """All that waits, since nothing follows, or nothing is held back."""
        told, self._waiting, self._shown_bytes = tuple(self._waiting), [], 0
        return told

    def _until_the_cut(self) -> tuple[TokenLogprob, ...]:
        begins = 0
        kept = []
        for logprobs in self._waiting:
            if begins >= self._shown_bytes:
                break
            kept.append(logprobs)
            begins += len(logprobs.data)
        self._waiting = []
        return tuple(kept)
