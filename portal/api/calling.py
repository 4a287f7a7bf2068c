"""Tools and calls of them in both dialects, read and written. Not for finding calls in an answer.

The tools of a request travel to the worker as their client wrote them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from inference import protocol
from portal.api.errors import Refused
from portal.api.go.goreading import Fields

MAX_TOOLS_CHARS = 1_000_000
MAX_CALLS = 256
_MAX_NAME_CHARS = 512
_MAX_SHORT_CHARS = 4_000


def tools_of(fields: Fields, *, go_type: str) -> str:
    """The tools of a request as JSON, or nothing when it brings none."""
    items = fields.items("tools", go_type=go_type)
    for item in items:
        tool = fields.inner("tools", item, go_type="api.Tool")
        named = tool.mapping("function", go_type="api.ToolFunction")
        tool.inner("function", named, go_type="api.ToolFunction").text("name")
    if not items:
        return ""
    text = _written(list(items))
    if len(text) > MAX_TOOLS_CHARS:
        raise Refused(status=400, message="the tools are too long")
    return text


def short_text(fields: Fields, name: str) -> str:
    text = fields.text(name)
    if len(text) > _MAX_SHORT_CHARS:
        raise Refused(status=400, message=f"{name} is too long")
    return text


def native_calls_of(message: Fields) -> tuple[protocol.ToolCall, ...]:
    """Calls in an earlier answer, whose arguments are an object."""
    calls = []
    for item in message.items("tool_calls", go_type="[]api.ToolCall"):
        call = message.inner("tool_calls", item, go_type="api.ToolCall")
        named = call.mapping("function", go_type="api.ToolCallFunction")
        function = call.inner("function", named, go_type="api.ToolCallFunction")
        arguments = function.mapping("arguments", go_type="api.ToolCallFunctionArguments")
        calls.append(_call(function, arguments=arguments, call_id=short_text(call, "id")))
    return _few(calls)


def openai_calls_of(message: Fields) -> tuple[protocol.ToolCall, ...]:
    """Calls in an earlier answer, whose arguments are an object written as text."""
    calls = []
    for item in message.items("tool_calls", go_type="[]openai.ToolCall"):
        call = message.inner("tool_calls", item, go_type="openai.ToolCall")
        function = call.inner("function", call.mapping("function"), go_type="openai.ToolCall")
        arguments = _object(function.text("arguments"))
        calls.append(_call(function, arguments=arguments, call_id=short_text(call, "id")))
    return _few(calls)


def call_with_text(function: Fields, *, call_id: str) -> protocol.ToolCall:
    """A call that stands by itself, its `arguments` an object written as text."""
    return _call(function, arguments=_object(function.text("arguments")), call_id=call_id)


def call_with_object(function: Fields, *, field: str, call_id: str) -> protocol.ToolCall:
    """A call that stands by itself, its arguments an object in `field`."""
    return _call(function, arguments=function.mapping(field), call_id=call_id)


def native_calls(calls: Sequence[protocol.ToolCall], *, first: int) -> list[dict[str, Any]]:
    """`first` is how many calls of this answer were written before."""
    return [
        {
            "id": call.id,
            "function": {
                "index": first + at,
                "name": call.name,
                "arguments": json.loads(call.arguments),
            },
        }
        for at, call in enumerate(calls)
    ]


def openai_calls(calls: Sequence[protocol.ToolCall], *, first: int) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "index": first + at,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(calls)
    ]


def with_names(messages: Sequence[protocol.Message]) -> list[protocol.Message]:
    """Results that only say which call they answer, with the name that stands in that call."""
    names: dict[str, str] = {}
    named = []
    for message in messages:
        names.update({call.id: call.name for call in message.tool_calls if call.id})
        if message.role == "tool" and not message.tool_name:
            name = names.get(message.tool_call_id, "")
            message = replace(message, tool_name=name[:_MAX_NAME_CHARS])
        named.append(message)
    return named


def _call(function: Fields, *, arguments: Mapping[str, Any], call_id: str) -> protocol.ToolCall:
    name = function.text("name")
    if not 0 < len(name) <= _MAX_NAME_CHARS:
        raise Refused(status=400, message="a tool call needs the name of a function")
    return protocol.ToolCall(name=name, arguments=_written(dict(arguments)), id=call_id)


def _few(calls: Sequence[protocol.ToolCall]) -> tuple[protocol.ToolCall, ...]:
    if len(calls) > MAX_CALLS:
        raise Refused(status=400, message="too many tool calls in one message")
    return tuple(calls)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused(status=400, message="invalid tool call arguments")
    return value


def _written(value: list[Any] | dict[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except RecursionError:
        raise Refused(status=400, message="exceeded max depth") from None
    except ValueError:
        raise Refused(status=400, message="invalid tool call arguments") from None
