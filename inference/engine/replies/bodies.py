"""What stands between the tags of a tool call, in the ways of the families. Not for the tags.

Each reader gives all calls in a body, or None when it is not wholly made of calls of offered tools.
No reader looks at any letter more than a few times, however the body is made (threat F13).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from inference.engine.replies.loose import PYTHON_QUOTES, Loose, Unreadable
from inference.engine.replies.tools import Tools
from inference.protocol import ToolCall

Calls = list[ToolCall]
Reader = Callable[[str, Tools], Calls | None]

_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[\s,;]*")
_HEAD = re.compile(
    r"\s*(?P<name>[^\s\[{]+)\s*(?:\[CALL_ID\][^\[{]*)?(?:\[ARGS\])?\s*(?=\{)", re.DOTALL
)
_PYTHON_WORDS = {"True": True, "False": False, "None": None}


def json_calls(body: str, tools: Tools) -> Calls | None:
    """Objects with a name and arguments, one after the other or in a list."""
    values = _values(_unfenced(body))
    if values is None:
        return None
    listed = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return _all(_json_call(item, tools) for item in listed)


def tagged_calls(body: str, tools: Tools) -> Calls | None:
    """As different families write inside one and the same tag, told by how the body begins."""
    start = body.lstrip()
    if start.startswith("<function="):
        return xml_calls(start, tools)
    if start.startswith(("{", "[", "`")):
        return json_calls(start, tools)
    return _keyed_call(start, tools)


def xml_calls(body: str, tools: Tools) -> Calls | None:
    """<function=NAME><parameter=KEY>value</parameter></function>, any number of them."""
    before, *written = body.split("<function=")
    if before.strip():
        return None
    return _all(_xml_call(each, tools) for each in written)


def bare_xml_call(body: str, tools: Tools) -> Calls | None:
    """The same with its own tags already taken away."""
    return _all([_xml_call(f"{body}</function>", tools)])


def named_calls(body: str, tools: Tools) -> Calls | None:
    """NAME[ARGS]{json}, or a JSON list of calls as earlier models of the family write it."""
    head = _HEAD.match(body)
    if head is None:
        return json_calls(body, tools)
    values = _values(body[head.end() :])
    if values is None or len(values) != 1:
        return None
    return _all([tools.call(head["name"], values[0])])


def deepseek_calls(body: str, tools: Tools) -> Calls | None:
    """A name, a separator and JSON; or a kind, a separator, the name and JSON in a code block."""
    return _all(
        _separated_call(each, tools, separator="<｜tool▁sep｜>")
        for each in _blocks(body, "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>")
    )


def kimi_calls(body: str, tools: Tools) -> Calls | None:
    """functions.NAME:0, a separator and JSON."""
    return _all(
        _separated_call(each, tools, separator="<|tool_call_argument_begin|>")
        for each in _blocks(body, "<|tool_call_begin|>", "<|tool_call_end|>")
    )


def python_calls(body: str, tools: Tools) -> Calls | None:
    """name(key=value), other(key="value"): in brackets, with commas or on lines of their own."""
    if body.lstrip().startswith(("{", "[{")):
        return json_calls(body, tools)
    reader = Loose(body)
    is_list = reader.takes("[")
    is_open = is_list
    found: list[ToolCall | None] = []
    try:
        while not reader.is_over:
            if is_list and reader.takes("]"):
                is_open = False
                break
            name = reader.word()
            found.append(tools.call(name, reader.arguments(opening="(", between="=")))
            reader.takes(",")
        return _all(found) if reader.is_over and not is_open else None
    except Unreadable:
        return None


def gemma_calls(quote: str) -> Reader:
    """call:NAME{key:value}, with texts between these quotes."""

    def read(body: str, tools: Tools) -> Calls | None:
        reader = Loose(body, quotes={quote: quote, **PYTHON_QUOTES})
        try:
            reader.needs("call:")
            call = tools.call(reader.word(), reader.arguments(opening="{", between=":"))
            return _all([call]) if reader.is_over else None
        except Unreadable:
            return None

    return read


def _all(found: Iterable[ToolCall | None]) -> Calls | None:
    calls: Calls = []
    for call in found:
        if call is None:
            return None
        calls.append(call)
    return calls or None


def _json_call(item: object, tools: Tools) -> ToolCall | None:
    if not isinstance(item, dict):
        return None
    inner = item.get("function")
    if isinstance(inner, dict):
        item = inner
    name = item.get("name", item.get("tool_name"))
    return tools.call(name, item.get("arguments", item.get("parameters", {})))


def _keyed_call(body: str, tools: Tools) -> Calls | None:
    """NAME<arg_key>k</arg_key><arg_value>v</arg_value>, any number of pairs."""
    name, *pairs = body.split("<arg_key>")
    name = name.strip()
    arguments: dict[str, Any] = {}
    for pair in pairs:
        key, has_key, rest = pair.partition("</arg_key>")
        before, has_value, value = rest.partition("<arg_value>")
        value, has_end, after = value.partition("</arg_value>")
        if not (has_key and has_value and has_end) or (before + after).strip():
            return None
        key = key.strip()
        arguments[key] = typed(value, schema=tools.schema_of(name, key))
    return _all([tools.call(name, arguments)])


def _xml_call(written: str, tools: Tools) -> ToolCall | None:
    name, has_name, rest = written.partition(">")
    inner, has_end, after = rest.partition("</function>")
    before, *parameters = inner.split("<parameter=")
    if not (has_name and has_end) or before.strip() or after.strip():
        return None
    name = name.strip()
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        key, has_key, value = parameter.partition(">")
        if not has_key:
            return None
        key, value = key.strip(), value.partition("</parameter>")[0]
        value = value.removeprefix("\n").removesuffix("\n")
        arguments[key] = typed(value, schema=tools.schema_of(name, key))
    return tools.call(name, arguments)


def _separated_call(written: str, tools: Tools, *, separator: str) -> ToolCall | None:
    head, has_separator, tail = written.partition(separator)
    if not has_separator:
        return None
    name = head.strip()
    if name == "function" and name not in tools:
        name, _, tail = tail.strip().partition("\n")
    if name not in tools:
        name = name.removeprefix("functions.").rpartition(":")[0]
    values = _values(_unfenced(tail))
    return tools.call(name.strip(), values[0]) if values and len(values) == 1 else None


def _blocks(body: str, opening: str, closing: str) -> Sequence[str]:
    """What stands between these tags; nothing at all when something stands outside them."""
    before, *blocks = body.split(opening)
    found = []
    for block in blocks:
        inner, _, after = block.partition(closing)
        if after.strip():
            return []
        found.append(inner)
    return [] if before.strip() else found


def _values(text: str) -> list[Any] | None:
    """The JSON values in a text that holds nothing else."""
    values: list[Any] = []
    position = _skipped(text, 0)
    try:
        while position < len(text):
            value, end = _DECODER.raw_decode(text, position)
            values.append(value)
            position = _skipped(text, end)
    except (ValueError, RecursionError):
        return None
    return values or None


def _skipped(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _unfenced(text: str) -> str:
    """Without the code fence that some models put around their JSON."""
    bare = text.strip()
    if not bare.startswith("```"):
        return bare
    return bare[3:].removeprefix("json").removesuffix("```").strip()


# ── Values written without quotes ───────────────────────────────────────────────────────────────


def typed(written: str, *, schema: Mapping[str, Any]) -> Any:
    """The value meant by bare text: what the schema's types allow, else the text itself."""
    kinds = _kinds(schema)
    if not kinds or kinds == {"string"}:
        return written
    bare = written.strip()
    try:
        value = _PYTHON_WORDS[bare] if bare in _PYTHON_WORDS else json.loads(bare)
    except (ValueError, RecursionError):
        return written
    return value if _kind_of(value) & kinds else written


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    alternatives = schema.get("anyOf")
    named = [schema.get("type")]
    for other in alternatives if isinstance(alternatives, list) else []:
        named.append(other.get("type") if isinstance(other, dict) else None)
    listed = [each for kind in named for each in (kind if isinstance(kind, list) else [kind])]
    return {each for each in listed if isinstance(each, str)}


def _kind_of(value: object) -> set[str]:
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"number", "integer"} if value.is_integer() else {"number"}
    if value is None:
        return {"null"}
    if isinstance(value, str):
        return {"string"}
    return {"array"} if isinstance(value, list) else {"object"}
