"""Pull and push as Ollama's clients know them: the lines, the texts, the end."""

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.db import connections

from portal.accounts.models import KeyScope, Person
from portal.api.ollama import transfers
from portal.catalog import jobs
from portal.catalog.jobs import following, pulling, pushing, queue
from portal.catalog.models import Job, JobState, Model
from portal.streams.jobs import Listener
from tests.api.conftest import Caller, in_thread, make_person, make_secret, until
from tests.doubles.shelf import PATIENCE_SECONDS, Shelf

ABSENT = "registry.ollama.ai/library/absent/latest"


@pytest.fixture
def store_root(tmp_path: Path, settings: Any) -> Path:
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    return root


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, store_root: Path) -> Iterator[Shelf]:
    """A registry in memory, and a worker for every job that is asked for."""
    shelf, threads = Shelf(), []

    def work(job_id: UUID) -> None:
        try:
            jobs.work(job_id)
        finally:
            connections.close_all()

    def send(job_id: UUID, *, again: bool = False) -> None:
        threads.append(threading.Thread(target=work, args=(job_id,)))
        threads[-1].start()

    for module in (pulling, pushing):
        monkeypatch.setattr(module, "Registry", shelf)
    monkeypatch.setattr(queue, "send", send)
    yield shelf
    shelf.gate.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
async def carol(http: httpx.AsyncClient, shelf: Shelf) -> Caller:
    """She looks after the models, and her key says so."""
    person = await in_thread(make_person)("carol@example.com", is_staff=True, is_superuser=True)
    secret = await in_thread(make_secret)(person, scopes=[KeyScope.MANAGE])
    return Caller(person, secret, http)


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.splitlines()]


async def test_a_pull_tells_ollamas_lines_in_ollamas_order(carol: Caller, shelf: Shelf) -> None:
    manifest = shelf.put("tiny:1")

    response = await carol.post("/api/pull", {"model": "tiny:1"})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/x-ndjson"
    first, *others = response.text.splitlines()
    assert first == '{"status":"pulling manifest"}'
    assert others[-3:] == [
        '{"status":"verifying sha256 digest"}',
        '{"status":"writing manifest"}',
        '{"status":"success"}',
    ]
    for layer in manifest.all_layers:
        told = [json.loads(line) for line in others if str(layer.digest) in line]
        assert {tuple(line) for line in told} <= {
            ("status", "digest", "total", "completed"),
            ("status", "digest", "total"),
        }
        assert told[-1] == {
            "status": f"pulling {layer.digest.hex[:12]}",
            "digest": f"sha256:{layer.digest.hex}",
            "total": layer.size_bytes,
            "completed": layer.size_bytes,
        }
    order = [line["digest"] for line in lines(response) if "digest" in line]
    assert list(dict.fromkeys(order)) == [str(layer.digest) for layer in manifest.all_layers]
    assert await in_thread(Model.objects.count)() == 1


async def test_without_a_stream_only_the_last_line_comes(carol: Caller, shelf: Shelf) -> None:
    shelf.put("tiny:1")

    response = await carol.post("/api/pull", {"name": "tiny:1", "stream": False})

    assert response.content == b'{"status":"success"}'
    assert response.headers["Content-Type"] == "application/json"


async def test_what_is_here_already_is_one_full_line_and_no_bytes(
    carol: Caller, shelf: Shelf
) -> None:
    manifest = shelf.put("tiny:1")
    await carol.post("/api/pull", {"model": "tiny:1"})
    served = shelf.served_bytes

    again = lines(await carol.post("/api/pull", {"model": "tiny:1"}))

    assert shelf.served_bytes == served
    assert [line["status"] for line in again] == [
        "pulling manifest",
        *(f"pulling {layer.digest.hex[:12]}" for layer in manifest.all_layers),
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]


@pytest.mark.parametrize("is_streaming", [True, False])
async def test_an_unknown_model_is_an_error_after_the_first_line(
    carol: Caller, shelf: Shelf, is_streaming: bool
) -> None:
    response = await carol.post("/api/pull", {"model": "absent", "stream": is_streaming})

    told = "pull model manifest: file does not exist"
    if is_streaming:
        assert response.status_code == 200
        assert lines(response) == [{"status": "pulling manifest"}, {"error": told}]
    else:
        assert (response.status_code, response.json()) == (500, {"error": told})


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("pull", b"", 400, "missing request body"),
        ("pull", b"{", 400, "unexpected EOF"),
        ("pull", b"null", 400, "invalid model name"),
        ("pull", b"{}", 400, "invalid model name"),
        ("pull", b'{"model":"-bad"}', 400, "invalid model name"),
        ("pull", b'{"model":"a:b:c/d"}', 400, "invalid model name"),
        (
            "pull",
            b'{"model":1}',
            400,
            "json: cannot unmarshal number into Go struct field PullRequest.model of type string",
        ),
        ("pull", b'{"model":"x:cloud"}', 403, None),
        ("push", b"", 400, "missing request body"),
        ("push", b"{}", 400, "model is required"),
        ("push", b'{"model":"-bad","stream":false}', 500, "unqualified name: -bad"),
        ("push", b'{"model":"-bad"}', 200, "unqualified name: -bad"),
        (
            "push",
            b'{"model":"absent","stream":false}',
            500,
            f"open manifests/{ABSENT}: no such file or directory",
        ),
    ],
)
async def test_what_is_wrong_is_told_in_their_words(
    carol: Caller, path: str, body: bytes, status: int, error: str | None
) -> None:
    response = await carol.http.post(f"/api/{path}", content=body, headers=carol.headers)

    assert response.status_code == status
    assert error is None or response.json() == {"error": error}


async def test_pushing_what_is_not_here_says_so_after_two_lines(carol: Caller) -> None:
    response = await carol.post("/api/push", {"model": "absent"})

    assert lines(response) == [
        {"status": "retrieving manifest"},
        {"status": "couldn't retrieve manifest"},
        {"error": f"open manifests/{ABSENT}: no such file or directory"},
    ]


async def test_a_pushed_model_can_be_pulled_again(carol: Caller, shelf: Shelf) -> None:
    manifest = shelf.put("tiny:1")
    await carol.post("/api/pull", {"model": "tiny:1"})
    kept = shelf.manifests.copy()
    shelf.manifests.clear()
    shelf.blobs.clear()

    told = lines(await carol.post("/api/push", {"model": "tiny:1"}))

    assert shelf.manifests == kept
    assert [line["status"] for line in told] == [
        "retrieving manifest",
        *(f"pushing {layer.digest.hex[:12]}" for layer in manifest.all_layers),
        "pushing manifest",
        "success",
    ]


@pytest.mark.threat("B15")
@pytest.mark.parametrize("path", ["/api/pull", "/api/push"])
async def test_an_ordinary_key_is_refused_before_the_body_is_read(
    carol: Caller, alice: Caller, path: str
) -> None:
    """And a key with the scope is worth no more than the rights of whoever holds it."""
    ordinary = await alice.http.post(path, content=b"not even JSON", headers=alice.headers)
    in_path = await alice.http.post(f"/u/{carol.key}{path}", json={"model": "tiny:1"})
    await in_thread(Person.objects.update)(is_superuser=False)
    without_rights = await carol.post(path, {"model": "tiny:1"})

    assert ordinary.status_code == 403
    assert in_path.status_code == 403
    assert without_rights.status_code == 403
    assert not await in_thread(Job.objects.exists)()


async def begun(person: Person, **more: Any) -> Job:
    job: Job = await in_thread(jobs.start)(
        person, "pull", name="tiny:1", wants={"insecure": False}, **more
    )
    return job


async def state_of(job: Job) -> str:
    await in_thread(job.refresh_from_db)()
    return job.state


async def test_the_last_client_to_leave_ends_the_pull_and_others_do_not(
    carol: Caller, shelf: Shelf
) -> None:
    shelf.put("tiny:1")
    shelf.gate.clear()
    job = await begun(carol.person, is_kept=False)
    first, second = (transfers._lines(job, opening="") for _ in range(2))
    for each in (first, second):
        async for line in each:
            if b"completed" in line:
                break

    await first.aclose()
    assert await state_of(job) == JobState.RUNNING

    await second.aclose()
    assert await state_of(job) == JobState.CANCELLED


@pytest.mark.threat("F13")
async def test_a_client_that_leaves_ends_the_pull_though_the_redis_client_swallows_it(
    carol: Caller, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "send", lambda job_id, *, again=False: None)
    job = await begun(carol.person, is_kept=False)
    is_asked = asyncio.Event()

    async def swallowing(_listener: Listener, *, block_seconds: float) -> list[jobs.Line]:
        if is_asked.is_set():
            await asyncio.Event().wait()
        is_asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return []

    monkeypatch.setattr(Listener, "next", swallowing)
    reading = asyncio.create_task(_read_to_the_end(transfers._lines(job, opening="")))
    await is_asked.wait()

    # Once, as the server does it when a connection is lost.
    reading.cancel()
    await asyncio.wait({reading}, timeout=PATIENCE_SECONDS)

    assert reading.cancelled()
    await until(lambda: state_is(job, JobState.CANCELLED))


async def _read_to_the_end(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [line async for line in stream]


async def test_a_pull_that_an_administrator_asked_for_goes_on_without_clients(
    carol: Caller, shelf: Shelf
) -> None:
    shelf.put("tiny:1")
    shelf.gate.clear()
    job = await begun(carol.person, is_kept=False)
    assert await begun(carol.person) == job
    stream = transfers._lines(job, opening="pulling manifest")
    await anext(stream)
    await until(lambda: state_is(job, JobState.RUNNING))

    await stream.aclose()
    shelf.gate.set()

    await until(lambda: state_is(job, JobState.DONE))


async def state_is(job: Job, state: JobState) -> bool:
    return await state_of(job) == state


@pytest.mark.threat("C20")
async def test_a_cancelled_pull_never_looks_finished(carol: Caller, shelf: Shelf) -> None:
    shelf.put("tiny:1")
    shelf.gate.clear()
    answer = asyncio.create_task(carol.post("/api/pull", {"model": "tiny:1"}))
    await until(shelf.is_at_gate.is_set)

    job = await in_thread(Job.objects.get)()
    await in_thread(jobs.cancel)(carol.person, job.id)

    assert lines(await answer)[-1] == {"error": "context canceled"}


async def test_a_pull_that_waits_for_a_worker_says_that_it_is_alive(
    carol: Caller, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would cut what is silent. Ollama's clients show the same status once."""
    monkeypatch.setattr(transfers, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(queue, "send", lambda job_id, *, again=False: None)
    job = await begun(carol.person, is_kept=False)
    stream = transfers._lines(job, opening="pulling manifest")

    told = [await anext(stream) for _ in range(3)]
    await stream.aclose()

    assert set(told) == {b'{"status":"pulling manifest"}\n'}
    assert await state_of(job) == JobState.CANCELLED
