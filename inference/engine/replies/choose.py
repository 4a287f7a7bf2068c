"""Which splitter reads the replies of a model, judged by its template and its prompt."""

from inference.engine.replies.pieces import Splitter
from inference.engine.replies.plain import Plain
from inference.engine.replies.think import CLOSING, OPENING, Think


def thinks(template: str) -> bool:
    """Whether a model with this chat template thinks aloud between tags."""
    return CLOSING in template or OPENING in template


def splitter(template: str, *, is_open: bool, has_begun: bool) -> Splitter:
    """`is_open`: the prompt ends inside thinking. `has_begun`: part of the answer is kept."""
    if not thinks(template) or has_begun:
        return Plain()
    return Think(is_open=is_open)
