"""What Go's JSON decoder would say about a broken text. Not for reading a good one: goreading.py.

Clients and their tests know these sentences; they name the bad byte, which helps a person find it.
"""

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPED = b'bfnrt\\/"'
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_MAX_DEPTH = 10_000

TRUNCATED = "unexpected EOF"


class _Bad(Exception):
    """The sentence is its only argument."""


def complaint(data: bytes) -> str:
    """The sentence about the first thing wrong in `data`, or "" when its first value is sound."""
    try:
        _Scan(data).value()
    except _Bad as bad:
        return str(bad)
    return ""


class _Scan:
    """A walk over one value. It keeps its own stack, so that nesting costs no Python frames."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._open: list[int] = []

    def value(self) -> None:
        self._begin_value()
        while self._open:
            if self._open[-1] == ord("{"):
                self._after_pair()
            else:
                self._after_element()

    def _begin_value(self) -> None:
        byte = self._next_visible()
        if byte in b"{[":
            self._enter(byte)
        elif byte == ord('"'):
            self._string()
        elif byte == ord("-") or byte in _DIGITS:
            self._number(byte)
        elif byte in _LITERALS:
            self._literal(_LITERALS[byte])
        else:
            raise self._bad(byte, "looking for beginning of value")

    def _enter(self, byte: int) -> None:
        closing = ord("}") if byte == ord("{") else ord("]")
        if self._peek_visible() == closing:
            self._next_visible()
            return
        self._open.append(byte)
        if len(self._open) > _MAX_DEPTH:
            raise _Bad("exceeded max depth")
        if byte == ord("{"):
            self._key()
        self._begin_value()

    def _key(self) -> None:
        byte = self._next_visible()
        if byte != ord('"'):
            raise self._bad(byte, "looking for beginning of object key string")
        self._string()
        byte = self._next_visible()
        if byte != ord(":"):
            raise self._bad(byte, "after object key")

    def _after_pair(self) -> None:
        byte = self._next_visible()
        if byte == ord("}"):
            self._open.pop()
        elif byte == ord(","):
            self._key()
            self._begin_value()
        else:
            raise self._bad(byte, "after object key:value pair")

    def _after_element(self) -> None:
        byte = self._next_visible()
        if byte == ord("]"):
            self._open.pop()
        elif byte == ord(","):
            self._begin_value()
        else:
            raise self._bad(byte, "after array element")

    def _string(self) -> None:
        while (byte := self._next()) != ord('"'):
            if byte < 0x20:
                raise self._bad(byte, "in string literal")
            if byte == ord("\\"):
                self._escape()

    def _escape(self) -> None:
        byte = self._next()
        if byte == ord("u"):
            for _ in range(4):
                if (digit := self._next()) not in _HEX:
                    raise self._bad(digit, "in \\u hexadecimal character escape")
        elif byte not in _ESCAPED:
            raise self._bad(byte, "in string escape code")

    def _number(self, first: int) -> None:
        if first == ord("-"):
            first = self._next()
            if first not in _DIGITS:
                raise self._bad(first, "in numeric literal")
        if first != ord("0"):
            self._digits()
        if self._peek() == ord("."):
            self._next()
            self._one_digit("after decimal point in numeric literal")
            self._digits()
        if self._peek() in (ord("e"), ord("E")):
            self._next()
            if self._peek() in (ord("+"), ord("-")):
                self._next()
            self._one_digit("in exponent of numeric literal")
            self._digits()

    def _one_digit(self, where: str) -> None:
        if (byte := self._next()) not in _DIGITS:
            raise self._bad(byte, where)

    def _digits(self) -> None:
        while self._at < len(self._data) and self._data[self._at] in _DIGITS:
            self._at += 1

    def _literal(self, word: bytes) -> None:
        for expected in word[1:]:
            if (byte := self._next()) != expected:
                raise self._bad(byte, f"in literal {word.decode()} (expecting '{chr(expected)}')")

    def _peek(self) -> int | None:
        return self._data[self._at] if self._at < len(self._data) else None

    def _peek_visible(self) -> int | None:
        while self._at < len(self._data) and self._data[self._at] in _SPACE:
            self._at += 1
        return self._peek()

    def _next(self) -> int:
        byte = self._peek()
        if byte is None:
            raise _Bad(TRUNCATED)
        self._at += 1
        return byte

    def _next_visible(self) -> int:
        self._peek_visible()
        return self._next()

    def _bad(self, byte: int, where: str) -> _Bad:
        return _Bad(f"invalid character {_quoted(byte)} {where}")


_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\"}


def _quoted(byte: int) -> str:
    """One byte as Go quotes a character: it takes the byte for a code point."""
    if byte == ord("'"):
        return "'\\''"
    if byte in _NAMED:
        return f"'{_NAMED[byte]}'"
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    if 0x80 <= byte <= 0xA0 or byte == 0xAD:
        return f"'\\u{byte:04x}'"
    return f"'{chr(byte)}'"
