"""What the portal and the quantiser it starts tell each other: JSON lines over pipes, not Redis.

    python -m inference.quantising     one QuantiseOrder on its standard input,
                                       one Quantising a tensor on its output, then Quantised

Not for how it is done: that is the worker's library, in a process of its own.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from inference.protocol.plain import Count, Plain, ProtocolError

Quantisation = Literal["F32", "F16", "BF16", "Q8_0", "Q4_K_S", "Q4_K_M"]


class QuantiseOrder(Plain, frozen=True, kw_only=True):
    """Both are paths of the store. `target` does not exist yet; what it becomes is checked by
    whoever asked. It may grow to `file_bytes`, and the process to `data_bytes`."""

    parent_pid: Count
    source: str
    target: str
    quantisation: Quantisation
    threads: Count
    file_bytes: Count
    data_bytes: Count
    cpu_seconds: Count


class Quantising(Plain, frozen=True, kw_only=True, tag="quantising"):
    """This tensor is begun; the ones before it are written."""

    tensor: Annotated[str, Meta(max_length=200)]


class Quantised(Plain, frozen=True, kw_only=True, tag="quantised"):
    """It is written. `walls` names what stood around the process."""

    walls: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=8)] = ()


class NotQuantised(Plain, frozen=True, kw_only=True, tag="failed"):
    """The library answered no; its own last words."""

    reason: Annotated[str, Meta(max_length=500)]


SaidByQuantiser = Quantising | Quantised | NotQuantised

_order = msgspec.json.Decoder(QuantiseOrder)
_said: msgspec.json.Decoder[SaidByQuantiser] = msgspec.json.Decoder(SaidByQuantiser)


def decode_quantise_order(line: bytes) -> QuantiseOrder:
    """Raises `ProtocolError`."""
    try:
        return _order.decode(line)
    except msgspec.MsgspecError as error:
        raise ProtocolError(str(error)) from None


def decode_said_by_quantiser(line: bytes) -> SaidByQuantiser:
    """Raises `ProtocolError` on anything else: it reads strangers' files."""
    try:
        return _said.decode(line)
    except msgspec.MsgspecError as error:
        raise ProtocolError(str(error)) from None
