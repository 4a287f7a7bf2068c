"""Health and metrics (threats J9, G7)."""

import asyncio
from collections.abc import Iterator

import pytest
from django.test import Client

from inference import protocol
from portal.accounts import keys
from portal.accounts.models import KeyScope, Person
from portal.ops import health
from portal.streams.connection import client
from portal.streams.news import BEAT

HOST = protocol.HostState(host="worker-1", seen_at=1.0)


@pytest.fixture(autouse=True)
def nobody_has_reported() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    client().delete(BEAT, protocol.HOSTS, protocol.host_key("worker-1"))


def recorder_reports() -> None:
    client().set(BEAT, "1", ex=5)


def worker_reports() -> None:
    client().sadd(protocol.HOSTS, "worker-1")
    client().set(protocol.host_key("worker-1"), protocol.encode(HOST), ex=5)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def metrics_key(transactional_db: None) -> str:
    chief = Person.objects.create_superuser("chief@example.com", None)
    return keys.make_key(chief, name="prometheus", scopes=[KeyScope.METRICS])[1]


def test_all_is_well_once_every_part_has_reported() -> None:
    recorder_reports()
    worker_reports()

    response = Client().get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_the_missing_part_is_named() -> None:
    silent = Client().get("/healthz")
    recorder_reports()
    without_worker = Client().get("/healthz")

    assert silent.status_code == without_worker.status_code == 503
    assert silent.json() == {"status": "unavailable", "reason": "recorder"}
    assert without_worker.json() == {"status": "unavailable", "reason": "worker"}


def test_a_host_that_reported_long_ago_is_no_worker() -> None:
    recorder_reports()
    client().sadd(protocol.HOSTS, "worker-1")

    assert Client().get("/healthz").json()["reason"] == "worker"


@pytest.mark.threat("G7")
@pytest.mark.parametrize("trouble", [ConnectionRefusedError, TimeoutError])
def test_a_queue_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, trouble: type[Exception]
) -> None:
    async def fails() -> None:
        raise trouble

    monkeypatch.setattr(health, "_look", fails)

    assert Client().get("/healthz").json() == {"status": "unavailable", "reason": "queue"}


@pytest.mark.threat("G7")
def test_a_queue_that_hangs_is_waited_for_no_longer_than_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_look", asyncio.Event().wait)
    monkeypatch.setattr(health, "LOOK_SECONDS", 0.0)

    assert Client().get("/healthz").json()["reason"] == "queue"


@pytest.mark.threat("J9")
def test_detail_is_for_the_holder_of_a_key(metrics_key: str) -> None:
    told = Client().get("/healthz", headers=bearer(metrics_key))

    assert "recorder" in told.json()["detail"]
    assert "detail" not in Client().get("/healthz", headers=bearer("pk_" + "x" * 43)).json()


@pytest.mark.threat("J9")
def test_metrics_are_for_the_holder_of_a_key(metrics_key: str) -> None:
    worker_reports()
    recorder_reports()

    response = Client().get("/metrics", headers=bearer(metrics_key))

    page = response.content.decode()
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'portal_healthy{reason=""} 1.0' in page
    assert 'portal_generations_open{state="queued"} 0.0' in page
    assert "portal_worker_hosts 1.0" in page


@pytest.mark.threat("J9")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("carrier", [{}, {"Authorization": "Basic x"}, bearer("pk_x"), bearer("")])
def test_metrics_are_for_nobody_else(carrier: dict[str, str]) -> None:
    assert Client().get("/metrics", headers=carrier).status_code == 401


@pytest.mark.threat("A15")
def test_a_session_opens_no_metrics(metrics_key: str) -> None:
    browser = Client()
    browser.force_login(Person.objects.get())

    assert browser.get("/metrics").status_code == 401


@pytest.mark.threat("B15")
def test_a_key_for_chatting_opens_no_metrics(metrics_key: str) -> None:
    _, secret = keys.make_key(Person.objects.get(), name="chat", scopes=[KeyScope.CHAT])

    assert Client().get("/metrics", headers=bearer(secret)).status_code == 403


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_here(path: str) -> None:
    assert Client().post(path).status_code == 405


@pytest.mark.threat("F3")
def test_a_lost_card_is_red_until_any_host_can_work() -> None:
    recorder_reports()
    lost = protocol.HostState(host="worker-1", seen_at=1.0, trouble="device-lost")
    client().sadd(protocol.HOSTS, "worker-1")
    client().set(protocol.host_key("worker-1"), protocol.encode(lost), ex=5)

    red = Client().get("/healthz")
    worker_reports()

    assert (red.status_code, red.json()["reason"]) == (503, "gpu")
    assert Client().get("/healthz").status_code == 200
