"""The text of a template → tokens, with Go's complaints. Not for what the tokens mean."""

import re
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    TEXT = "text"
    LEFT = "{{"
    RIGHT = "}}"
    SPACE = "space"
    IDENTIFIER = "identifier"
    KEYWORD = "keyword"
    FIELD = "field"
    VARIABLE = "variable"
    DOT = "."
    NIL = "nil"
    BOOL = "bool"
    NUMBER = "number"
    CHARACTER = "character constant"
    STRING = "string"
    RAW_STRING = "raw string"
    PIPE = "|"
    ASSIGN = "="
    DECLARE = ":="
    OPEN = "("
    CLOSE = ")"
    COMMA = ","
    OTHER = "other"
    END = "EOF"
    ERROR = "error"


class Token(NamedTuple):
    """`at` is where it begins in the source, `line` counts from 1."""

    kind: Kind
    text: str
    at: int
    line: int

    def __str__(self) -> str:
        """As Go names it in complaints."""
        if self.kind is Kind.END:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.text
        if self.kind is Kind.KEYWORD:
            return f"<{self.text}>"
        if len(self.text) > 10:
            return quoted(self.text[:10]) + "..."
        return quoted(self.text)


KEYWORDS = frozenset(
    {
        *("block", "break", "continue", "define", "else"),
        *("end", "if", "range", "template", "with"),
    }
)
# What Go's unicode.IsSpace-like tests accept within an action.
_SPACE = " \t\r\n"
_LEFT_TRIM = re.compile(r"-[ \t\r\n]")
_RIGHT_TRIM = re.compile(r"[ \t\r\n]-\}\}")
_COMMENT_END = re.compile(r"(?:[ \t\r\n]-)?\}\}")
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*)?(?:\.[\d_]*)?(?:[eE][+-]?\d+)?"
)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\.)+'")
_SIGNS = {"|": Kind.PIPE, "=": Kind.ASSIGN, "(": Kind.OPEN, ")": Kind.CLOSE, ",": Kind.COMMA}
_QUOTES = {
    '"': (Kind.STRING, _STRING, "unterminated quoted string"),
    "'": (Kind.CHARACTER, _CHARACTER, "unterminated character constant"),
}


class _Wrong(Exception):
    """The lexer's complaint, as the last token will carry it."""


def tokens(source: str) -> list[Token]:
    """All tokens; the last one is END, or ERROR with Go's words."""
    lexer = _Lexer(source)
    try:
        lexer.run()
    except _Wrong as wrong:
        lexer.add(Kind.ERROR, str(wrong))
    return lexer.found


def quoted(text: str) -> str:
    """As Go's %q writes a text."""
    return '"' + "".join(_QUOTED.get(letter) or _shown(letter) for letter in text) + '"'


_QUOTED = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\v": "\\v",
}


def _shown(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Lexer:
    def __init__(self, source: str) -> None:
        self.found: list[Token] = []
        self._source = source
        self._at = 0
        self._line = 1
        self._depth = 0

    def add(self, kind: Kind, text: str) -> None:
        self.found.append(Token(kind, text, self._at, self._line))

    def run(self) -> None:
        while True:
            start = self._source.find("{{", self._at)
            self._text(start)
            if start < 0:
                self.add(Kind.END, "")
                return
            self._open()

    def _text(self, end: int) -> None:
        """What stands before the next action, trimmed as that action wants."""
        whole = self._source[self._at : end if end >= 0 else len(self._source)]
        shown = whole
        if end >= 0 and _LEFT_TRIM.match(self._source, end + 2):
            shown = whole.rstrip(_SPACE)
        if shown:
            self.add(Kind.TEXT, shown)
        self._pass(len(whole))

    def _open(self) -> None:
        trims = _LEFT_TRIM.match(self._source, self._at + 2) is not None
        inside = self._at + (4 if trims else 2)
        if self._source.startswith("/*", inside):
            self._pass(inside - self._at)
            self._comment()
            return
        self.add(Kind.LEFT, "{{")
        self._pass(inside - self._at)
        self._depth = 0
        while self._one():
            pass

    def _comment(self) -> None:
        end = self._source.find("*/", self._at)
        if end < 0:
            raise _Wrong("unclosed comment")
        closing = _COMMENT_END.match(self._source, end + 2)
        if closing is None:
            raise _Wrong("comment ends before closing delimiter")
        self._pass(closing.end() - self._at)
        if len(closing.group()) > 2:
            self._skip_space()

    def _one(self) -> bool:
        """One token of an action; False when the action is over."""
        source, at = self._source, self._at
        if source.startswith("}}", at) or _RIGHT_TRIM.match(source, at):
            self._close(trims=not source.startswith("}}", at))
            return False
        if at >= len(source):
            raise _Wrong("unclosed action")
        letter = source[at]
        if letter in _SPACE:
            self._space()
        elif letter in _QUOTES:
            self._quote(letter)
        elif letter == "`":
            self._raw_quote()
        else:
            self._sign_or_word(letter)
        return True

    def _close(self, *, trims: bool) -> None:
        if self._depth:
            raise _Wrong("unclosed left paren")
        if trims:
            self._pass(2)
        self.add(Kind.RIGHT, "}}")
        self._pass(2)
        if trims:
            self._skip_space()

    def _sign_or_word(self, letter: str) -> None:
        following = self._source[self._at + 1 : self._at + 2]
        if letter == "." and not _is_digit(following):
            self._field()
        elif letter == "$":
            self._variable()
        elif letter in "+-." or _is_digit(letter):
            self._number()
        elif _is_word(letter):
            self._word()
        else:
            self._sign(letter)

    def _sign(self, letter: str) -> None:
        if letter == ":":
            if not self._source.startswith(":=", self._at):
                raise _Wrong("expected :=")
            self._take(Kind.DECLARE, 2)
            return
        if letter == ")" and not self._depth:
            raise _Wrong("unexpected right paren")
        self._depth += {"(": 1, ")": -1}.get(letter, 0)
        if not (letter.isascii() and letter.isprintable()):
            raise _Wrong(f"unrecognized character in action: {_named(letter)}")
        self._take(_SIGNS.get(letter, Kind.OTHER), 1)

    def _space(self) -> None:
        end = self._at
        while end < len(self._source) and self._source[end] in _SPACE:
            end += 1
        if _RIGHT_TRIM.match(self._source, end - 1):
            end -= 1  # the last space belongs to the trimming mark
        if end > self._at:
            self._take(Kind.SPACE, end - self._at)

    def _quote(self, letter: str) -> None:
        kind, pattern, complaint = _QUOTES[letter]
        found = pattern.match(self._source, self._at)
        if found is None:
            raise _Wrong(complaint)
        self._take(kind, len(found.group()))

    def _raw_quote(self) -> None:
        end = self._source.find("`", self._at + 1)
        if end < 0:
            raise _Wrong("unterminated raw quoted string")
        self._take(Kind.RAW_STRING, end + 1 - self._at)

    def _field(self) -> None:
        found = _WORD.match(self._source, self._at + 1)
        end = found.end() if found else self._at + 1
        self._must_end_at(end)
        self._take(Kind.FIELD if found else Kind.DOT, end - self._at)

    def _variable(self) -> None:
        found = _WORD.match(self._source, self._at + 1)
        end = found.end() if found else self._at + 1
        self._must_end_at(end)
        self._take(Kind.VARIABLE, end - self._at)

    def _number(self) -> None:
        found = _NUMBER.match(self._source, self._at)
        end = found.end() if found else self._at
        text = self._source[self._at : end]
        rest = _WORD.match(self._source, end)
        if rest or not any(map(_is_digit, text)):
            bad = self._source[self._at : rest.end() if rest else end + 1]
            raise _Wrong(f"bad number syntax: {quoted(bad)}")
        self._take(Kind.NUMBER, len(text))

    def _word(self) -> None:
        found = _WORD.match(self._source, self._at)
        end = found.end() if found else self._at + 1
        word = self._source[self._at : end]
        self._must_end_at(end)
        kind = Kind.IDENTIFIER
        if word in KEYWORDS:
            kind = Kind.KEYWORD
        elif word in ("true", "false"):
            kind = Kind.BOOL
        elif word == "nil":
            kind = Kind.NIL
        self._take(kind, len(word))

    def _must_end_at(self, end: int) -> None:
        """A word ends where something else begins that may stand behind one."""
        after = self._source[end : end + 1]
        if after and after not in " \t\r\n.,|:()" and not self._source.startswith("}}", end):
            raise _Wrong(f"bad character {_named(after)}")

    def _take(self, kind: Kind, length: int) -> None:
        self.add(kind, self._source[self._at : self._at + length])
        self._pass(length)

    def _pass(self, length: int) -> None:
        self._line += self._source.count("\n", self._at, self._at + length)
        self._at += length

    def _skip_space(self) -> None:
        end = self._at
        while end < len(self._source) and self._source[end] in _SPACE:
            end += 1
        self._pass(end - self._at)


def _is_digit(letter: str) -> bool:
    return letter.isascii() and letter.isdigit()


def _is_word(letter: str) -> bool:
    return letter == "_" or letter.isalnum()


def _named(letter: str) -> str:
    """As Go's %#U writes a character."""
    shown = f" '{letter}'" if letter.isprintable() else ""
    return f"U+{ord(letter):04X}{shown}"
