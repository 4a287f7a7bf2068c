"""Where a JSON object or list ends, found while it arrives. Not for what is in it."""

import re

_INSIDE = re.compile(r'["\\]')
_OUTSIDE = {
    "{": re.compile(r'["{}]'),
    "[": re.compile(r'["\[\]]'),
    "{[": re.compile(r'["{}\[\]]'),
}


class Balance:
    """Feed it text from the first bracket on. Only these kinds of `brackets` are counted."""

    def __init__(self, brackets: str = "{[") -> None:
        self._outside = _OUTSIDE[brackets]
        self._depth = 0
        self._is_in_text = False
        self._is_escaped = False

    def feed(self, text: str) -> int | None:
        """The place behind the bracket that closes the first one, or None while it is open."""
        position = 0
        if self._is_escaped and text:
            self._is_escaped = False
            position = 1
        while found := (_INSIDE if self._is_in_text else self._outside).search(text, position):
            position = found.end()
            letter = found.group()
            if letter == "\\":
                self._is_escaped = position == len(text)
                position += 1
            elif letter == '"':
                self._is_in_text = not self._is_in_text
            else:
                self._depth += 1 if letter in "{[" else -1
                if self._depth <= 0:
                    return position
        return None
