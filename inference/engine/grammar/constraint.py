"""A wanted format as one answer keeps to it, token by token. Not for sampling."""

from collections.abc import Mapping

from inference.engine.grammar.walking import Frontier, TooManyWays, Walk


class Broken(Exception):
    """What was said does not fit the format."""


class Constraint:
    """Made for one sequence; grammars and their tables are shared.

    `marks` are the bytes to read for tokens that show nothing of themselves, such as hidden tags.
    """

    def __init__(self, walk: Walk, *, marks: Mapping[int, bytes] | None = None) -> None:
        self.walk = walk
        self.marks: Mapping[int, bytes] = marks or {}
        self.frontier: Frontier = walk.start()

    @property
    def is_complete(self) -> bool:
        """Whether the answer may end here."""
        return self.frontier.is_complete

    def fits(self, data: bytes) -> bool:
        """Whether this may be said next. What can be read in too many ways may not."""
        try:
            return bool(data) and self.frontier.after(data) is not None
        except TooManyWays:
            return False

    def advance(self, data: bytes) -> None:
        """This was said. Raises Broken, or TooManyWays."""
        following = self.frontier.after(data)
        if following is None:
            raise Broken
        self.frontier = following
