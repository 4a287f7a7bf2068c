"""The store of each test, and somebody who listens while a model is made."""

from typing import Any

import pytest

from portal.catalog.making import creating
from portal.catalog.making.order import Order
from portal.catalog.models import Model
from portal.catalog.names import ModelName
from tests.catalog.conftest import store, store_root

__all__ = ["store", "store_root"]


class Listener:
    """Hears what is said, and may change her mind."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, int, int]] = []
        self.fetched: list[str] = []
        self.is_tired_of = ""

    def tell(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None:
        self.said.append((status, digest, total, completed))

    def raise_if_unwanted(self) -> None:
        if self.is_tired_of and any(self.is_tired_of in status for status, *_ in self.said):
            raise InterruptedError

    def make(self, **wants: Any) -> Model:
        return creating.create_model(None, Order(**wants), work=self, fetch=self._fetch)

    def _fetch(self, name: ModelName) -> None:
        self.fetched.append(name.short)


@pytest.fixture
def listener(store_root: object, db: None) -> Listener:
    return Listener()
