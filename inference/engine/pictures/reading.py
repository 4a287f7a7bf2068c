"""Picture files to pixels, where that can do no harm: in a child with limits (threat F23).

Not for links: only data is taken, nothing is fetched.
"""

import hashlib
import struct
from dataclasses import dataclass

from inference.engine.limited import ChildDied, LimitedChild

_SIZE = struct.Struct(">II")


class BadPicture(Exception):
    """Not a picture that we read: no such format, broken, or too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """`pixels` are RGB, three bytes each, row by row from the top. `digest` is of the file."""

    width: int
    height: int
    pixels: bytes
    digest: bytes


class PictureReader:
    """Keeps its child warm; a picture that kills it is a bad picture, and the child is replaced."""

    def __init__(self) -> None:
        self._child: LimitedChild | None = None

    def read(self, data: bytes) -> Picture:
        """The picture in this file. Raises BadPicture."""
        if self._child is None:
            self._child = LimitedChild("inference.engine.pictures.child")
        try:
            answer = self._child.ask(data)
        except ChildDied:
            raise BadPicture("past a limit") from None
        if len(answer) < _SIZE.size:
            raise BadPicture("not a picture that can be read")
        width, height = _SIZE.unpack_from(answer)
        pixels = answer[_SIZE.size :]
        if len(pixels) != width * height * 3:
            raise BadPicture("not the pixels that its size promises")
        return Picture(
            width=width, height=height, pixels=pixels, digest=hashlib.sha256(data).digest()
        )

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
