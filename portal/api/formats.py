"""What format a client wants its answer in, in either dialect. Not for keeping to it."""

import json
from collections.abc import Mapping
from typing import Any

from inference import protocol
from portal.api.errors import Refused
from portal.api.go import gojson
from portal.api.go.goreading import kind_of

MAX_SCHEMA_CHARS = 200_000


def native(value: Any) -> protocol.Format | None:
    """Their `format`: the word "json", or a JSON Schema."""
    if value is None or value == "":
        return None
    if value == "json":
        return protocol.Format()
    if isinstance(value, dict):
        return _with_schema(value)
    try:
        quoted = json.dumps(gojson.dumps(value), ensure_ascii=False)
    except RecursionError:
        raise Refused(status=400, message="the format is nested too deep") from None
    message = f'invalid format: {quoted}; expected "json" or a valid JSON Schema object'
    raise Refused(status=500, message=message)


def openai(wanted: Mapping[str, Any]) -> protocol.Format | None:
    """Their `response_format`."""
    kind = wanted.get("type", "text")
    kind = kind.strip().lower() if isinstance(kind, str) else kind_of(kind)
    if kind in ("", "text"):
        return None
    if kind == "json_object":
        return protocol.Format()
    if kind != "json_schema":
        raise Refused(status=400, message=f'response_format "{kind}" is not known')
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise Refused(status=400, message="response_format needs a json_schema.schema object")
    return _with_schema(schema)


def responses(wanted: Mapping[str, Any]) -> protocol.Format | None:
    """The `text.format` of their newer dialect, which has the schema beside its type."""
    kind = wanted.get("type")
    if kind in (None, "", "text"):
        return None
    if kind == "json_object":
        return protocol.Format()
    if kind != "json_schema":
        shown = kind if isinstance(kind, str) else kind_of(kind)
        raise Refused(status=400, message=f'text.format "{shown}" is not known')
    schema = wanted.get("schema")
    if not isinstance(schema, dict):
        raise Refused(status=400, message="text.format needs a schema object")
    return _with_schema(schema)


def _with_schema(schema: dict[str, Any]) -> protocol.Format:
    try:
        text = json.dumps(schema)
    except RecursionError:
        raise Refused(status=400, message="the format is nested too deep") from None
    if len(text) > MAX_SCHEMA_CHARS:
        message = f"the format is longer than {MAX_SCHEMA_CHARS} characters"
        raise Refused(status=400, message=message)
    return protocol.Format(schema=text)
