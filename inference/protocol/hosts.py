"""What a supervisor says of its runners: what is loaded, and who was aboard when one died.

A death is acted upon, so it is closed as everything else. The rest is only told: a newer worker may
say more than this portal understands, and what an older one does not say has a default.
"""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from inference.protocol.plain import (
    VERSION,
    Count,
    Name,
    Number,
    Plain,
    ShortText,
)


class Held(Plain, frozen=True, kw_only=True):
    """A request that a runner held when it died."""

    generation_id: UUID
    attempt: Number
    in_batch: bool
    alone: bool


class Death(Plain, frozen=True, kw_only=True):
    """A runner is gone, and who was aboard. Written by the supervisor, read by the reaper.

    killed: by a signal that nothing in the runner raises itself (SIGKILL, SIGTERM).
    crashed: an abort, a fault, or an exit nobody asked for. stalled: no step within the bound,
    ended by the supervisor. unloadable: it never became ready; `held` is empty and the queue must
    be failed.
    """

    version: Literal[1] = VERSION
    runner: Name
    queue: Name
    how: Literal["killed", "crashed", "stalled", "unloadable"]
    detail: ShortText = ""
    held: tuple[Held, ...] = ()


class Told(Plain, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """As `Plain`, and what else is in it is passed over: the other side may be newer."""


class RunnerState(Told, frozen=True, kw_only=True):
    """One loaded, or loading, model as people see it. Sizes in bytes, times in unix seconds."""

    runner: Name
    queue: Name
    model_name: Name
    pid: Count
    state: Literal["loading", "ready", "draining"]
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.0
    running: Count = 0
    slots: Count = 0
    context_length: Count = 0
    size_bytes: Count = 0
    vram_bytes: Count = 0
    loaded_at: float = 0.0
    expires_at: float | None = None


class Room(Told, frozen=True, kw_only=True):
    """What loaded models may take together on a host, and how it loads them when nothing is said.

    Bytes beside the processor and on the accelerators; shared memory is counted in both.
    """

    memory_bytes: Count = 0
    vram_bytes: Count = 0
    accelerators: Count = 0
    is_shared: bool = False
    parallel: Count = 0
    cache_type: Literal["f16", "q8_0", "q4_0"] = "f16"


class HostState(Told, frozen=True, kw_only=True):
    """One supervisor and its runners, published about once a second under a key that expires.

    With a `trouble` it can load nothing. `room` None: an older worker, which does not tell it.
    """

    version: Literal[1] = VERSION
    host: Name
    seen_at: float
    runners: tuple[RunnerState, ...] = ()
    room: Room | None = None
    trouble: Literal["", "device-lost"] = ""
