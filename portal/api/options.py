"""Their options to ours. Ordinary requests choose how to sample, never how a model is loaded (F22).

A wrong kind is refused in their words; an unknown name is ignored; what is out of range is capped.
"""

from collections.abc import Mapping
from typing import Any

from inference import protocol
from portal.api.errors import Refused

# What cannot be sent again and again to make everybody's model reload (threat F22): the kind is
# checked as theirs is, the value decides nothing.
_LOAD_TIME = {
    "num_ctx": "integer",
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "num_thread": "integer",
    "num_keep": "integer",
    "draft_num_predict": "integer",
    "use_mmap": "boolean",
}
_WHOLE: dict[str, tuple[int, int]] = {
    "top_k": (0, 1_000_000),
    "repeat_last_n": (-1, 1_000_000),
}
_REAL: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "typical_p": (0.0, 1.0),
    "repeat_penalty": (0.0, 100.0),
    "presence_penalty": (-100.0, 100.0),
    "frequency_penalty": (-100.0, 100.0),
}
_MAX_PREDICT = 1_000_000
_MAX_STOPS = 32
_MAX_STOP_CHARS = 1_000
_RANDOM_SEED = 2**32 - 1


def chosen(
    asked: Mapping[str, Any], *, parameters: Mapping[str, Any], defaults: Mapping[str, Any]
) -> protocol.Options:
    """What holds for one answer: the request's word, the model's, the dialect's, ours, in turn.

    `parameters` come from the model's own layer, `defaults` from a dialect whose defaults differ.
    """
    merged = {**defaults, **_present(parameters), **_present(asked)}
    _check_kinds(merged)
    values: dict[str, Any] = {}
    for name, (low, high) in _WHOLE.items():
        if name in merged:
            values[name] = int(min(max(int(merged[name]), low), high))
    for name, (lowest, highest) in _REAL.items():
        if name in merged:
            values[name] = float(min(max(merged[name], lowest), highest))
    if "num_predict" in merged:
        values["num_predict"] = _num_predict(int(merged["num_predict"]))
    if "seed" in merged:
        values["seed"] = _seed(int(merged["seed"]))
    if "stop" in merged:
        values["stop"] = _stop(merged["stop"])
    return protocol.Options(**values)


def _present(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _check_kinds(options: Mapping[str, Any]) -> None:
    for name, value in sorted(options.items()):
        kind = _kind_wanted(name)
        if kind is None or _is(value, kind):
            continue
        raise Refused(status=500, message=f'option "{name}" must be of type {kind}')
    stops = options.get("stop", [])
    if not all(isinstance(item, str) for item in stops):
        raise Refused(status=500, message='option "stop" must be of an array of strings')


def _kind_wanted(name: str) -> str | None:
    if name in _LOAD_TIME:
        return _LOAD_TIME[name]
    if name in _WHOLE or name in ("num_predict", "seed"):
        return "integer"
    if name in _REAL:
        return "float32"
    return "array" if name == "stop" else None


def _is(value: object, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "array":
        return isinstance(value, list | tuple)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _num_predict(value: int) -> int | None:
    return None if value < 0 else min(value, _MAX_PREDICT)


def _seed(value: int) -> int | None:
    """Their engine keeps the low 32 bits, and takes all ones, such as -1, for "any"."""
    seed = value & _RANDOM_SEED
    return None if seed == _RANDOM_SEED else seed


def _stop(stops: list[str]) -> tuple[str, ...]:
    return tuple(stop for stop in stops if 0 < len(stop) <= _MAX_STOP_CHARS)[:_MAX_STOPS]
