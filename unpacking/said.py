"""What the child is asked, and the closed list of what it may say. Not for reading files."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

# A book of 600 pages has about a million characters.
MAX_CHARS = 2_000_000
MAX_PAGES = 5_000
# No projector looks closer; a larger picture is only slower.
KEPT_SIDE_PIXELS = 2_048
MAX_PICTURE_BYTES = 16 * 1024 * 1024

PictureType = Literal["image/jpeg", "image/png", "image/webp"]
Problem = Literal[
    "broken",  # not what it seems to be, or damaged
    "protected",  # asks for a password
    "too-long",  # more text than is taken
    "too-many-pages",
    "too-many-pixels",
    "swollen",  # unpacks to far more than it is
    "no-text",  # pages, but no letters: most often a scan
    "old-office",  # Word or PowerPoint of before 2007
    "unknown",  # a kind of file that is not read here
    "limits",  # it took too long, or too much memory
]


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one line on the child's standard input. `file` is an open descriptor, for reading."""

    parent_pid: int
    file: int
    cpu_seconds: int
    data_bytes: int


class _Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="said"):
    """Closed and bounded: whoever says it may be a hostile program by now."""


class Text(_Said, frozen=True, kw_only=True, tag="text"):
    """All of a document, as a model may read it."""

    media_type: Annotated[str, Meta(pattern="^[a-z]+/[a-z0-9.+-]{1,100}\\Z")]
    text: Annotated[str, Meta(min_length=1, max_length=MAX_CHARS)]
    walls: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=8)] = ()


class Picture(_Said, frozen=True, kw_only=True, tag="picture"):
    """The picture drawn anew: pixels and nothing else that was in its file."""

    media_type: PictureType
    width: Annotated[int, Meta(ge=1, le=KEPT_SIDE_PIXELS)]
    height: Annotated[int, Meta(ge=1, le=KEPT_SIDE_PIXELS)]
    data: Annotated[bytes, Meta(min_length=1, max_length=MAX_PICTURE_BYTES)]
    walls: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=8)] = ()


class Refused(_Said, frozen=True, kw_only=True, tag="refused"):
    problem: Problem


Said = Text | Picture | Refused

_order = msgspec.json.Decoder(Order)
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


class NotSaid(ValueError):
    """These bytes are nothing that the child may say. Never carries them."""


class Unreadable(Exception):
    """In the child: there is nothing to be had from this file, and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def decode_order(line: bytes) -> Order:
    return _order.decode(line)


def decode(data: bytes) -> Said:
    """Raises `NotSaid` on anything else."""
    try:
        return _said.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise NotSaid from None


def encode(thing: Order | Said) -> bytes:
    return msgspec.json.encode(thing)
