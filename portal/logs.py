"""Keeps secrets out of logs, at the source (threats A11, A16). Not for deciding what is logged."""

import logging
import re
from typing import TextIO

_SECRETS = (
    (re.compile(r"pk_[A-Za-z0-9_-]{4,}"), "pk_…"),
    # The first part below these addresses is a secret, whatever it looks like.
    (re.compile(r"(/u/)[^/\s?\"']+"), r"\1…"),
    (re.compile(r"(/accounts/first/)[^/\s?\"']+"), r"\1…"),
    (re.compile(r"(/password/reset/key/)[^/\s?\"']+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s,\"']+"), r"\1 …"),
    (
        re.compile(r"(?i)\b([\w-]*(?:sessionid|csrftoken|csrfmiddlewaretoken))=[^;,\s\"'&]+"),
        r"\1=…",
    ),
)
# Control characters, line and paragraph separators, and what turns the direction of writing.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def scrub(text: str) -> str:
    """The text without keys, cookies and one-time links."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def one_line(text: str) -> str:
    """The text without what would begin a line of its own, or hide one (threat D7)."""
    return _BREAKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class ScrubbingFormatter(logging.Formatter):
    """Scrubs the finished line, traceback included; so no argument can slip past."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class TellingOnly(logging.Filter):
    """Drops Django's line for every answer of 400 and more, unless a traceback came with it.

    Strangers could fill the disk with those (threat I6); who answers writes what there is to know.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != "django.request" or bool(record.exc_info)


class ScrubbedStream:
    """A stream for writers that know no logging, such as an access log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(scrub(text))

    def flush(self) -> None:
        self._stream.flush()
