"""What every frame of the WebSocket is made of, for whoever adds frames. Not a list of them:
frames.py joins the lists of all features into the closed one.
"""

import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_FRAME_CHARS = 256 * 1024

Ref = Annotated[int, Meta(ge=1, le=2**53)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
# Longer than any limit of ours, shorter than a frame: what is too long is told so in a sentence.
Words = Annotated[str, Meta(max_length=MAX_FRAME_CHARS)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """A command of a tab: `tag` is its name, `ref` what its answer carries."""

    ref: Ref


class AskedByPage(Asked, frozen=True, kw_only=True):
    """A command for a list that comes a page at a time: what was changed before that moment."""

    before: Annotated[datetime.datetime, Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        # At either end of the calendar a moment has no name in other time zones.
        if self.before and not datetime.MINYEAR < self.before.year < datetime.MAXYEAR:
            raise ValueError("out of range")


class Shown(Struct, frozen=True, kw_only=True):
    """Part of a frame."""


class Told(Struct, frozen=True, kw_only=True, tag_field="type"):
    """One frame to a tab. An unset `ref` is left out: nobody asked."""

    ref: int | UnsetType | None = UNSET
