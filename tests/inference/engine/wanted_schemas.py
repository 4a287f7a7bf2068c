"""Schemas of every kind, and a second reading of what they allow. Not a test itself."""

import math
import re
from typing import Any

from hypothesis import strategies as st

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "ab", "b"]}, "maxItems": 2},
    },
    "required": ["name", "age"],
}


def schemas(depth: int = 3) -> st.SearchStrategy[Any]:
    """Schemas of every kind we know, nested."""
    names = st.text('abü"\\', min_size=1, max_size=3)
    leaves = st.one_of(
        st.just({"type": "string"}),
        st.builds(lambda n, m: {"type": "string", "minLength": n, "maxLength": n + m}, *_TWO),
        st.sampled_from([{"format": "date"}, {"pattern": "^a+b?$"}, {"type": "boolean"}, {}]),
        st.builds(lambda n, m: {"type": "integer", "minimum": n - 9, "maximum": n + m}, *_TWO),
        st.builds(lambda n, m: {"type": "number", "minimum": n - 9, "maximum": n + m}, *_TWO),
        st.lists(
            st.text(_LETTERS, max_size=3) | st.integers(-9, 9) | st.none(),
            min_size=1,
            max_size=4,
        ).map(lambda values: {"enum": values}),
    )
    if depth == 0:
        return leaves
    inner = schemas(depth - 1)
    objects = st.dictionaries(names, inner, max_size=3).flatmap(
        lambda properties: st.builds(
            lambda required, others: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": others,
            },
            st.lists(st.sampled_from(sorted(properties)), unique=True)
            if properties
            else st.just([]),
            st.booleans() | inner,
        )
    )
    arrays = st.builds(
        lambda items, n, m: {"type": "array", "items": items, "minItems": n, "maxItems": n + m},
        inner,
        st.integers(0, 2),
        st.integers(0, 2),
    )
    either = st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
    return leaves | objects | arrays | either


_TWO = (st.integers(0, 4), st.integers(0, 4))
# Without the two last planes of private letters: those are reserved here, and no answer shows them.
_LETTERS = st.characters(codec="utf-8", max_codepoint=0xEFFFF)


def satisfies(schema: Any, value: Any) -> bool:
    """A second reading of the same words, for the tests alone."""
    if isinstance(schema, bool) or not schema:
        return schema is not False
    if "enum" in schema:
        return any(value == each and type(value) is type(each) for each in schema["enum"])
    if "anyOf" in schema:
        return any(satisfies(each, value) for each in schema["anyOf"])
    kind = schema.get("type", "string")
    checks = {
        "string": _is_string,
        "boolean": lambda _, value: isinstance(value, bool),
        "integer": lambda schema, value: isinstance(value, int) and _is_number(schema, value),
        "number": _is_number,
        "object": _is_object,
        "array": _is_array,
    }
    return checks[kind](schema, value)


def _is_string(schema: Any, value: Any) -> bool:
    if not isinstance(value, str) or not re.search(schema.get("pattern", ""), value):
        return False
    if schema.get("format") == "date" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return False
    return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf))


def _is_number(schema: Any, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and bool(schema["minimum"] <= value <= schema["maximum"])


def _is_object(schema: Any, value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() >= set(schema["required"]):
        return False
    return all(
        satisfies(schema["properties"].get(name, schema["additionalProperties"]), item)
        for name, item in value.items()
    )


def _is_array(schema: Any, value: Any) -> bool:
    is_long_enough = isinstance(value, list) and len(value) >= schema["minItems"]
    return (
        is_long_enough
        and len(value) <= schema["maxItems"]
        and all(satisfies(schema["items"], item) for item in value)
    )
