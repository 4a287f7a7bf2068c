"""One living portal and one registry for all published clients, and programs for Node."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients import node
from tests.clients.living import Living, living_portal
from tests.doubles.real_registry import real_registry

Seen = dict[str, Any]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def living(registry: str) -> Iterator[Living]:
    with living_portal(registry) as living:
        yield living


@pytest.fixture(scope="session")
def observed(living: Living) -> Callable[..., Seen]:
    """Runs a program of tests/clients/node, and gives what it saw, step by step."""

    def observed(program: str, **more: str) -> Seen:
        told = {
            "PORTAL_ADDRESS": living.address,
            "PORTAL_KEY": living.keys["alice"],
            "PORTAL_ADDRESS_WITH_KEY": living.in_path,
            "PORTAL_MANAGER_KEY": living.keys["carol"],
            "PORTAL_REGISTRY": living.registry,
            **more,
        }
        seen: Seen = json.loads(node.run(program, told))
        return seen

    return observed
