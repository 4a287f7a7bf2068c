"""What crosses Redis between portal and worker: plain data, versioned, checked at both ends.

Not for behaviour: no Redis here, no clock, no engine. The only file of `inference` that `portal`
may import. Decoding is strict: an unknown field, a wrong type or a number out of range is a
`ProtocolError`, and the entry belongs on the dead-letter stream.
"""

import hashlib
from typing import Annotated, Final, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1

Text = Annotated[str, Meta(max_length=4_000_000)]
ShortText = Annotated[str, Meta(max_length=4_000)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=1, le=2**53)]
Lane = Literal["person", "api", "background"]

LANES: tuple[Lane, ...] = ("person", "api", "background")


class ProtocolError(ValueError):
    """The bytes are not what this version of the contract allows. Never carries their content."""


class _Plain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closed, immutable, checked when decoded."""


class Message(_Plain, frozen=True, kw_only=True):
    """One turn of the conversation as the model will read it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Text
    thinking: Text = ""


class Options(_Plain, frozen=True, kw_only=True):
    """How to sample one answer. Names, defaults and meanings are Ollama's; ranges are ours.

    `seed` None draws a random one. `num_predict` None means until the context is full.
    """

    num_predict: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] = 0.8
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] = 40
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0.9
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.0
    typical_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    repeat_last_n: Annotated[int, Meta(ge=-1, le=1_000_000)] = 64
    repeat_penalty: Annotated[float, Meta(ge=0, le=100)] = 1.0
    presence_penalty: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    frequency_penalty: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    stop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=1_000)], ...], Meta(max_length=32)
    ] = ()


class ModelSpec(_Plain, frozen=True, kw_only=True):
    """What a runner must load. Two names with equal specs share one runner and one queue.

    `weights` is the sha256 of the GGUF blob; `context_length` is in tokens per sequence;
    `template` replaces the GGUF's own Jinja template when an administrator has pinned one.
    """

    weights: Sha256
    context_length: Annotated[int, Meta(ge=4, le=16_777_216)]
    template: Text | None = None

    @property
    def queue(self) -> str:
        """The name of the queue for this spec: 32 hexadecimal digits, equal for equal specs."""
        return hashlib.sha256(encode(self)).hexdigest()[:32]


class Request(_Plain, frozen=True, kw_only=True):
    """One attempt to answer, as it waits in the queue.

    `person` is opaque: fairness and prefix reuse are by it. `so_far` is the text kept from an
    earlier attempt; the runner sends it again as its first piece and goes on after it. `deaths`
    counts the runners that died with this request in their batch: above zero it starts alone.
    `expires_at` (unix seconds) is when nobody wants the answer any more if it has not begun.
    """

    version: Literal[1] = VERSION
    generation_id: UUID
    attempt: Number
    person: Name
    lane: Lane
    model: ModelSpec
    model_name: Name
    messages: Annotated[tuple[Message, ...], Meta(min_length=1, max_length=20_000)]
    options: Options = Options()
    so_far: Text = ""
    deaths: Count = 0
    expires_at: Annotated[float, Meta(ge=0)]


class Stats(_Plain, frozen=True, kw_only=True):
    """Counts in tokens, durations in nanoseconds, defined as Ollama defines them.

    `prompt_tokens` includes the `cached_tokens` that were not computed again.
    """

    prompt_tokens: Count = 0
    cached_tokens: Count = 0
    answer_tokens: Count = 0
    load_ns: Count = 0
    prompt_ns: Count = 0
    answer_ns: Count = 0


class Taken(_Plain, tag="taken", frozen=True, kw_only=True):
    """A runner begins with the request. Always the first event of an attempt."""

    runner: Name


class Reading(_Plain, tag="reading", frozen=True, kw_only=True):
    """How much of the prompt is in the KV cache, in tokens."""

    read_tokens: Count
    prompt_tokens: Count


class Piece(_Plain, tag="piece", frozen=True, kw_only=True):
    """Some text of the answer. `kind` tells thinking from answer."""

    text: Text
    kind: Literal["answer", "thinking"] = "answer"


class End(_Plain, tag="end", frozen=True, kw_only=True):
    """The attempt is over. `detail` is one of `DETAILS` when `why` is failed or interrupted."""

    why: Literal["done", "length", "stopped", "failed", "interrupted"]
    detail: Annotated[str, Meta(max_length=64)] = ""
    stats: Stats | None = None


Event = Taken | Reading | Piece | End

DETAILS = (
    "too-long",  # the prompt does not fit in the context
    "expired",  # nobody took it before its deadline
    "template",  # the chat template refused or ran away
    "no-room",  # memory for this sequence could not be had
    "engine",  # the engine refused this request; others go on
    "died",  # the runner died, killed from outside
    "quarantined",  # the runner died twice with this request in its batch
    "unloadable",  # the model cannot be loaded
    "lost",  # the lease ran out, or Redis lost the stream
)


class Held(_Plain, frozen=True, kw_only=True):
    """A request that a runner held when it died."""

    generation_id: UUID
    attempt: Number
    in_batch: bool
    alone: bool


class Death(_Plain, frozen=True, kw_only=True):
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


class RunnerState(_Plain, frozen=True, kw_only=True):
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


class HostState(_Plain, frozen=True, kw_only=True):
    """One supervisor and its runners, published about once a second under a key that expires."""

    version: Literal[1] = VERSION
    host: Name
    seen_at: float
    runners: tuple[RunnerState, ...] = ()


def encode(thing: Struct) -> bytes:
    return msgspec.json.encode(thing)


_event: "msgspec.json.Decoder[Event]" = msgspec.json.Decoder(Event)
_request = msgspec.json.Decoder(Request)
_spec = msgspec.json.Decoder(ModelSpec)
_death = msgspec.json.Decoder(Death)
_host = msgspec.json.Decoder(HostState)


def decode_event(data: bytes) -> Event:
    return _decode(_event, data)


def decode_request(data: bytes) -> Request:
    return _decode(_request, data)


def decode_spec(data: bytes) -> ModelSpec:
    return _decode(_spec, data)


def decode_death(data: bytes) -> Death:
    return _decode(_death, data)


def decode_host(data: bytes) -> HostState:
    return _decode(_host, data)


T = TypeVar("T")


def _decode(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(type(error).__name__) from None


# ── Names in Redis ──────────────────────────────────────────────────────────────────────────────
# Everything is below `portal:`; ids and digests only, never text from people (threat G12).

QUEUES = "portal:queues"  # set of queue names that ever had work
WANTED = "portal:wanted"  # stream {queue}: wakes supervisors; trimmed, a wake-up only
CONTROL = "portal:control"  # stream {stop: generation id}: wakes runners; trimmed, a wake-up only
NEWS = "portal:news"  # stream {generation: id}: wakes the recorder; trimmed, a wake-up only
DEATHS = "portal:deaths"  # stream {death: Death}: acted upon once by the reaper
HOSTS = "portal:hosts"  # set of host names that ever reported
DEAD_LETTERS = "portal:dead-letters"  # stream {from, reason}: what could not be decoded

EVENT_FIELD = b"e"
DEATH_FIELD = b"death"


def queue_key(queue: str) -> str:
    """Sorted set: generation id by virtual time, lowest first (DESIGN decision 4)."""
    return f"portal:queue:{queue}"


def virtual_time_key(queue: str) -> str:
    """String: the virtual time of the request taken last."""
    return f"portal:virtual:{queue}"


def spec_key(queue: str) -> str:
    """String: the ModelSpec of this queue."""
    return f"portal:spec:{queue}"


def request_key(generation_id: UUID) -> str:
    """String: the Request, until the recorder has confirmed the end."""
    return f"portal:request:{generation_id}"


def lease_key(generation_id: UUID) -> str:
    """String `attempt:runner`, expiring: who answers now."""
    return f"portal:lease:{generation_id}"


def stop_key(generation_id: UUID) -> str:
    """String: present when somebody pressed Stop; read at taking and at each renewal."""
    return f"portal:stop:{generation_id}"


def events_key(generation_id: UUID) -> str:
    """Stream of this generation. The id of an entry is `attempt-number`.

    Redis accepts only growing ids, so an attempt that was given up cannot write behind the one that
    replaced it: the portal closes attempt N with the id `(N+1)-0`, and a new attempt counts from
    `(N+1)-1`. That is the fence of threat F17.
    """
    return f"portal:events:{generation_id}"


def host_key(host: str) -> str:
    """String: HostState, expiring a few seconds after its supervisor fell silent."""
    return f"portal:host:{host}"


def listening_key(generation_id: UUID) -> str:
    """String, expiring: an API client is still reading. Gone means: stop (threat F13)."""
    return f"portal:listening:{generation_id}"


def event_id(attempt: int, number: int) -> str:
    return f"{attempt}-{number}"


def parse_event_id(entry_id: bytes | str) -> tuple[int, int]:
    """(attempt, number). The portal's closing entry of attempt N reads as (N + 1, 0)."""
    text = entry_id.decode("ascii") if isinstance(entry_id, bytes) else entry_id
    attempt, _, number = text.partition("-")
    return int(attempt), int(number)


def lease_value(attempt: int, runner: str) -> str:
    return f"{attempt}:{runner}"
