"""The worker's environment, read once at start into one frozen object. Not the portal's."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, cast, get_args

Backend = Literal["llama", "scripted"]
CacheType = Literal["f16", "q8_0", "q4_0"]

OWN = frozenset(
    {
        "INFERENCE_BACKEND",
        "INFERENCE_CPU_FALLBACK",
        "INFERENCE_DRAFT",
        "INFERENCE_GPU_LAYERS",
        "INFERENCE_GRACE_SECONDS",
        "INFERENCE_HOST",
        "INFERENCE_LEASE_SECONDS",
        "INFERENCE_MEMORY_BYTES",
        "INFERENCE_PARK_BYTES",
        "INFERENCE_PARK_DIR",
        "INFERENCE_PARK_DISK_BYTES",
        "INFERENCE_SCRIPT",
        "INFERENCE_STALL_SECONDS",
        "INFERENCE_THREADS",
    }
)
DEFAULT_SLOTS = 4
DEFAULT_DRAFT_TOKENS = 8
DEFAULT_PARK_BYTES = 512 * 1024 * 1024
DEFAULT_PARK_DISK_BYTES = 8 * 1024 * 1024 * 1024
_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class _Parking(TypedDict):
    park_bytes: int
    park_directory: Path | None
    park_disk_bytes: int


class BadSetting(ValueError):
    """A variable is unknown or holds something we cannot use. The message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator decides about this worker.

    `keep_alive_seconds` None keeps models for ever, `load_timeout_seconds` None waits for ever,
    `memory_bytes` None means four fifths of the machine, `threads` None leaves it to the engine,
    `gpu_layers` None means as many as fit, `max_loaded_models` None means three for each
    accelerator, `flash_attention` None leaves it to the engine, `park_directory` None parks in
    memory only.
    """

    home: Path
    models: Path
    redis_url: str
    host: str
    backend: Backend
    script: Path | None
    slots: int
    max_loaded_models: int | None
    keep_alive_seconds: float | None
    load_timeout_seconds: float | None
    lease_seconds: float
    stall_seconds: float
    grace_seconds: float
    memory_bytes: int | None
    threads: int | None
    gpu_layers: int | None
    cpu_fallback: bool
    gpu_overhead_bytes: int
    cache_type: CacheType
    flash_attention: bool | None
    draft_tokens: int
    park_bytes: int
    park_directory: Path | None
    park_disk_bytes: int

    @property
    def beat_seconds(self) -> float:
        """How often a runner shows that it lives: often enough for the stall bound."""
        return min(0.5, self.stall_seconds / 4)

    def blob_path(self, sha256: str) -> Path:
        """Where Ollama's layout keeps the blob with this (already checked) digest."""
        return self.models / "blobs" / f"sha256-{sha256}"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises `BadSetting` rather than guess."""
    unknown = sorted(
        name for name in environment if name.startswith("INFERENCE_") and name not in OWN
    )
    if unknown:
        raise BadSetting(f"{unknown[0]} is unknown; the worker knows {', '.join(sorted(OWN))}")
    values = {name: value.strip().strip("\"'") for name, value in environment.items()}
    home = Path(values.get("PORTAL_HOME") or "var").resolve()
    script = values.get("INFERENCE_SCRIPT")
    return Settings(
        home=home,
        models=Path(values.get("OLLAMA_MODELS") or home / "models").expanduser().resolve(),
        redis_url=values.get("REDIS_URL") or f"unix://{home / 'valkey.sock'}",
        host=_host(values.get("INFERENCE_HOST") or _own_host_name()),
        backend=_backend(values.get("INFERENCE_BACKEND") or "llama"),
        script=Path(script).expanduser().resolve() if script else None,
        slots=_whole(values, "OLLAMA_NUM_PARALLEL", most=256) or DEFAULT_SLOTS,
        max_loaded_models=_whole(values, "OLLAMA_MAX_LOADED_MODELS", most=1000) or None,
        keep_alive_seconds=_keep_alive(values),
        load_timeout_seconds=_load_timeout(values),
        lease_seconds=_seconds(values, "INFERENCE_LEASE_SECONDS", default=15.0),
        stall_seconds=_seconds(values, "INFERENCE_STALL_SECONDS", default=60.0),
        grace_seconds=_seconds(values, "INFERENCE_GRACE_SECONDS", default=10.0),
        memory_bytes=_whole(values, "INFERENCE_MEMORY_BYTES", most=2**53) or None,
        threads=_whole(values, "INFERENCE_THREADS", most=1024) or None,
        gpu_layers=_whole(values, "INFERENCE_GPU_LAYERS", most=100_000),
        cpu_fallback=bool(_switch(values.get("INFERENCE_CPU_FALLBACK"))),
        gpu_overhead_bytes=_whole(values, "OLLAMA_GPU_OVERHEAD", most=2**53) or 0,
        cache_type=_cache_type(values.get("OLLAMA_KV_CACHE_TYPE") or "f16"),
        flash_attention=_switch(values.get("OLLAMA_FLASH_ATTENTION")),
        draft_tokens=_draft(values),
        **_parking(values),
    )


def parse_duration(text: str) -> float | None:
    """Seconds, from Go's form (`1h30m`, `500ms`) or whole seconds. None when it is neither."""
    sign = -1.0 if text.startswith("-") else 1.0
    body = text.lstrip("+-") if text[:1] in ("+", "-") else text
    if body.isascii() and body.isdigit():
        return sign * float(body)
    if not body or "".join(match.group(0) for match in _GO_PART.finditer(body)) != body:
        return None
    return sign * sum(
        float(number) * _UNIT_SECONDS[unit] for number, unit in _GO_PART.findall(body)
    )


def _keep_alive(values: Mapping[str, str]) -> float | None:
    seconds = _duration(values, "OLLAMA_KEEP_ALIVE", default="5m")
    return None if seconds < 0 else seconds


def _load_timeout(values: Mapping[str, str]) -> float | None:
    seconds = _duration(values, "OLLAMA_LOAD_TIMEOUT", default="5m")
    return None if seconds <= 0 else seconds


def _duration(values: Mapping[str, str], name: str, *, default: str) -> float:
    text = values.get(name) or default
    seconds = parse_duration(text)
    if seconds is None:
        raise BadSetting(f"{name} must be a duration such as 5m, 90s or 300, not {text!r}")
    return seconds


def _seconds(values: Mapping[str, str], name: str, *, default: float) -> float:
    text = values.get(name)
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text, re.ASCII) or float(text) <= 0:
        raise BadSetting(f"{name} must be a number of seconds above zero, not {text!r}")
    return float(text)


def _whole(values: Mapping[str, str], name: str, *, most: int) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) > most:
        raise BadSetting(f"{name} must be a whole number from 0 to {most}, not {text!r}")
    return int(text)


def _draft(values: Mapping[str, str]) -> int:
    own = _whole(values, "INFERENCE_DRAFT", most=64)
    return DEFAULT_DRAFT_TOKENS if own is None else own


def _parking(values: Mapping[str, str]) -> _Parking:
    """Zero bytes is a value here: nothing is kept of a conversation whose slot went to others."""
    own = _whole(values, "INFERENCE_PARK_BYTES", most=2**53)
    disk = _whole(values, "INFERENCE_PARK_DISK_BYTES", most=2**53)
    directory = values.get("INFERENCE_PARK_DIR")
    return {
        "park_bytes": DEFAULT_PARK_BYTES if own is None else own,
        "park_directory": Path(directory).expanduser().resolve() if directory else None,
        "park_disk_bytes": DEFAULT_PARK_DISK_BYTES if disk is None else disk,
    }


def _switch(text: str | None) -> bool | None:
    """As Go reads a truth value, and as Ollama takes anything else that is set: as true."""
    return text not in ("0", "f", "F", "false", "FALSE", "False") if text else None


def _cache_type(text: str) -> CacheType:
    for known in get_args(CacheType):
        if text.lower() == known:
            return cast("CacheType", known)
    raise BadSetting(f"OLLAMA_KV_CACHE_TYPE must be f16, q8_0 or q4_0, not {text!r}")


def _backend(text: str) -> Backend:
    if text == "llama":
        return "llama"
    if text == "scripted":
        return "scripted"
    raise BadSetting(f"INFERENCE_BACKEND must be llama or scripted, not {text!r}")


def _host(text: str) -> str:
    if not _HOST_NAME.fullmatch(text):
        raise BadSetting(f"INFERENCE_HOST must be letters, digits, dots and dashes, not {text!r}")
    return text


def _own_host_name() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-")[:100] or "worker"
