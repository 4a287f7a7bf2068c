"""What an administrator decides about memory: models that stay loaded, and one to let go now.

Not for how a worker keeps to it.
"""

from typing import Annotated, Literal

from msgspec import Meta

from inference.protocol.plain import VERSION, Name, Plain
from inference.protocol.requests import ModelSpec

MAX_PINNED = 1_000


class Pinned(Plain, frozen=True, kw_only=True):
    """A model that stays loaded while there is room. The name is for show."""

    spec: ModelSpec
    model_name: Name


class Pins(Plain, frozen=True, kw_only=True):
    """All of them; what is not in the list is pinned no longer."""

    version: Literal[1] = VERSION
    pinned: Annotated[tuple[Pinned, ...], Meta(max_length=MAX_PINNED)] = ()


# ── Names in Redis ──────────────────────────────────────────────────────────────────────────────

PINNED = "portal:pinned"  # string: Pins; written anew by the portal's beat
UNLOAD = "portal:unload"  # stream {queue}: let this model go now; trimmed, old ones are not obeyed
