"""From the format that a request wants to what its answer is held to. Not for schemas or tokens."""

from collections.abc import Mapping

from inference.engine.backend import Vocabulary
from inference.engine.grammar.compiling import Making, walk_of
from inference.engine.grammar.constraint import Broken, Constraint
from inference.engine.grammar.network import NotKeepable
from inference.engine.grammar.thoughts import Thoughts
from inference.engine.grammar.walking import TooManyWays
from inference.engine.replies import harmony
from inference.engine.replies.dialects import Dialect


def constraint(making: Making, *, marks: Mapping[int, bytes], so_far: str) -> Constraint:
    """What was made, standing behind what was said before. Raises NotKeepable."""
    try:
        found = Constraint(walk_of(making), marks=marks)
        found.advance(so_far.encode())
    except TooManyWays:
        raise NotKeepable("the schema can be read in too many ways") from None
    except Broken:
        raise NotKeepable("what was said before does not fit the schema") from None
    return found


def thoughts(
    dialect: Dialect,
    *,
    vocabulary: Vocabulary,
    marks: Mapping[int, bytes],
    wants_thinking: bool,
    is_open: bool,
    is_going_on: bool,
) -> Thoughts | None:
    """What may stand before the answer, in the letters that the reader of replies is given."""

    def spelled(tag: str) -> str:
        marker = vocabulary.markers.get(tag)
        mark = None if marker is None else marks.get(marker.token)
        return tag if mark is None else mark.decode()

    if is_going_on:
        return None
    if dialect.is_harmony:
        final = spelled(harmony.CHANNEL) + "final"
        return Thoughts(opening="", closings=(final, spelled(harmony.MESSAGE)), is_open=True)
    if dialect.opening is None or dialect.closing is None or not wants_thinking:
        return None
    return Thoughts(
        opening=spelled(dialect.opening), closings=(spelled(dialect.closing),), is_open=is_open
    )
