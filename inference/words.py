"""What a runner and its supervisor tell each other: JSON lines over pipes, never Redis.

The kernel keeps what was written before a death, so these are also a runner's last words: which
requests it held, and which of them were in the batch that killed it. Ids and numbers only.
"""

import os
import select
import threading
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from inference import protocol


class Launch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one line on a runner's standard input that says what it is to be.

    `context_length` may be less than the spec wants where memory is short; it is for each of the
    `slots`. The input stays open after it: `DRAIN` asks for an orderly end, its closing means that
    the supervisor is gone.
    """

    runner: str
    supervisor_pid: int
    model_name: str
    spec: protocol.ModelSpec
    slots: protocol.Count
    context_length: protocol.Count
    gpu_layers: protocol.Count
    park_bytes: protocol.Count


DRAIN = b"drain\n"
MAX_HELD = 4_096  # LLAMA_MAX_SEQ is 256, and a runner holds eight times its slots


class _Word(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closed, immutable, and bounded: a runner may be a hostile program by now."""


class Loading(_Word, frozen=True, tag="loading"):
    """How far the weights are, 0 to 1."""

    progress: Annotated[float, Meta(ge=0, le=1)]


class Ready(_Word, frozen=True, tag="ready"):
    """The model answers from now on. Sizes in bytes."""

    slots: protocol.Count
    context_length: protocol.Count
    size_bytes: protocol.Count
    vram_bytes: protocol.Count


class Failed(_Word, frozen=True, tag="failed"):
    """The model could not be loaded; the name of the error, never its text."""

    reason: Annotated[str, Meta(pattern="^[A-Za-z0-9_]{1,100}\\Z")]


class Beat(_Word, frozen=True, tag="beat"):
    """The main loop goes round. `steps` counts batches."""

    steps: protocol.Count
    running: protocol.Count


class Took(_Word, frozen=True, tag="took"):
    """Said before the lease is asked for, so that no death can leave a lease unreported."""

    generation_id: UUID
    attempt: protocol.Number
    model_name: protocol.Name


class Let(_Word, frozen=True, tag="let"):
    """This attempt is no longer held: ended, handed back or lost."""

    generation_id: UUID
    attempt: protocol.Number


class Batch(_Word, frozen=True, tag="batch"):
    """Exactly these are in the batch that runs next."""

    generation_ids: Annotated[tuple[UUID, ...], Meta(max_length=MAX_HELD)]


Word = Loading | Ready | Failed | Beat | Took | Let | Batch

_decoder: msgspec.json.Decoder[Word] = msgspec.json.Decoder(Word)
_launch_decoder: msgspec.json.Decoder[Launch] = msgspec.json.Decoder(Launch)


def decode_launch(line: bytes) -> Launch:
    return _launch_decoder.decode(line)


def decode(line: bytes) -> Word:
    """Raises `msgspec.MsgspecError` on anything else: by now the runner may be hostile."""
    return _decoder.decode(line)


class Ear:
    """The runner's end for orders. Not `sys.stdin`: its lock would abort us at the exit."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def line(self) -> bytes:
        """The next line with its end, or nothing when the other side is gone."""
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            data = os.read(self._descriptor, 65_536)
            if not data:
                return b""
            parts.append(data)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line + b"\n"


class Mouth:
    """The runner's end. Several threads speak; a line is never torn."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def say(self, word: Struct) -> None:
        """Write one word. Waits while the supervisor does not read: death reports need it."""
        line = msgspec.json.encode(word) + b"\n"
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]

    def murmur(self, word: Word) -> None:
        """Write a word that nobody misses, if there is room at once."""
        if select.select([], [self._descriptor], [], 0)[1]:
            self.say(word)
