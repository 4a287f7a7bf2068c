"""Messages, calls and tools as values of Go, the way templates of Ollama's models read them.

Not for running templates. What prints as JSON has the order and the omissions of theirs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gotext import List, Record, Table, Value
from inference.engine.templates.origin import raised

_MAX_DEPTH = 40


def message(turn: Mapping[str, Any]) -> Record:
    """`.Role` is our own word; all else is people's."""
    calls = [call(each, number=at) for at, each in enumerate(turn.get("tool_calls", ()))]
    return Record(
        "*template.templateMessage",
        {
            "Role": raised(turn["role"]),
            "Content": turn["content"] or "",
            "Thinking": turn.get("thinking", ""),
            "Images": List([], go_type="[]api.ImageData"),
            "ToolCalls": List(calls, go_type="[]template.templateToolCall"),
            "ToolName": turn.get("tool_name", ""),
            "ToolCallID": turn.get("tool_call_id", ""),
        },
    )


def call(written: Mapping[str, Any], *, number: int) -> Record:
    function = written["function"]
    arguments = _sorted(function["arguments"])
    json = {"index": number, "name": function["name"], "arguments": arguments}
    made = Record(
        "template.templateToolCallFunction",
        {
            "Index": number,
            "Name": function["name"],
            "Arguments": _table(arguments, go_type="template.templateArgs"),
        },
        json,
    )
    whole = {"id": written.get("id", ""), "function": json}
    return Record(
        "template.templateToolCall", {"ID": written.get("id", ""), "Function": made}, whole
    )


def tools(offered: Sequence[Any]) -> List:
    made = [tool(each) for each in offered]
    return List(
        made, go_type="template.templateTools", json=[each.json for each in made], shows_json=True
    )


def tool(offered: Mapping[str, Any]) -> Record:
    described = offered["function"]
    parameters = _parameters(described.get("parameters"))
    function = Record(
        "template.templateToolFunction",
        {
            "Name": _text(described.get("name")),
            "Description": _text(described.get("description")),
            "Parameters": parameters,
        },
        {
            "name": _text(described.get("name")),
            "description": _text(described.get("description")),
            "parameters": parameters.json,
        },
        shows_json=True,
    )
    kind, items = _text(offered.get("type")), offered.get("items")
    json = {"type": kind, **_given(items=_sorted(items)), "function": function.json}
    return Record(
        "template.templateTool",
        {"Type": kind, "Items": value_of(items), "Function": function},
        json,
        shows_json=True,
    )


def value_of(json: Any, *, depth: int = 0) -> Value:
    """Any JSON value; maps and lists print as Go prints them."""
    if json is None or isinstance(json, bool | int | float | str):
        return json
    if depth > _MAX_DEPTH:
        return None
    if isinstance(json, Mapping):
        return Table({name: value_of(each, depth=depth + 1) for name, each in json.items()})
    return List([value_of(each, depth=depth + 1) for each in json])


def _parameters(given: Any) -> Record:
    schema = given if isinstance(given, Mapping) else {}
    described = schema.get("properties")
    properties = {name: _property(each) for name, each in sorted(_mapping(described).items())}
    required = [each for each in _list(schema.get("required")) if isinstance(each, str)]
    json = {
        "type": _text(schema.get("type")),
        **_given(**{"$defs": _sorted(schema.get("$defs")), "items": _sorted(schema.get("items"))}),
        **_given(required=required),
        "properties": {name: each.json for name, each in properties.items()},
    }
    return Record(
        "template.templateToolFunctionParameters",
        {
            "Type": _text(schema.get("type")),
            "Defs": value_of(schema.get("$defs")),
            "Items": value_of(schema.get("items")),
            "Required": List(required, go_type="[]string"),
            "Properties": Table(
                properties, "template.templateProperties", json["properties"], shows_json=True
            ),
        },
        json,
        shows_json=True,
    )


def _property(given: Any, *, depth: int = 0) -> Record:
    schema = _mapping(given)
    if depth > _MAX_DEPTH:
        schema = {}
    kinds = [each for each in _as_list(schema.get("type")) if isinstance(each, str)]
    either = [_property(each, depth=depth + 1) for each in _list(schema.get("anyOf"))]
    inner = {
        name: _property(each, depth=depth + 1)
        for name, each in sorted(_mapping(schema.get("properties")).items())
    }
    required = [each for each in _list(schema.get("required")) if isinstance(each, str)]
    kind: Value = kinds[0] if len(kinds) == 1 else List(kinds, go_type="api.PropertyType")
    json = {
        **_given(anyOf=[each.json for each in either]),
        **_given(type=kinds[0] if len(kinds) == 1 else kinds),
        **_given(items=_sorted(schema.get("items"))),
        **_given(description=_text(schema.get("description"))),
        **_given(enum=_sorted(_list(schema.get("enum")))),
        **_given(properties={name: each.json for name, each in inner.items()}),
        **_given(required=required),
    }
    return Record(
        "api.ToolProperty",
        {
            "AnyOf": List(either, go_type="[]api.ToolProperty"),
            "Type": kind,
            "Items": value_of(schema.get("items")),
            "Description": _text(schema.get("description")),
            "Enum": value_of(_list(schema.get("enum"))),
            "Properties": Table(inner, go_type="map[string]api.ToolProperty"),
            "Required": List(required, go_type="[]string"),
        },
        json,
        shows_json=True,
    )


def _table(json: Mapping[str, Any], *, go_type: str) -> Table:
    entries = {name: value_of(each) for name, each in json.items()}
    return Table(entries, go_type, json, shows_json=True)


def _given(**fields: Any) -> dict[str, Any]:
    """Those that say something: Go leaves the others out."""
    return {name: value for name, value in fields.items() if value}


def _sorted(json: Any, *, depth: int = 0) -> Any:
    """The same value with all names in order; what is nested past reason is dropped."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(json, Mapping):
        return {name: _sorted(json[name], depth=depth + 1) for name in sorted(json)}
    if isinstance(json, list):
        return [_sorted(each, depth=depth + 1) for each in json]
    return json


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
