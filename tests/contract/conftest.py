"""The living portal of a module, for tests that run in that module's loop.

Marked `django_db`, so that there is a database; what is in it is the living portal's own affair.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.contract.living import House, living

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker


@pytest.fixture
def _django_db_helper() -> None:
    """Instead of pytest-django's, which would empty the database behind each test of a module."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def living_house(
    django_db_setup: None,
    django_db_blocker: "DjangoDbBlocker",
    valkey: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    async with living(django_db_blocker, tmp_path_factory.mktemp("models")) as house:
        yield house


@pytest.fixture
def house(living_house: House) -> House:
    """As if nobody had asked anything yet."""
    living_house.says()
    return living_house
