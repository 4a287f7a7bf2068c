"""How the families write thinking and tool calls, told by what their chat templates contain.

Of templates in Go's language Ollama's rules tell it, and what they cannot tell the same marks do.

Not for reading replies: `choose.py` puts a reader together. A family is a line here.
"""

from dataclasses import dataclass
from functools import lru_cache

import gotext
from inference.engine.replies import bodies, harmony
from inference.engine.replies.blocks import Form
from inference.engine.replies.think import CLOSING, OPENING
from inference.engine.templates.origin import Run

_LFM2 = Form("<|tool_call_start|>", "<|tool_call_end|>", bodies.python_calls)
_PHI4 = Form("<|tool_call|>", "<|/tool_call|>", bodies.json_calls)

# What the template contains → how its model writes calls. The first line that fits.
_CALLS: tuple[tuple[str, Form], ...] = (
    (
        "<|tool_call>",  # gemma 4
        Form("<|tool_call>", "<tool_call|>", bodies.gemma_calls('<|"|>'), ('<|"|>',)),
    ),
    (
        "<start_function_call>",  # functiongemma
        Form(
            "<start_function_call>",
            "<end_function_call>",
            bodies.gemma_calls("<escape>"),
            ("<escape>",),
        ),
    ),
    (
        "<|START_ACTION|>",  # cohere
        Form("<|START_ACTION|>", "<|END_ACTION|>", bodies.json_calls),
    ),
    (
        "<｜tool▁calls▁begin｜>",  # deepseek
        Form(
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁calls▁end｜>",
            bodies.deepseek_calls,
            ("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"),
        ),
    ),
    (
        "<|tool_calls_section_begin|>",  # kimi
        Form(
            "<|tool_calls_section_begin|>",
            "<|tool_calls_section_end|>",
            bodies.kimi_calls,
            ("<|tool_call_begin|>", "<|tool_call_end|>", "<|tool_call_argument_begin|>"),
        ),
    ),
    ("<|tool_call_start|>", _LFM2),
    ("<|tool_list_start|>", _LFM2),  # its template shows the list of tools, and no calls
    (
        "[TOOL_CALLS]",  # mistral, ministral
        Form("[TOOL_CALLS]", None, bodies.named_calls, ("[ARGS]", "[CALL_ID]")),
    ),
    (
        "<function_calls>",  # olmo3
        Form("<function_calls>", "</function_calls>", bodies.python_calls),
    ),
    (
        "<TOOLCALL>",  # nemotron
        Form("<TOOLCALL>", "</TOOLCALL>", bodies.json_calls),
    ),
    ("<|/tool_call|>", _PHI4),
    ("<|tool|>", _PHI4),
    (
        "<|tool_call|>",  # granite
        Form("<|tool_call|>", None, bodies.json_calls),
    ),
    (
        "<seed:tool_call>",  # seed
        Form("<seed:tool_call>", "</seed:tool_call>", bodies.tagged_calls),
    ),
    (
        "<tool_call>",  # qwen, hermes, glm, nemotron 3, granite 4 and many others
        Form("<tool_call>", "</tool_call>", bodies.tagged_calls),
    ),
    (
        "<|python_tag|>",  # llama 3, which also writes a bare object
        Form("<|python_tag|>", None, bodies.json_calls),
    ),
)
# Models that write these in the end often forget the tag around them.
_BARE_FUNCTION = Form("<function=", "</function>", bodies.bare_xml_call, may_stay_open=False)

_THINKING: tuple[tuple[str, str, str], ...] = (
    ("<|START_THINKING|>", "<|END_THINKING|>", ""),
    ("[THINK]", "[/THINK]", ""),
    ("<|channel>", "<channel|>", "thought"),
    ("<seed:think>", "</seed:think>", ""),
    (OPENING, CLOSING, ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`opening` and `closing` stand around thinking, `label` behind the first of them.

    `writes_bare` when a call may be a JSON object with nothing around it. `tag` is what Ollama
    looks for in front of a call, whatever stands behind it.
    """

    opening: str | None = None
    closing: str | None = None
    label: str = ""
    forms: tuple[Form, ...] = ()
    writes_bare: bool = False
    is_harmony: bool = False
    tag: str | None = None

    @classmethod
    def of(cls, template: str) -> "Dialect":
        """The dialect of models with this chat template."""
        return _dialect_of(template)

    @classmethod
    def of_go(cls, template: str) -> "Dialect":
        """The dialect of models with this template in Go's language."""
        return _dialect_of_go(template)

    @property
    def thinks(self) -> bool:
        return self.is_harmony or self.opening is not None

    @property
    def thinking_tags(self) -> tuple[str, ...]:
        return (self.opening, self.closing) if self.opening and self.closing else ()

    def answer_opening(self, *, is_thinking: bool) -> list[Run]:
        """What must stand between a prompt and the beginning of its answer."""
        if self.is_harmony:
            return [Run(harmony.ANSWER_HEADER, True)]
        if is_thinking and self.closing:
            return [Run(self.closing, True), Run("\n\n", False)]
        return []


@lru_cache(maxsize=8)
def _dialect_of(template: str) -> Dialect:
    if all(tag in template for tag in (harmony.START, harmony.CHANNEL, harmony.MESSAGE)):
        return Dialect(is_harmony=True)
    opening, closing, label = next(
        (row for row in _THINKING if row[0] in template or row[1] in template), (None, None, "")
    )
    form = next((form for needle, form in _CALLS if needle in template), None)
    has_functions = form is not None and "<function=" in template
    return Dialect(
        opening=opening,
        closing=closing,
        label=label,
        forms=(*([form] if form else []), *([_BARE_FUNCTION] if has_functions else [])),
        writes_bare=form is None or form.opening == "<|python_tag|>",
    )


# Their calls are built of several marks, which one tag in front of them does not tell.
_BUILT = frozenset(
    {
        *("<|tool_call>", "<start_function_call>", "<|START_ACTION|>", "<｜tool▁calls▁begin｜>"),
        *("<|tool_calls_section_begin|>", "<|tool_call_start|>", "<|tool_list_start|>"),
    }
)


@lru_cache(maxsize=8)
def _dialect_of_go(template: str) -> Dialect:
    if all(tag in template for tag in (harmony.START, harmony.CHANNEL, harmony.MESSAGE)):
        return Dialect(is_harmony=True)
    try:
        parsed = gotext.parse(template)
    except gotext.TemplateError:
        return Dialect()
    opening, closing = gotext.thinking_tags(parsed) or (None, None)
    form = next((form for mark, form in _CALLS if mark in _BUILT and mark in template), None)
    return Dialect(
        opening=opening,
        closing=closing,
        forms=(form,) if form else (),
        tag=None if form else gotext.tool_tag(parsed),
    )
