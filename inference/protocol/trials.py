"""Trials of new model files: what the portal asks of a worker, and what it hears (threat E17).

Not for how a file is tried: that is the worker's.
"""

from typing import Annotated, Literal

from msgspec import Meta

from inference.protocol.plain import VERSION, Count, Name, Plain, ShortText
from inference.protocol.requests import ModelSpec

Outcome = Literal["passed", "refused", "crashed", "hung", "memory", "absent", "unable"]

# After these the file has had its trial. The others say that this host could not hold one.
SETTLED: frozenset[Outcome] = frozenset({"passed", "refused", "crashed", "hung", "memory"})


class Trial(Plain, frozen=True, kw_only=True):
    """Load this in a process that may be lost, before anybody may choose it.

    Named by the queue of its spec, so asking twice is asking once.
    """

    version: Literal[1] = VERSION
    spec: ModelSpec


class Facts(Plain, frozen=True, kw_only=True):
    """What a model says of itself once it is loaded. Sizes in bytes."""

    layers: Count = 0
    trained_context: Count = 0
    embedding_length: Count = 0
    vocabulary_size: Count = 0
    has_encoder: bool = False
    has_decoder: bool = True
    pooling: Literal["unspecified", "none", "mean", "cls", "last", "rank"] = "unspecified"
    template: Literal["absent", "sound", "refused"] = "absent"
    model_bytes: Count = 0
    context_bytes: Count = 0


class Verdict(Plain, frozen=True, kw_only=True):
    """How a trial went. `detail` is one word of the worker's own: a signal, an error, a stage.

    passed: it loaded, computed and ended by itself. refused: the loader said no. crashed: it took
    its process with it. hung: it was not done in time. memory: it wanted more than it was given.
    absent: this host has no such file. unable: this host could not start a process.
    `walls` names what stood around the process: "namespace", "landlock", "seccomp".
    """

    version: Literal[1] = VERSION
    queue: Name
    host: Name
    outcome: Outcome
    detail: Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9 _.:-]*\Z")] = ""
    seconds: Annotated[float, Meta(ge=0, le=10**6)] = 0.0
    facts: Facts | None = None
    walls: Annotated[tuple[ShortText, ...], Meta(max_length=8)] = ()


# ── Names in Redis ──────────────────────────────────────────────────────────────────────────────

TRIALS = "portal:trials"  # sorted set: queue names whose files wait for their trial, by unix time


def trial_key(queue: str) -> str:
    """String: the Trial, expiring."""
    return f"portal:trial:{queue}"


def trying_key(queue: str) -> str:
    """String, expiring: the host that tries it at this moment."""
    return f"portal:trying:{queue}"


def verdict_key(queue: str) -> str:
    """String: the Verdict, until the portal has acted upon it."""
    return f"portal:verdict:{queue}"
