"""Values people write after options and parameters: kept as typed things. Pure."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from cli.errors import Failed
from modelfile.parameters import LISTS, typed

Think = bool | Literal["low", "medium", "high", "max"]


def parameter(name: str, given: Sequence[str]) -> Any:
    """One parameter as its kind; a list takes every word. Raises `BadParameter`."""
    if name in LISTS:
        return list(given)
    return typed(name, given[0])


def think(text: str) -> Think:
    match text:
        case "true" | "":
            return True
        case "false":
            return False
        case "low" | "medium" | "high" | "max":
            return text
    raise Failed(
        f'invalid value for --think: "{text}" (must be true, false, high, medium, low, or max)'
    )


def answer_format(text: str) -> Any:
    """`json`, or the text of a schema."""
    if not text or text == "json":
        return text or None
    try:
        return json.loads(text)
    except ValueError:
        raise Failed(f"--format wants json or a JSON schema, and this is neither: {text}") from None
