"""Several schemas that must hold at once, as one. Not for what a schema means.

Bounded: whoever merges gives up past a depth, so rings of `allOf` end (threat F7).
"""

from collections.abc import Callable
from typing import Any

from inference.engine.grammar.network import NotKeepable

Schema = dict[str, Any]

# Words about a schema that change nothing about what it allows.
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly"}
    | {"writeOnly", "$comment", "$schema", "$id", "$defs", "definitions", "discriminator"}
)
_MAX_DEPTH = 24
_GREATEST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_LEAST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def merged(one: Schema | bool, other: Schema | bool, *, depth: int = 0) -> Schema | bool:
    """What both allow. Raises NotKeepable for words that we cannot join."""
    if depth > _MAX_DEPTH:
        raise NotKeepable("the schema is nested too deep")
    if isinstance(one, bool) or isinstance(other, bool):
        return other if one is True else one if other is True else False
    found = dict(one)
    for word, value in other.items():
        if word in ANNOTATIONS or word not in found or found[word] == value:
            found.setdefault(word, value)
        else:
            found[word] = _joined(word, found[word], value, depth=depth)
    return found


def _joined(word: str, one: Any, other: Any, *, depth: int) -> Any:
    if word in _GREATEST:
        return max(one, other)
    if word in _LEAST:
        return min(one, other)
    if word == "properties":
        return _properties(one, other)
    if word in ("additionalProperties", "items"):
        return merged(one, other, depth=depth + 1)
    if word not in _LISTS:
        raise NotKeepable(f"two different {word} of a schema cannot be kept to at once")
    return _LISTS[word](one, other)


def _properties(one: Schema, other: Schema) -> Schema:
    found = dict(one)
    for name, schema in other.items():
        found[name] = (
            {"allOf": [found[name], schema]} if name in found and found[name] != schema else schema
        )
    return found


def _types(one: Any, other: Any) -> list[str]:
    first = [one] if isinstance(one, str) else list(one)
    second = [other] if isinstance(other, str) else list(other)
    both = [kind for kind in first if kind in second]
    if "integer" in first + second and "number" in first + second and "integer" not in both:
        both.append("integer")
    return both


_LISTS: dict[str, Callable[[Any, Any], list[Any]]] = {
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "enum": lambda one, other: [value for value in one if value in other],
    "type": _types,
    "allOf": lambda one, other: [*one, *other],
}
