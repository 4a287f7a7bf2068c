"""A living portal for published clients: every part of it runs, and its models follow a script.

Not for tests of the parts themselves, nor for pages: tests/browser has those.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from portal import configuration
from portal.ops.parts import ROOT
from tests.browser.house import House, until
from tests.clients import script

FURNISH = ROOT / "tests" / "clients" / "furnish.py"
FOREIGN_PAGE = "https://web.chatboxai.app"
# So few, that a crowd can fill the queue; but answers that are over count until they are noted.
SLOTS, WAITING = 2, 16


@dataclass(frozen=True)
class Living:
    """The portal, and whom it knows."""

    house: House
    registry: str
    keys: dict[str, str]

    @property
    def address(self) -> str:
        return self.house.address

    @property
    def in_path(self) -> str:
        """Alice's address for clients that have no field for a key."""
        return f"{self.address}/u/{self.keys['alice_in_path']}"

    def headers(self, name: str = "alice") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[name]}"}

    def under_way(self) -> int:
        """How many answers are being written, or wait for it."""
        with closing(sqlite3.connect(self.house.home / "portal.sqlite3", timeout=60)) as database:
            (count,) = database.execute(
                "SELECT count(*) FROM chat_generation WHERE ended_at IS NULL"
            ).fetchone()
        return int(count)

    def is_at_rest(self) -> None:
        """Waits until nobody's answer is under way: who went away left nothing behind."""
        until(lambda: self.under_way() == 0, what="an answer goes on that nobody reads", seconds=60)


@contextmanager
def living_portal(registry: str) -> Iterator[Living]:
    house = House.build(script.RULES)
    house.name = "clients"
    house.environment |= {
        "PORTAL_REGISTRIES": registry,
        "OLLAMA_ORIGINS": FOREIGN_PAGE,
        "OLLAMA_NUM_PARALLEL": str(SLOTS),
        "OLLAMA_MAX_QUEUE": str(WAITING),
    }
    house.configuration = configuration.read(house.environment)
    try:
        house.open(people=FURNISH)
        house.start("jobs")
        keys = json.loads(Path(house.home / "keys.json").read_text())
        living = Living(house, registry, keys)
        until(lambda: script.PLAIN in _names(living), what="the imported model has been tried")
        yield living
    finally:
        if "jobs" in house.running:
            house.kill("jobs")
        house.close()


def _names(living: Living) -> list[str]:
    listed = httpx.get(f"{living.address}/api/tags", headers=living.headers(), timeout=60)
    return [model["name"] for model in listed.json().get("models", [])]
