"""Tells, letter by letter, what a template itself wrote from what people wrote (threat E19).

While a template runs, each of its own letters stands 15 planes higher, in a private area of Unicode
that is taken out of people's text first. Letters keep their place through every trim, split, slice
and join, so the rendered text can be parted exactly; a message cannot pretend. The last plane of
Unicode is kept from people too: there a letter stands for a picture.
"""

import re
from typing import NamedTuple

_PLANE = 0xF0000
_RAISED = re.compile("[\U000f0000-\U000fffff]+")
_RESERVED = re.compile("[\U000f0000-\U0010ffff]")
_PICTURES = re.compile("([\U00100000-\U0010ffff])")
_FIRST_PICTURE = 0x100000
_RAISABLE = re.compile("[^\\s\U00010000-\U0010ffff]+")
_LOWER = dict(zip(range(_PLANE, _PLANE + 0x10000), range(0x10000), strict=True))
_REPLACEMENT = "\ufffd"


class Run(NamedTuple):
    """A stretch of rendered text. Space between words may count as either."""

    text: str
    is_own: bool


def raised(text: str) -> str:
    """Mark as the template's own. Space stays as it is, so that `trim` still sees it."""
    return _RAISABLE.sub(lambda found: _shifted(found.group()), text)


def lowered(text: str) -> str:
    """The same text as people read it."""
    return _RAISED.sub(lambda found: found.group().translate(_LOWER), text)


def is_own(text: str) -> bool:
    """Whether any of it is the template's own."""
    return _RAISED.search(text) is not None


def cleaned(text: str) -> str:
    """People's text without the letters reserved here, and without halves of characters."""
    whole = text.encode("utf-8", errors="replace").decode("utf-8")
    return _RESERVED.sub(_REPLACEMENT, whole)


def letter_of(picture: int) -> str:
    """What stands in a text for the picture of this number."""
    return chr(_FIRST_PICTURE + picture)


def parted_at_pictures(text: str) -> list[str | int]:
    """Text, and between it the numbers of the pictures that stand there."""
    parts = _PICTURES.split(text)
    return [ord(part) - _FIRST_PICTURE if at % 2 else part for at, part in enumerate(parts)]


def without_raised(text: str) -> str:
    """Only what is not the template's own."""
    return _RAISED.sub("", text)


def runs(rendered: str) -> list[Run]:
    """The rendered text in order, parted by origin."""
    parts: list[Run] = []
    position = 0
    for found in _RAISED.finditer(rendered):
        if found.start() > position:
            parts.append(Run(rendered[position : found.start()], False))
        parts.append(Run(found.group().translate(_LOWER), True))
        position = found.end()
    if position < len(rendered):
        parts.append(Run(rendered[position:], False))
    return parts


def _shifted(text: str) -> str:
    return "".join([chr(ord(letter) + _PLANE) for letter in text])
