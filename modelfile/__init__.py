"""The Modelfile language, read and written one command at a time. Not for what the commands do.

parse(data)      bytes as they lie in a file → commands in order
line_of(command) one command as a Modelfile says it, so that reading it again gives the same
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

ROLES = ("system", "user", "assistant")
# In the order in which the refusal names them.
WORDS = (
    *("from", "license", "template", "system", "adapter", "draft", "renderer", "parser"),
    *("parameter", "message", "requires"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_WORD = re.compile(r"[A-Za-z]*")
_NAME = re.compile(r"[ \t]*([A-Za-z0-9_]*)")
_ROLE = re.compile(r"[ \t]*([A-Za-z]*)")
# A quoted value ends at the first line end with the same quotes before it.
_VALUES = (
    re.compile(r'[ \t]*"""(.*?)"""[ \t]*(?:[\r\n]|\Z)', re.DOTALL),
    re.compile(r'[ \t]*"(?!"")(.*?)"[ \t]*(?:[\r\n]|\Z)', re.DOTALL),
    re.compile(r"[ \t]*(?!\")([^\r\n]*)(?:[\r\n]|\Z)"),
)


class BadModelfile(ValueError):
    """The text is not a Modelfile. The message is the one people know."""


@dataclass(frozen=True, slots=True)
class Command:
    """`word` is lower-case. `key` is a PARAMETER's name or a MESSAGE's role, else empty."""

    word: str
    value: str
    key: str = ""


def parse(data: bytes) -> tuple[Command, ...]:
    """Every command, in order; at least one FROM among them. Raises `BadModelfile`."""
    commands = tuple(_Reader(_decoded(data)).commands())
    if not any(command.word == "from" for command in commands):
        raise BadModelfile("no FROM line")
    return commands


def line_of(command: Command) -> str:
    """As a Modelfile says it, without the line end."""
    name = command.word.upper()
    if command.word == "from":
        return f"{name} {command.value}"
    if command.key:
        return f"{name} {command.key} {quoted(command.value)}"
    return f"{name} {quoted(command.value)}"


def quoted(text: str) -> str:
    """In quotes only where a bare value would not read back as this text."""
    if "\n" not in text and not text.startswith(" ") and not text.endswith(" "):
        return text
    return f'"""{text}"""' if '"' in text else f'"{text}"'


def _decoded(data: bytes) -> str:
    """The text without what cannot be seen, such as zero-width spaces."""
    text = next(
        (
            data[len(mark) :].decode(encoding, errors="replace")
            for mark, encoding in _MARKS
            if data.startswith(mark)
        ),
        None,
    )
    if text is None:
        text = data.decode("utf-8", errors="replace")
    return "".join(letter for letter in text if _is_seen(letter))


def _is_seen(letter: str) -> bool:
    """Also what is no letter yet: others may know of a newer Unicode, and see a sign there."""
    return letter.isprintable() or letter in "\t\r\n" or unicodedata.category(letter) == "Cn"


class _Reader:
    """Goes through the text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def commands(self) -> Iterator[Command]:
        self._take(_BETWEEN)
        while self._at < len(self._text):
            word, key = self._word(), ""
            if word == "parameter":
                key = self._key(_NAME)
            elif word == "message":
                key = self._key(_ROLE)
                if key not in ROLES:
                    raise self._refusal("message role", ROLES)
            yield Command(word, self._value(), key)
            self._take(_BETWEEN)

    def _word(self) -> str:
        word = self._take(_WORD).lower()
        if self._at == len(self._text) and word:
            raise BadModelfile("unexpected EOF")
        self._at += 1
        if self._text[self._at - 1] not in " \t" or word not in WORDS:
            raise self._refusal("command", WORDS)
        return word

    def _key(self, pattern: re.Pattern[str]) -> str:
        """A name that a value must follow on the same line."""
        name = self._take(pattern)
        if self._at == len(self._text):
            raise BadModelfile("unexpected EOF")
        if self._text[self._at] not in " \t":
            raise BadModelfile(f"unexpected EOF: {name}")
        return name

    def _value(self) -> str:
        for pattern in _VALUES:
            if found := pattern.match(self._text, self._at):
                self._at = found.end()
                is_bare = pattern is _VALUES[-1]
                return found.group(1).rstrip(" \t") if is_bare else found.group(1)
        raise BadModelfile("unexpected EOF")

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found.group(found.lastindex or 0)

    def _refusal(self, what: str, allowed: tuple[str, ...]) -> BadModelfile:
        """With the line: every `\\r` and every `\\n` so far counts, as they count."""
        line = 1 + sum(self._text.count(end, 0, self._at) for end in "\r\n")
        *first, last = (f'"{each}"' for each in allowed)
        return BadModelfile(f"(line {line}): {what} must be one of {', '.join(first)}, or {last}")
