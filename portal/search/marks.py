"""Which characters of an answer are Markdown's and not its writer's, in a line of a hit. Pure.

For a person who looks for a word, not for drawing: what is not sure to be a mark stays. Code keeps
all of its characters.
"""

import re
from collections.abc import Sequence

Span = tuple[int, int]

# On pieces of a few hundred characters only. `^` is the beginning of a line of the whole text.
_MARKS = re.compile(
    r"""
      (?P<fence> ^[ \t]*(?:`{3,}|~{3,})[^\n]*)
    | (?P<code> (?P<ticks>`+)(?P<inside>[^`\n]+)(?P=ticks))
    | (?P<link> !?\[(?P<words>[^\]\n]*)\]\([^()\s]*\)?)
    | ^[ \t]*-{3,}[ \t]*$                                               # a rule
    | ^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$   # under the head of a table
    | ^[ ]{0,3}\#{1,6}[ \t]+                                            # heading
    | ^[ ]{0,3}(?:>[ ]?)+                                               # quotation
    | ^[ \t]*[-*+][ \t]+(?:\[[ xX]\][ \t]+)?                            # item of a list
    | ^[ \t]*\|[ \t]*                                                   # sides of a table
    | [ \t]*\|[ \t]*$
    | \*\*\*?|~~                                                        # strong, struck out
    | (?<![\w*])\*(?=[^\s*])|(?<=[^\s*])\*(?![\w*])                     # emphasis
    | \\(?P<escaped>[\\`*_{}\[\]()\#+.!|>~-])
    """,
    re.MULTILINE | re.VERBOSE,
)


def marks_in(text: str, *, begin: int, end: int, hits: Sequence[Span]) -> list[Span]:
    """Where they are between `begin` and `end`, in order; none that is part of a hit."""
    is_code = _is_in_code(text, begin)
    found: list[Span] = []
    for match in _MARKS.finditer(text, begin, end):
        is_fence = match["fence"] is not None
        if is_fence or not is_code:
            spans = _spans_of(match)
            if not any(_overlap(span, hit) for span in spans for hit in hits):
                found += spans
        is_code = is_code != is_fence
    return found


def without(text: str, *, start: int, stop: int, marks: Sequence[Span]) -> str:
    """What is between the two, as people read it."""
    kept, at = [], start
    for begin, end in marks:
        if end > at and begin < stop:
            kept.append(text[at : max(at, begin)])
            at = end
    return "".join([*kept, text[at:stop]])


def _is_in_code(text: str, at: int) -> bool:
    """Whether a block of code was opened before and not closed. Near enough: it is a line of a
    list, and the text may be megabytes."""
    return bool((text.startswith("```") + text.count("\n```", 0, at)) % 2) if at else False


def _spans_of(match: re.Match[str]) -> list[Span]:
    """The match itself, or what stands around the words in it."""
    for around in ("words", "inside", "escaped"):
        if match[around] is not None:
            start, stop = match.span(around)
            return [(match.start(), start), (stop, match.end())]
    return [match.span()]


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
