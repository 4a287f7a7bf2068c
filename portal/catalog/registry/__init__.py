"""Other people's registries: models come from them and go to them. Not for jobs or rights.

Everything here blocks, and calls `told` and `wanted` in the thread of its caller; callers are
Celery tasks and commands, never a door.
"""

from portal.catalog.registry.errors import (
    BadAnswer,
    Cancelled,
    Denied,
    Failed,
    InUse,
    NotAllowed,
    NotFound,
    RegistryError,
    Stalled,
    TooMany,
    Unreachable,
    WrongBytes,
    sentence_of,
)
from portal.catalog.registry.registry import Fetched, Registry
from portal.catalog.registry.rules import Patience, Rules

__all__ = [
    "BadAnswer",
    "Cancelled",
    "Denied",
    "Failed",
    "Fetched",
    "InUse",
    "NotAllowed",
    "NotFound",
    "Patience",
    "Registry",
    "RegistryError",
    "Rules",
    "Stalled",
    "TooMany",
    "Unreachable",
    "WrongBytes",
    "sentence_of",
]
