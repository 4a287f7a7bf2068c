"""How a client of the newer dialects reads a stream: a name and an object each. Not a test."""

import json
from typing import Any

Event = tuple[str, dict[str, Any]]


def read(body: str) -> list[Event]:
    """Every event in order; comments are passed over as readers do."""
    assert body.isascii()
    *blocks, nothing = body.split("\n\n")
    assert nothing == ""
    return [_event(block) for block in blocks if not block.startswith(":")]


def _event(block: str) -> Event:
    name, data = block.split("\n")
    assert name.startswith("event: ")
    assert data.startswith("data: ")
    told = json.loads(data.removeprefix("data: "))
    assert told["type"] == name.removeprefix("event: ")
    return told["type"], told
