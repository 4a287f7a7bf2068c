"""What every part of the contract is made of: closed structs and bounded kinds. Not for meaning."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

VERSION: Final = 1

Text = Annotated[str, Meta(max_length=4_000_000)]
ShortText = Annotated[str, Meta(max_length=4_000)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
# A word that no template could take for one of its own marks.
ROLE_PATTERN: Final = "^[a-z][a-z0-9_-]{0,63}\\Z"
Role = Annotated[str, Meta(pattern=ROLE_PATTERN)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[int, Meta(ge=1, le=2**53)]
Lane = Literal["person", "api", "background"]
Task = Literal["answer", "embed", "rerank"]
ThinkLevel = Literal["low", "medium", "high", "max"]
MAX_IMAGES = 32
# Documents in one message: those of several questions, where the answers between them failed.
MAX_EXCERPTS = 256
MAX_INPUTS = 2_048
# Tokens that may travel in one piece, of a prompt or of what came of it.
MAX_CONTEXT = 1_048_576
Tokens = Annotated[tuple[Annotated[int, Meta(ge=0, le=2**31)], ...], Meta(max_length=MAX_CONTEXT)]
MAX_TOP_LOGPROBS = 20
MAX_IMAGE_BYTES = 20 * 1024 * 1024
Image = Annotated[bytes, Meta(min_length=1, max_length=MAX_IMAGE_BYTES)]

LANES: tuple[Lane, ...] = ("person", "api", "background")


class ProtocolError(ValueError):
    """The bytes are not what this version of the contract allows. Never carries their content."""


class Plain(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Closed, immutable, checked when decoded. What is not used is not written."""


def encode(thing: Struct) -> bytes:
    return msgspec.json.encode(thing)
