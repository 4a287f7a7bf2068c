"""What a body of /v1/responses asks for, read and checked. Not for what is answered: responses.py.

Nothing is stored between two requests, so what names an earlier one is passed over, as in Ollama.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from inference import protocol
from portal.api import asking, calling, formats, images
from portal.api.errors import Refused
from portal.api.go import gojson
from portal.api.go.goreading import Fields
from portal.api.ollama.chat import known_role
from portal.api.openai.chat import THINK_BY_EFFORT, effort_of
from portal.chat.prompts import Wishes

DEFAULTS = {"temperature": 1.0}
SEARCH_OFF = "ollama cloud is disabled: web search is unavailable"
NO_FILES = "file inputs are not currently supported"
_TEXTS = ("input_text", "output_text", "text")
_PLAIN_TEXT = {"format": {"type": "text"}}
# What is echoed stands deeper in the answer than in the request.
_SPARE_DEPTH = 64
MAX_ECHOED_CHARS = 2 * calling.MAX_TOOLS_CHARS


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What of the request stands in the answer again, as it was written."""

    instructions: str | None
    tools: Sequence[Any]
    text: Mapping[str, Any]
    reasoning: Mapping[str, Any] | None
    temperature: float
    top_p: float
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest:
    """A body of /v1/responses, read and checked."""

    question: asking.Question
    echo: Echo
    is_streaming: bool
    shows_thinking: bool


def read(value: object) -> ResponsesRequest:
    fields = Fields(value, struct="ResponsesRequest", go_type="openai.ResponsesRequest")
    echo = _echo(fields)
    effort = effort_of(fields)
    messages = _messages(fields)
    if not messages:
        raise Refused(status=400, message="input is required")
    return ResponsesRequest(
        question=asking.Question(
            model_name=fields.text("model"),
            messages=messages,
            options={
                "num_predict": echo.max_output_tokens,
                "temperature": fields.real("temperature"),
                "top_p": fields.real("top_p"),
            },
            defaults=DEFAULTS,
            wishes=Wishes(
                format=formats.responses(echo.text.get("format") or {}),
                tools=_tools(fields),
                think=THINK_BY_EFFORT[effort],
            ),
        ),
        echo=echo,
        is_streaming=bool(fields.flag("stream")),
        shows_thinking=effort != "none",
    )


# ── What stands in the answer again ─────────────────────────────────────────────────────────────


def _echo(fields: Fields) -> Echo:
    temperature, top_p = fields.real("temperature"), fields.real("top_p")
    go_type = "openai.ResponsesText"
    text = fields.inner("text", fields.mapping("text", go_type=go_type), go_type=go_type)
    wanted = text.mapping("format", go_type="openai.ResponsesTextFormat")
    tools = fields.items("tools", go_type="[]openai.ResponsesTool")
    _must_be_writable([*tools, wanted])
    reasoning = fields.mapping("reasoning", go_type="openai.ResponsesReasoning")
    known = {name: reasoning.get(name) for name in ("effort", "summary")}
    return Echo(
        instructions=fields.text("instructions") or None,
        tools=tools,
        text={"format": wanted} if wanted else _PLAIN_TEXT,
        reasoning=known if any(known.values()) else None,
        temperature=1.0 if temperature is None else temperature,
        top_p=1.0 if top_p is None else top_p,
        max_output_tokens=fields.whole("max_output_tokens"),
    )


def _must_be_writable(value: object) -> None:
    """Now, while it can still be refused; not when half of the answer has gone."""
    try:
        # Quickly, before it is done in Go's way, for which everybody waits.
        if len(json.dumps(value)) > MAX_ECHOED_CHARS:
            raise Refused(status=400, message="the tools are too long")
    except RecursionError:
        raise Refused(status=400, message="exceeded max depth") from None
    for _ in range(_SPARE_DEPTH):
        value = [value]
    try:
        gojson.dumps(value)
    except RecursionError:
        raise Refused(status=400, message="exceeded max depth") from None


# ── Tools ───────────────────────────────────────────────────────────────────────────────────────


def _tools(fields: Fields) -> str:
    """As the other dialects have them: a function each, those of a namespace below its name.

    Tools that OpenAI runs itself are left out, and the rest works. A search that is all there is
    to call is refused: it would be made up.
    """
    functions: list[dict[str, Any]] = []
    searches = False
    for item in fields.items("tools", go_type="[]openai.ResponsesTool"):
        tool = fields.inner("tools", item, go_type="openai.ResponsesTool")
        kind = tool.text("type")
        searches = searches or kind.startswith("web_search")
        if kind == "function":
            functions.append(_function(tool))
        elif kind == "namespace":
            functions += _members(tool)
    if searches and not functions:
        raise Refused(status=403, message=SEARCH_OFF)
    return calling.tools_of(Fields({"tools": functions}, struct=""), go_type="[]api.Tool")


def _members(namespace: Fields) -> list[dict[str, Any]]:
    prefix = f"{namespace.text('name')}."
    items = namespace.items("tools", go_type="[]openai.ResponsesTool")
    members = [namespace.inner("tools", item, go_type="openai.ResponsesTool") for item in items]
    return [_function(member, prefix=prefix) for member in members]


def _function(tool: Fields, *, prefix: str = "") -> dict[str, Any]:
    described = {name: tool.anything(name) for name in ("description", "parameters")}
    known = {name: value for name, value in described.items() if value is not None}
    return {"type": "function", "function": {"name": prefix + tool.text("name"), **known}}


# ── Messages ────────────────────────────────────────────────────────────────────────────────────


class _Turns:
    """Items become turns: what was thought goes before what was said, and calls after it."""

    def __init__(self) -> None:
        self._messages: list[protocol.Message] = []
        self._thinking = ""

    def think(self, text: str) -> None:
        self._thinking += text

    def say(self, message: protocol.Message) -> None:
        if message.role == "assistant":
            message = replace(message, thinking=self._taken())
        self._messages.append(message)

    def call(self, call: protocol.ToolCall) -> None:
        """Calls that were made together stand together, behind the words before them."""
        last = self._messages[-1] if self._messages else None
        joins = last is not None and last.role == "assistant" and not self._thinking
        if last is None or not joins or len(last.tool_calls) >= calling.MAX_CALLS:
            last = protocol.Message(role="assistant", content="", thinking=self._taken())
        else:
            self._messages.pop()
        self._messages.append(replace(last, tool_calls=(*last.tool_calls, call)))

    def whole(self) -> tuple[protocol.Message, ...]:
        if self._thinking:
            self.say(protocol.Message(role="assistant", content=""))
        return tuple(calling.with_names(self._messages))

    def _taken(self) -> str:
        text, self._thinking = self._thinking, ""
        return text


def _messages(fields: Fields) -> tuple[protocol.Message, ...]:
    turns = _Turns()
    instructions = fields.text("instructions")
    if instructions:
        turns.say(protocol.Message(role="system", content=instructions))
    given = fields.anything("input")
    if isinstance(given, str):
        if given:
            turns.say(protocol.Message(role="user", content=given))
    elif given is not None and not isinstance(given, list):
        raise Refused(status=400, message="input must be a string or array")
    else:
        for item in given or ():
            _add(turns, fields.inner("input", item, go_type="openai.ResponsesInputItem"))
    return turns.whole()


def _add(turns: _Turns, item: Fields) -> None:
    kind = item.text("type") or ("message" if item.text("role") else "")
    reader = _READERS.get(kind)
    if reader is None:
        raise Refused(status=400, message=f"unknown input item type: {kind}")
    reader(turns, item)


def _message(turns: _Turns, item: Fields) -> None:
    written = item.text("role").lower()
    role = known_role("system" if written == "developer" else written)
    text, pictures = _content(item, "content")
    turns.say(protocol.Message(role=role, content=text, images=pictures))


def _call(turns: _Turns, item: Fields) -> None:
    turns.call(calling.call_with_text(item, call_id=calling.short_text(item, "call_id")))


def _output(turns: _Turns, item: Fields) -> None:
    text, pictures = _content(item, "output")
    call_id = calling.short_text(item, "call_id")
    turns.say(
        protocol.Message(role="tool", content=text, images=pictures, tool_call_id=call_id),
    )


def _reasoning(turns: _Turns, item: Fields) -> None:
    turns.think(item.text("encrypted_content"))


def _passed_over(turns: _Turns, item: Fields) -> None:
    """A search that was made elsewhere: what it found stands in no item."""


_READERS: dict[str, Callable[[_Turns, Fields], None]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _output,
    "reasoning": _reasoning,
    "web_search_call": _passed_over,
}


def _content(item: Fields, field: str) -> tuple[str, tuple[bytes, ...]]:
    """The text, with a place for each picture in it."""
    content = item.anything(field)
    if content is None or isinstance(content, str):
        return content or "", ()
    parts = [
        _part(item.inner(field, part, go_type="openai.ResponsesContent"))
        for part in item.items(field, go_type="[]openai.ResponsesContent")
    ]
    text = "".join(images.PLACE if isinstance(part, bytes) else part for part in parts)
    return text, tuple(part for part in parts if isinstance(part, bytes))


def _part(part: Fields) -> str | bytes:
    kind = part.text("type")
    if kind in _TEXTS:
        return part.text("text")
    if kind == "input_image":
        return images.openai(part.anything("image_url"))
    if kind == "input_file":
        raise Refused(status=400, message=NO_FILES)
    raise Refused(status=400, message=f"unknown content type: {kind}")
