"""Which splitter reads the replies of a model, put together from its dialect and the request."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from inference.engine.backend import Vocabulary
from inference.engine.replies import harmony
from inference.engine.replies.blocks import Blocks
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.harmony import Harmony
from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.replies.tags import Tag
from inference.engine.replies.think import Think
from inference.engine.replies.tools import Tools
from inference.engine.templates.origin import raised, without_raised


class Reading(NamedTuple):
    """A splitter, and what it must be given for tokens that show nothing of themselves."""

    splitter: Splitter
    marks: Mapping[int, bytes]


def reading(
    dialect: Dialect,
    *,
    vocabulary: Vocabulary,
    tools: Tools,
    wants_thinking: bool,
    is_open: bool,
    is_going_on: bool,
) -> Reading:
    """`is_open`: the prompt ends inside thinking. `is_going_on`: part of the answer is there.

    Some tags are control tokens, which people never see. Those are spelled here in letters that
    nobody else uses, so that neither a letter-by-letter imitation is taken for one, nor a lone one
    is ever shown.
    """
    dialect = _within_one_mark(dialect, vocabulary)
    hidden = {
        tag: marker.token
        for tag in _tags(dialect, has_tools=bool(tools), wants_thinking=wants_thinking)
        if (marker := vocabulary.markers.get(tag)) is not None
        and not vocabulary.piece(marker.token)
    }

    def spell(tag: str) -> str:
        return raised(tag) if tag in hidden else tag

    splitter = _splitter(
        dialect,
        spell=spell,
        tools=tools,
        wants_thinking=wants_thinking and not is_going_on,
        is_open=is_open,
        is_going_on=is_going_on,
    )
    if not hidden:
        return Reading(splitter, {})
    return Reading(_Shown(splitter), {t: raised(tag).encode() for tag, t in hidden.items()})


def _within_one_mark(dialect: Dialect, vocabulary: Vocabulary) -> Dialect:
    """A tag that begins with a mark which shows nothing of itself is told by that mark alone."""
    tag = dialect.tag or ""
    begins = [
        text
        for text, marker in vocabulary.markers.items()
        if tag.startswith(text) and not vocabulary.piece(marker.token)
    ]
    return replace(dialect, tag=max(begins, key=len)) if begins else dialect


def _tags(dialect: Dialect, *, has_tools: bool, wants_thinking: bool) -> tuple[str, ...]:
    if dialect.is_harmony:
        return harmony.TAGS
    thinking = dialect.thinking_tags if wants_thinking else ()
    calls = [tag for form in dialect.forms for tag in form.tags]
    if dialect.tag:
        calls.append(dialect.tag)
    return (*thinking, *(calls if has_tools else ()))


def _splitter(
    dialect: Dialect,
    *,
    spell: Callable[[str], str],
    tools: Tools,
    wants_thinking: bool,
    is_open: bool,
    is_going_on: bool,
) -> Splitter:
    if dialect.is_harmony:
        return Harmony(tools=tools, spell=spell, is_open=is_going_on)
    answer = _answer(dialect, spell=spell, tools=tools, is_going_on=is_going_on)
    if dialect.opening is None or dialect.closing is None or not wants_thinking:
        return answer
    return Think(
        is_open=is_open,
        opening=spell(dialect.opening),
        closing=spell(dialect.closing),
        label=dialect.label,
        answer=answer,
    )


def _answer(
    dialect: Dialect, *, spell: Callable[[str], str], tools: Tools, is_going_on: bool
) -> Splitter:
    """A bare object is a call only in front of everything else."""
    if not tools:
        return Plain()
    if dialect.tag:
        return _tagged(dialect.tag, spell=spell, tools=tools, is_going_on=is_going_on)
    forms = [form.spelled(spell) for form in dialect.forms]
    blocks = Blocks(forms, tools=tools) if forms else Plain()
    if dialect.writes_bare and not is_going_on:
        return Tag("{", tools=tools, otherwise=blocks)
    return blocks


def _tagged(tag: str, *, spell: Callable[[str], str], tools: Tools, is_going_on: bool) -> Splitter:
    is_bare = tag in ("{", "[")
    return Plain() if is_bare and is_going_on else Tag(spell(tag), tools=tools)


class _Shown:
    """What a splitter says, without tags that are nobody's to see."""

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter

    @property
    def is_thinking(self) -> bool:
        return self._splitter.is_thinking

    def feed(self, text: str) -> list[Part]:
        return _bare(self._splitter.feed(text))

    def finish(self) -> list[Part]:
        return _bare(self._splitter.finish())


def _bare(parts: list[Part]) -> list[Part]:
    shown = [part._replace(text=without_raised(part.text)) for part in parts]
    return [part for part in shown if part.text or part.call]
