"""Values as models write them outside JSON: Python's literals, bare keys, quotes of their own.

Not for evaluating: nothing is looked up or run.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

PYTHON_QUOTES: Mapping[str, str] = {'"': '"', "'": "'"}
_MAX_DEPTH = 64
_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\s,\[\]{}()=:\"']+")
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_CONSTANTS = {"True": True, "true": True, "False": False, "false": False}
_NOTHING = ("None", "null")
_CLOSINGS = {"{": "}", "[": "]", "(": ")"}


class Unreadable(ValueError):
    """The text is not written as this reader expects."""


class Loose:
    """Reads one value after the other from a text."""

    def __init__(self, text: str, *, quotes: Mapping[str, str] = PYTHON_QUOTES) -> None:
        self._text = text
        self._quotes = quotes
        self._at = 0
        self._depth = 0

    @property
    def is_over(self) -> bool:
        self._skip_space()
        return self._at == len(self._text)

    def takes(self, mark: str) -> bool:
        """Whether this comes next; then it is passed."""
        self._skip_space()
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def needs(self, mark: str) -> None:
        if not self.takes(mark):
            raise Unreadable(mark)

    def word(self) -> str:
        self._skip_space()
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise Unreadable("a word")
        self._at = found.end()
        return found.group()

    def arguments(self, *, opening: str, between: str) -> dict[str, Any]:
        """`opening`, then keys and values with this `between` them, until it is closed."""
        self.needs(opening)
        found: dict[str, Any] = {}
        while not self.takes(_CLOSINGS[opening]):
            if found:
                self.needs(",")
                if self.takes(_CLOSINGS[opening]):
                    break
            key = self._key()
            self.needs(between)
            found[key] = self.value()
        return found

    def value(self) -> Any:
        self._skip_space()
        for opening in self._quotes:
            if self._text.startswith(opening, self._at):
                return self._quoted(opening)
        letter = self._text[self._at : self._at + 1]
        if letter not in _CLOSINGS:
            return _constant(self.word())
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("too deep")
        value = self.arguments(opening="{", between=":") if letter == "{" else self._list(letter)
        self._depth -= 1
        return value

    def _list(self, opening: str) -> list[Any]:
        self.needs(opening)
        found: list[Any] = []
        while not self.takes(_CLOSINGS[opening]):
            if found:
                self.needs(",")
                if self.takes(_CLOSINGS[opening]):
                    break
            found.append(self.value())
        return found

    def _key(self) -> str:
        self._skip_space()
        for opening in self._quotes:
            if self._text.startswith(opening, self._at):
                return self._quoted(opening)
        return self.word()

    def _quoted(self, opening: str) -> str:
        start, closing = self._at + len(opening), self._quotes[opening]
        end = start
        while True:
            end = self._text.find(closing, end)
            if end < 0:
                raise Unreadable("no end of a text")
            if len(closing) > 1 or _backslashes_before(self._text, end, start=start) % 2 == 0:
                break
            end += 1
        self._at = end + len(closing)
        inner = self._text[start:end]
        return inner if len(closing) > 1 else _ESCAPED.sub(_unescaped, inner)

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at


def _backslashes_before(text: str, end: int, *, start: int) -> int:
    count = 0
    while end - count > start and text[end - count - 1] == "\\":
        count += 1
    return count


def _unescaped(found: re.Match[str]) -> str:
    escape = found.group(1)
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, escape)


def _constant(word: str) -> Any:
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word in _NOTHING:
        return None
    try:
        value = json.loads(word)
    except ValueError:
        raise Unreadable("a number") from None
    return value
