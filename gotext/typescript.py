"""The TypeScript type of a tool's property, as templates of one family describe their tools."""

from collections.abc import Mapping
from typing import Any

_SIMPLE = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "any[]",
    "object": "Record<string, any>",
    "null": "null",
}
_MAX_DEPTH = 20


def type_of(described: Any, *, depth: int = 0) -> str:
    """`described` is a property of a tool as JSON."""
    if not isinstance(described, Mapping) or depth > _MAX_DEPTH:
        return "any"
    either = described.get("anyOf")
    if isinstance(either, list) and either:
        return " | ".join(type_of(each, depth=depth + 1) for each in either)
    named = described.get("type")
    names = named if isinstance(named, list) else [named]
    return " | ".join(_SIMPLE.get(name, "any") for name in names if isinstance(name, str)) or "any"
