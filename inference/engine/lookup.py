"""Guesses at what comes next: where the last words stood before, what followed them there.

Prompt lookup: answers that quote what they were given are read instead of written. Not for checking
a guess, which the model does, nor for how much it may cost, which the scheduler says.
"""

from array import array
from collections.abc import Sequence

# This many equal tokens in a row are taken for a quotation.
_ALIKE_TOKENS = 3
_ITEM_BYTES = array("i").itemsize
_KEY_BYTES = _ALIKE_TOKENS * _ITEM_BYTES
# Further back is not searched: reading through it must stay cheap beside one token.
_SEARCHED_BYTES = 32_768 * _ITEM_BYTES
_LEARNING_SHARE = 0.25
_FIRST_TRUST = 0.5


class Lookup:
    """Follows the tokens of one sequence, and how often they were what it would have guessed.

    That costs the model nothing, so it is known what guessing would bring before it is begun.
    """

    def __init__(self) -> None:
        self._tokens = array("i")
        self._next: int | None = None  # where the token that is guessed next stands
        self._is_quoting = False
        self._trust_at_first = _FIRST_TRUST
        self._trust_when_quoting = _FIRST_TRUST

    def follow(self, tokens: Sequence[int], *, said: int) -> None:
        """Take in what is new of `tokens`, of which the last `said` were chosen, not given."""
        known = len(self._tokens)
        given = max(known, len(tokens) - said)
        if given > known:
            self._tokens.extend(tokens[known:given])
            self._search()
        for token in tokens[given:]:
            self._learn(token)

    def guess(self, *, most: int, price: float, start_price: float = 0.0) -> list[int]:
        """At most so many tokens, each with a better chance to be right than `price`.

        None at all where so many right ones as can be hoped for do not pay `start_price` too.
        """
        if self._next is None:
            return []
        chance = self._trust_when_quoting if self._is_quoting else self._trust_at_first
        guesses: list[int] = []
        gain = -start_price
        for token in self._tokens[self._next : self._next + max(0, most)]:
            if chance <= price or token < 0:  # pictures are not guessed
                break
            guesses.append(token)
            gain += chance - price
            chance *= self._trust_when_quoting
        return guesses if gain > 0 else []

    def _learn(self, token: int) -> None:
        is_hit = False
        if self._next is not None:
            is_hit = self._tokens[self._next] == token
            self._weigh(is_hit)
        self._tokens.append(token)
        self._is_quoting = is_hit
        if is_hit and self._next is not None:
            self._next += 1
        else:
            self._search()

    def _weigh(self, is_hit: bool) -> None:
        if self._is_quoting:
            self._trust_when_quoting += _LEARNING_SHARE * (is_hit - self._trust_when_quoting)
        else:
            self._trust_at_first += _LEARNING_SHARE * (is_hit - self._trust_at_first)

    def _search(self) -> None:
        """The latest place where the last tokens stood before; what follows is the guess."""
        self._next = None
        data = self._tokens[-(_SEARCHED_BYTES // _ITEM_BYTES) :].tobytes()
        if len(data) <= _KEY_BYTES:
            return
        key, end = data[-_KEY_BYTES:], len(data) - _ITEM_BYTES
        found = data.rfind(key, 0, end)
        while found % _ITEM_BYTES and found >= 0:  # between two tokens: not one of them
            found = data.rfind(key, 0, found + _KEY_BYTES - 1)
        if found >= 0:
            skipped = len(self._tokens) - len(data) // _ITEM_BYTES
            self._next = skipped + found // _ITEM_BYTES + _ALIKE_TOKENS
