"""One new model file, loaded for the first time where nothing can be lost: `python -m
inference.trial MOUTH`.

Started by `trials.py` only, with no address of Redis and no secret in its environment. It loads,
computes a few tokens, writes one chat through the file's own template, says what it found and
ends. Not for judging: whoever started it does that, and expects it to die.
"""

import importlib
import logging
import sys
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from inference import confinement, protocol, walls
from inference.engine.backend import Backend, Chunk, Vocabulary
from inference.engine.pictures.reading import Picture
from inference.engine.pictures.seen import Eyes
from inference.engine.sampling import Greedy
from inference.words import Ear, Mouth

log = logging.getLogger(__name__)

CONTEXT_LENGTH = 256
TOKENS = 4
PROMPT = "The capital of France is"
# What cannot be compared is told of as less likely than anything that can.
_LEAST_LOGPROB = -1_000.0


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one line on our standard input."""

    supervisor_pid: int
    weights: str
    adapters: tuple[str, ...]
    task: protocol.Task
    template: str | None
    data_bytes: int
    address_bytes: int
    cpu_seconds: int
    threads: int
    projector: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        return (self.weights, *self.adapters, *((self.projector,) if self.projector else ()))


class _Said(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closed and bounded: what says it may be a hostile program by now."""


class Stage(_Said, frozen=True, tag="stage"):
    """How far it is. `progress` counts within the stage, 0 to 1."""

    name: Annotated[str, Meta(pattern="^(loading|computing|writing)\\Z")]
    progress: Annotated[float, Meta(ge=0, le=1)] = 0.0


class Found(_Said, frozen=True, tag="found"):
    """It survived."""

    facts: protocol.Facts
    walls: Annotated[tuple[protocol.Name, ...], Meta(max_length=8)]


class Refused(_Said, frozen=True, tag="refused"):
    """The loader answered no; the name of the error, never its text."""

    reason: Annotated[str, Meta(pattern="^[A-Za-z0-9_]{1,90}\\Z")]


Said = Stage | Found | Refused
_said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
_order = msgspec.json.Decoder(Order)


def decode(line: bytes) -> Said:
    """Raises `msgspec.MsgspecError` on anything else."""
    return _said.decode(line)


def main(arguments: list[str]) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(message)s")
    standing = walls.leave_network()
    mouth = Mouth(int(arguments[1]))
    order = _order.decode(Ear(sys.stdin.fileno()).line())
    confinement.die_with(order.supervisor_pid)
    # Our own modules, before the walls: the library opens what they forbid when it is imported.
    for module in ("inference.engine.llama", "inference.engine.templates.jinja"):
        importlib.import_module(module)
    confinement.limit_trial(
        data_bytes=order.data_bytes,
        address_bytes=order.address_bytes,
        cpu_seconds=order.cpu_seconds,
    )
    standing += walls.put_up(readable=_readable(*order.files))
    confinement.die_with(order.supervisor_pid)
    with _Telling(mouth):
        mouth.say(Found(facts=_try(order, mouth=mouth), walls=standing))
    return 0


class _Telling:
    """Whatever a model file can make a loader raise becomes one word, and is handled."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        log.error("%s", error)
        self._mouth.say(Refused(reason=kind.__name__[:90]))
        return True


def _readable(*files: str) -> list[Path]:
    """What Python and the system's libraries may still want to open, and the files themselves."""
    own = Path(__file__).resolve().parent
    python = {Path(sys.prefix), Path(sys.base_prefix)}
    system = {Path("/lib"), Path("/lib64"), Path("/usr/lib"), Path("/usr/share/zoneinfo")}
    processors = Path("/sys/devices/system")
    return [own, processors, *python, *system, *(Path(file).resolve() for file in files)]


def _try(order: Order, *, mouth: Mouth) -> protocol.Facts:
    from inference.engine import llama

    mouth.say(Stage(name="loading"))
    if order.task != "answer":
        return _try_pooling(order, task=order.task, mouth=mouth)
    backend = llama.load(
        Path(order.weights),
        context_length=CONTEXT_LENGTH,
        slots=1,
        gpu_layers=0,
        threads=order.threads,
        adapters=[Path(adapter) for adapter in order.adapters],
        projector=Path(order.projector) if order.projector else None,
        progress=_Progress(mouth),
    )
    mouth.say(Stage(name="computing"))
    _compute(backend)
    if backend.eyes is not None:
        _see(backend.eyes)
    mouth.say(Stage(name="writing"))
    template = order.template or backend.vocabulary.template
    facts = msgspec.structs.replace(backend.facts(), template=_write(template, backend.vocabulary))
    backend.close()
    return facts


def _try_pooling(order: Order, *, task: Literal["embed", "rerank"], mouth: Mouth) -> protocol.Facts:
    """A few vectors, or scores, together in one batch."""
    from inference.engine import llama

    pooler = llama.load_pooler(
        Path(order.weights),
        task=task,
        context_length=CONTEXT_LENGTH,
        gpu_layers=0,
        threads=order.threads,
        adapters=[Path(adapter) for adapter in order.adapters],
        progress=_Progress(mouth),
    )
    mouth.say(Stage(name="computing"))
    tokens = pooler.encode(PROMPT)[: TOKENS * TOKENS]
    pooler.pool([pooler.framed(tokens), pooler.paired(tokens, tokens), pooler.framed([])])
    facts = pooler.facts()
    pooler.close()
    return facts


class _Progress:
    """Says how far the weights are, a hundred times at most."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth
        self._said = 0.0

    def __call__(self, fraction: float) -> None:
        if fraction - self._said >= 0.01:
            self._said = fraction
            self._mouth.say(Stage(name="loading", progress=min(1.0, max(0.0, fraction))))


class NotANumber(Exception):
    """What the model computes cannot be compared, so that any answer of it is chance."""


def _compute(backend: Backend) -> None:
    """A few tokens, one after the other, as an answer is made."""
    tokens = list(backend.vocabulary.encode(PROMPT))[: CONTEXT_LENGTH - TOKENS] or [0]
    sampler = backend.new_sampler((Greedy(),), history=(), logprobs=0)
    start = 0
    for _ in range(TOKENS):
        chunk = Chunk(sequence=UUID(int=0), slot=0, start=start, tokens=tokens, sampler=sampler)
        (chosen,) = backend.decode([chunk])
        if chosen.logprobs is None or chosen.logprobs.logprob < _LEAST_LOGPROB:
            raise NotANumber
        backend.vocabulary.piece(chosen.token)
        start, tokens = chosen.position, [chosen.token]
    sampler.close()


def _see(eyes: Eyes) -> None:
    """A grey picture, as far as its embeddings."""
    side = 64
    pixels = b"\x80" * (3 * side * side)
    seen = eyes.look(Picture(width=side, height=side, pixels=pixels, digest=b""))
    for _, span in seen.spans():
        span.encode()
    seen.close()


def _write(template: str | None, vocabulary: Vocabulary) -> Literal["absent", "sound", "refused"]:
    """One chat through the template. One that refuses it is replaced by ours later."""
    if template is None:
        return "absent"
    from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

    try:
        ChatTemplate(template).render(
            [{"role": "user", "content": PROMPT}],
            bos_text=vocabulary.bos_text,
            eos_text=vocabulary.eos_text,
            now=0.0,
        )
    except TemplateRefused:
        return "refused"
    return "sound"


if __name__ == "__main__":
    sys.exit(main(sys.argv))
