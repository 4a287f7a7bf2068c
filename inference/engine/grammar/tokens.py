"""Which tokens of a vocabulary fit where an answer stands. Not for choosing among them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from inference.engine.grammar.walking import Frontier, TooManyWays, Walk

# Of work on one grammar for one token; past it, what was found so far has to do.
MAX_WORK = 40_000
_IDS_A_PLACE = 16
_MOST_BYTES_A_CHARACTER = 4


class Tokens:
    """The tokens that show bytes, in order of their bytes: those alike in front stand together."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self._ids = sorted(
            (token for token, piece in enumerate(pieces) if piece), key=pieces.__getitem__
        )
        self._texts = [pieces[token] for token in self._ids]

    def fitting(self, walk: Walk, frontier: Frontier) -> list[int]:
        """All that fit, remembered with the frontier. None at all when there is too much to do."""
        if frontier.fitting is None:
            frontier.fitting = self._found(walk, frontier)
            walk.keep(len(frontier.fitting) // _IDS_A_PLACE)
        return frontier.fitting

    def _found(self, walk: Walk, frontier: Frontier) -> list[int]:
        found: list[int] = []
        texts, count, limit = self._texts, len(self._texts), walk.work + MAX_WORK
        trail = [frontier]  # after each byte of the last text that still fitted
        last, at = b"", 0
        while at < count and walk.work < limit:
            text = texts[at]
            same = _same_beginning(last, text, most=len(trail) - 1)
            del trail[same + 1 :]
            last = text
            if _follows(trail, text, begin=same):
                found.append(self._ids[at])
                at += 1
            else:
                # None that begin like this fit either.
                at = bisect_left(texts, _behind(text[: len(trail)]), at + 1)
        return found


def spelt(pieces: Iterable[bytes]) -> bytes:
    """The bytes that tokens can say one by one, so that after one of them there is always a next.

    Vocabularies without bytes have characters: a token of a whole one counts for each of its bytes.
    """
    return bytes(sorted({byte for piece in pieces if _is_smallest(piece) for byte in piece}))


def _is_smallest(piece: bytes) -> bool:
    if len(piece) < 2 or len(piece) > _MOST_BYTES_A_CHARACTER:
        return len(piece) == 1
    letters = piece.decode("utf-8", "ignore")
    return len(letters) == 1 and letters.encode() == piece


def _follows(trail: list[Frontier], text: bytes, *, begin: int) -> bool:
    try:
        for byte in text[begin:]:
            following = trail[-1].step(byte)
            if following is None:
                return False
            trail.append(following)
    except TooManyWays:
        return False
    return True


def _same_beginning(one: bytes, other: bytes, *, most: int) -> int:
    length = 0
    most = min(most, len(other))
    while length < most and one[length] == other[length]:
        length += 1
    return length


def _behind(beginning: bytes) -> bytes:
    """The first text behind all that begin like this."""
    kept = beginning.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\xff" * 4096
