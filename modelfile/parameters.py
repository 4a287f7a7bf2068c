"""The parameters of a Modelfile by their kinds: words become values. Pure.

Not for what a value does, nor for options that come as JSON.
"""

import math
import re
import struct
from typing import Any

WHOLE = frozenset(
    {
        *("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "seed"),
        *("draft_num_predict", "num_predict", "top_k", "repeat_last_n"),
    }
)
REAL = frozenset(
    {
        *("top_p", "min_p", "typical_p", "temperature", "repeat_penalty"),
        *("presence_penalty", "frequency_penalty"),
    }
)
FLAGS = frozenset({"use_mmap"})
LISTS = frozenset({"stop"})
DEPRECATED = frozenset(
    {
        *("penalize_newline", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mlock"),
        *("mirostat", "mirostat_tau", "mirostat_eta"),
    }
)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_REAL_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


class BadParameter(ValueError):
    """The message is the one people know."""


def typed(name: str, text: str) -> Any:
    """A parameter's value as its kind. A list has one member. Raises `BadParameter`."""
    if name in LISTS:
        return [text]
    if name in WHOLE:
        return _whole(text)
    if name in REAL:
        return _real(text)
    if name in FLAGS:
        return _flag(text)
    raise BadParameter(f"unknown parameter '{name}'")


def _whole(text: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise BadParameter(f"invalid int value [{text}]")
    return int(text)


def _real(text: str) -> float:
    """As a number of 32 bits has it: the shortest digits that mean the same there."""
    if not _REAL_NUMBER.fullmatch(text):
        raise BadParameter(f"invalid float value [{text}]")
    try:
        (narrow,) = struct.unpack("<f", struct.pack("<f", float(text)))
    except OverflowError:
        raise BadParameter(f"invalid float value [{text}]") from None
    if not math.isfinite(narrow):
        raise BadParameter(f"invalid float value [{text}]")
    for digits in range(1, 10):
        value = float(f"{narrow:.{digits}g}")
        if struct.pack("<f", value) == struct.pack("<f", narrow):
            return value
    return float(narrow)


def _flag(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise BadParameter(f"invalid bool value [{text}]")
    return text in _TRUE
