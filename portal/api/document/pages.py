"""The OpenAPI document as people read it: groups, operations, tables, commands to copy.

Reads the document and nothing else, so the page cannot say anything that the document does not.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.api.document.about import IGNORED

_SCHEMAS = "#/components/schemas/"
_RESPONSES = "#/components/responses/"
_SHORT_CHARS = 72
_KEY_VARIABLE = "$PORTAL_KEY"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field."""

    name: str
    type: str
    words: str
    is_required: bool
    is_ignored: bool
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The fields of one object. `is_named`: it has a name of its own, used by another's field."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One operation."""

    identity: str
    method: str
    path: str
    summary: str
    words: str
    scope: str
    parameters: tuple[Row, ...]
    sent: tuple[Table, ...]
    told: tuple[Table, ...]
    curl: str
    reply: str
    streamed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The operations of one kind."""

    name: str
    words: str
    identity: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All of it."""

    title: str
    words: str
    address: str
    address_with_key: str
    groups: tuple[Group, ...]
    refusals: tuple[tuple[str, str], ...]
    refusal_tables: tuple[Table, ...]


def page_of(document: Json) -> Page:
    """The whole page."""
    plain, under_key = document["servers"]
    return Page(
        title=document["info"]["title"],
        words=document["info"]["description"],
        address=plain["url"],
        address_with_key=under_key["url"].replace(
            "{key}", under_key["variables"]["key"]["default"]
        ),
        groups=tuple(
            _group(document, tag, identity=f"group-{at}") for at, tag in enumerate(document["tags"])
        ),
        refusals=_refusals(document),
        refusal_tables=_refusal_tables(document),
    )


def _group(document: Json, tag: Json, *, identity: str) -> Group:
    sections = tuple(
        _section(document, method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation["tags"]
    )
    return Group(name=tag["name"], words=tag["description"], identity=identity, sections=sections)


def _section(document: Json, method: str, path: str, operation: Json) -> Section:
    content = operation.get("requestBody", {}).get("content", {})
    asked = content.get("application/json", {})
    good = next(each for status, each in operation["responses"].items() if status[0] == "2")
    media = good.get("content", {})
    told = media.get("application/json", {})
    is_in_header = len(operation["security"]) > 1
    return Section(
        identity=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        words=operation.get("description", ""),
        scope=next(iter(operation["security"][0].values()))[0],
        parameters=tuple(_parameter(each) for each in operation.get("parameters", ())),
        sent=tuple(_tables(document, asked.get("schema", {}))),
        told=tuple(_tables(document, told.get("schema", {}))),
        curl=_curl(document, method, path, operation, is_in_header=is_in_header),
        reply=_pretty(told["example"]) if "example" in told else "",
        streamed=next((each for each in media if each != "application/json"), ""),
    )


def _parameter(parameter: Json) -> Row:
    return Row(
        name=parameter["name"],
        type=_type_of(parameter["schema"]),
        words=parameter["description"],
        is_required=True,
        is_ignored=False,
        default="",
    )


def _tables(document: Json, schema: Json) -> Iterator[Table]:
    """The object itself, then each other one its fields speak of, once."""
    waiting, seen = list(_names_in(schema)), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        shape = document["components"]["schemas"][name]
        yield Table(name=name, rows=tuple(_rows(shape)))
        waiting += _names_in(shape)


def _names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _names_in(each)
    elif isinstance(schema, Mapping):
        for name, each in schema.items():
            if name == "$ref":
                yield str(each).removeprefix(_SCHEMAS)
            else:
                yield from _names_in(each)


def _rows(shape: Json) -> Iterator[Row]:
    required = shape.get("required", ())
    for name, schema in shape.get("properties", {}).items():
        yield Row(
            name=name,
            type=_type_of(schema),
            words=schema.get("description", ""),
            is_required=name in required,
            is_ignored=bool(schema.get(IGNORED)),
            default=_short(schema["default"]) if "default" in schema else "",
        )


def _type_of(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_SCHEMAS)
    if "anyOf" in schema:
        return " | ".join(_type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(_short(each) for each in schema["enum"])
    if "const" in schema:
        return _short(schema["const"])
    if schema.get("type") == "array":
        inner = _type_of(schema.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    return str(schema.get("type", "any"))


def _refusals(document: Json) -> tuple[tuple[str, str], ...]:
    """Each status once; what it means is the same in every family."""
    found = {}
    for name, response in document["components"]["responses"].items():
        found[re.sub(r"\D", "", name)] = response["description"]
    return tuple(sorted(found.items()))


def _refusal_tables(document: Json) -> tuple[Table, ...]:
    used = {
        response["$ref"].removeprefix(_RESPONSES)
        for methods in document["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        if "$ref" in response
    }
    tables: dict[str, Table] = {}
    for name, response in document["components"]["responses"].items():
        if name in used:
            schema = response["content"]["application/json"]["schema"]
            tables |= {each.name: each for each in _tables(document, schema)}
    return tuple(tables.values())


def _curl(document: Json, method: str, path: str, operation: Json, *, is_in_header: bool) -> str:
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    header = "x-api-key: " if is_in_header else "Authorization: Bearer "
    lines = [
        f"curl {_method_flag(method)}{document['servers'][0]['url']}{path}",
        f'-H "{header}{_KEY_VARIABLE}"',
    ]
    content = operation.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in content:
        lines.append("--data-binary @model.gguf")
    if "application/json" in content:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d '{_pretty(content['application/json']['example'])}'")
    return " \\\n  ".join(lines)


def _method_flag(method: str) -> str:
    # With a body curl sends a POST by itself, without one a GET.
    return {"HEAD": "-I ", "DELETE": "-X DELETE "}.get(method, "")


def _pretty(value: Any) -> str:
    text = _short(value)
    return text if len(text) <= _SHORT_CHARS else json.dumps(value, ensure_ascii=False, indent=2)


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
