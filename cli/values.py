"""Values people write after options and parameters: kept as typed things. Pure."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from cli.errors import Failed

Think = bool | Literal["low", "medium", "high", "max"]

_WHOLE = frozenset(
    [
        *("num_keep", "num_predict", "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread"),
        *("seed", "top_k", "repeat_last_n", "draft_num_predict"),
    ]
)
_NUMBERS = frozenset(
    [
        *("temperature", "top_p", "min_p", "typical_p"),
        *("repeat_penalty", "presence_penalty", "frequency_penalty"),
    ]
)
_TRUTHS = frozenset(["use_mmap"])
_LISTS = frozenset(["stop"])
DEPRECATED = frozenset(
    [
        *("penalize_newline", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mlock"),
        *("mirostat", "mirostat_tau", "mirostat_eta"),
    ]
)
_TRUE = frozenset(["1", "t", "T", "TRUE", "true", "True"])
_FALSE = frozenset(["0", "f", "F", "FALSE", "false", "False"])


class BadParameter(ValueError):
    """The message is the one people know."""


def parameter(name: str, values: Sequence[str]) -> Any:
    """One parameter of a Modelfile or of `/set parameter`, as its type."""
    first = values[0] if values else ""
    if name in _LISTS:
        return list(values)
    if name in _WHOLE:
        return _whole(first)
    if name in _NUMBERS:
        return _number(first)
    if name in _TRUTHS:
        return _truth(first)
    raise BadParameter(f"unknown parameter '{name}'")


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


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadParameter(f"invalid int value [{text}]") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadParameter(f"invalid float value [{text}]") from None


def _truth(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise BadParameter(f"invalid bool value [{text}]")
