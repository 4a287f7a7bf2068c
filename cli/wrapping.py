"""Words that arrive in pieces, broken between words at the edge of the terminal. Pure."""

from wcwidth import wcswidth, wcwidth

_MARGIN = 5


class Wrapper:
    """`feed` returns what to write: a word that would cross the edge is taken back and moved on."""

    def __init__(self, columns: int) -> None:
        self._most = max(1, columns - _MARGIN)
        self._column = 0
        self._word = ""

    def feed(self, text: str) -> str:
        return "".join(self._letter(letter) for letter in text)

    def _letter(self, letter: str) -> str:
        width = max(0, wcwidth(letter))
        if letter == "\n":
            self._column, self._word = 0, ""
            return letter
        if self._column + width > self._most:
            return self._next_line(letter, width)
        self._column += width
        # Wide letters are words of their own: a line may end behind each of them.
        self._word = "" if letter == " " or width == 2 else self._word + letter
        return letter

    def _next_line(self, letter: str, width: int) -> str:
        if letter == " ":
            self._column, self._word = 0, ""
            return "\n"
        word, self._word = self._word, self._word + letter
        taken = max(0, wcswidth(word))
        if taken >= self._most:  # one word longer than a line: it is cut
            self._word, self._column = letter, width
            return f"\n{letter}"
        self._column = taken + width
        back = f"\x1b[{taken}D\x1b[K" if taken else ""
        return f"{back}\n{word}{letter}"
