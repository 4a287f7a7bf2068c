"""What only a real server and a real socket show: framing, first bytes, leaving, dying."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from inference import protocol
from portal.api.streaming import PACE
from portal.catalog import queries
from portal.catalog.models import Model
from portal.chat.models import Generation
from portal.streams import connection
from tests.api.conftest import DONE, Caller, Worker, in_thread, said, until
from tests.api.old_reader import OldReader

HELLO = {"model": "smollm2:135m", "messages": [{"role": "user", "content": "Hello"}]}
CHAT, COMPLETIONS = "/api/chat", "/v1/chat/completions"
SECONDS = 60.0
SHORTLY = threading.Event()


@dataclass
class Server:
    """A server process of its own, on the database and the Valkey of this run."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    wires: list["Wire"] = field(default_factory=list)

    async def sends(
        self, caller: Caller, path: str, body: dict[str, Any], *, room_bytes: int | None = None
    ) -> "Wire":
        """`room_bytes`: how little the kernel keeps of an answer that is not read yet."""
        content = json.dumps(body).encode()
        line = socket.socket()
        if room_bytes is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=line)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {caller.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        self.wires.append(Wire(reader, writer))
        return self.wires[-1]

    async def is_left(self, earlier: int = 0) -> None:
        """By everybody; what it has said since then is shown when the test failed."""
        for wire in self.wires:
            await wire.leave()
        self.wires.clear()
        sys.stdout.write(self.log.read_text()[earlier:])


@dataclass
class Wire:
    """One connection, read as bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> str:
        async with asyncio.timeout(SECONDS):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()

    async def chunk(self) -> bytes:
        """One chunk of the transfer; empty for the last."""
        async with asyncio.timeout(SECONDS):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            return (await self.reader.readexactly(size + 2))[:-2]

    async def body(self) -> bytes:
        """All of it, up to the closing chunk."""
        parts = [await self.chunk()]
        while parts[-1]:
            parts.append(await self.chunk())
        return b"".join(parts)

    async def leave(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@pytest.fixture(scope="module")
def lasting(
    django_db_setup: None, valkey: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One server for all tests that let it live; what it is asked about is new in each."""
    with _serving(tmp_path_factory.mktemp("server") / "server.log") as started:
        yield started


@pytest.fixture
async def server(lasting: Server, model: Model) -> AsyncIterator[Server]:
    """Nobody is connected to it any more when the test is over."""
    earlier = len(lasting.log.read_text())
    yield lasting
    await lasting.is_left(earlier)


@pytest.fixture
async def mortal(model: Model, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that this test may end."""
    with _serving(tmp_path / "server.log") as started:
        yield started
        await started.is_left()


@contextmanager
def _serving(log: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _started(port, log)
    try:
        _until_it_listens(port, process)
        yield Server(process, port, log)
    finally:
        process.kill()
        process.wait()


def _started(port: int, log: Path) -> subprocess.Popen[bytes]:
    daphne = (sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port))
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own server, fixed arguments
            [*daphne, "portal.asgi:application"],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "portal.settings.test",
                "PORTAL_TEST_BESIDE": "yes",
                "DATABASE_URL": _database_url(),
                "REDIS_URL": django_settings.PORTAL.redis_url,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _database_url() -> str:
    database = django_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        return f"sqlite:///{database['NAME']}"
    return (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}"
        f":{database['PORT']}/{database['NAME']}"
    )


def _until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 2 * SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        assert process.poll() is None, "the server ended at once"
        SHORTLY.wait(0.05)
    raise AssertionError("the server did not listen")


async def test_lines_are_framed_one_a_chunk_and_end_properly(
    alice: Caller, worker: Worker, server: Server
) -> None:
    worker.will(*said("Grüße", " 👋"), DONE)
    wire = await server.sends(alice, CHAT, HELLO)

    head, body = await wire.head(), await wire.body()

    assert head.startswith("http/1.1 200")
    assert "content-type: application/x-ndjson\r\n" in head
    assert "transfer-encoding: chunked\r\n" in head
    assert "set-cookie" not in head
    reader = OldReader()
    for byte in body:
        reader.feed(bytes([byte]))
    assert (reader.finish(), reader.is_finished) == ("Grüße 👋", True)
    assert body.endswith(b"\n")


async def test_who_reads_late_gets_every_piece_once_and_in_order(
    alice: Caller, worker: Worker, server: Server
) -> None:
    """More than the kernel keeps: what finds no room waits, and nothing overtakes it."""
    texts = [f"{number:07d} " * 2_000 for number in range(500)]
    worker.will(*said(*texts), DONE)

    wire = await server.sends(alice, CHAT, HELLO, room_bytes=4_096)
    await until(lambda: in_thread(_is_all_said)(worker))
    await wire.head()
    lines = [json.loads(line) for line in (await wire.body()).splitlines()]

    assert "".join(line["message"]["content"] for line in lines) == "".join(texts)
    assert [line["done"] for line in lines].count(True) == 1


def _is_all_said(worker: Worker) -> bool:
    """Whether the runner has spoken its last word of what it took last."""
    if not worker.taken:
        return False
    newest = connection.client().xrevrange(
        protocol.events_key(worker.taken[-1].generation_id), count=1
    )
    if not newest:
        return False
    return isinstance(protocol.decode_event(newest[0][1][protocol.EVENT_FIELD]), protocol.End)


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_headers_come_while_the_request_waits(
    alice: Caller, worker: Worker, server: Server, path: str
) -> None:
    worker.is_taking = False
    wire = await server.sends(alice, path, {**HELLO, "stream": True})

    assert (await wire.head()).startswith("http/1.1 200")
    if path == COMPLETIONS:
        assert (await wire.chunk()).startswith(b": ")
    assert worker.taken == []
    assert PACE.opening_seconds < 1.0


# Every door behind which somebody computes, with the least that it wants to hear.
DOORS: dict[str, dict[str, Any]] = {
    CHAT: HELLO,
    COMPLETIONS: HELLO,
    "/api/generate": {"model": "smollm2:135m", "prompt": "Hello"},
    "/v1/completions": {"model": "smollm2:135m", "prompt": "Hello"},
    "/v1/responses": {"model": "smollm2:135m", "input": "Hello"},
    "/v1/messages": {**HELLO, "max_tokens": 16},
}


@pytest.mark.threat("F13")
@pytest.mark.parametrize("is_taken", [True, False])
async def test_a_client_that_goes_away_frees_its_slot_at_once_whatever_door_it_came_by(
    alice: Caller, worker: Worker, server: Server, is_taken: bool
) -> None:
    worker.is_taking = is_taken
    worker.will(*said("Par"), asyncio.Event(), DONE)
    seen: set[Any] = set()
    for path, is_streaming in itertools.product(DOORS, (True, False)):
        wire = await server.sends(alice, path, {**DOORS[path], "stream": is_streaming})
        generation_id = await _id_of_the_next_generation(seen, worker if is_taken else None)
        if is_streaming:
            await wire.head()

        await wire.leave()

        # No reaper runs here that could do it later: it is the server that noticed.
        await until(partial(connection.async_client().exists, protocol.stop_key(generation_id)))
        if is_taken:
            await until(partial(worker.stopped.__contains__, generation_id))


@pytest.mark.threat("F13")
@pytest.mark.parametrize("path", [CHAT, "/api/generate"])
async def test_a_client_that_goes_away_waits_for_no_model_any_more(
    alice: Caller, model: Model, server: Server, path: str
) -> None:
    queue = (await in_thread(queries.spec_of)(model, "answer")).queue
    key = protocol.awaited_key(queue)
    redis = connection.async_client()
    wire = await server.sends(alice, path, {"model": "smollm2:135m"})
    await until(partial(redis.exists, key))

    await wire.leave()

    await until(lambda: _is_gone(key))


async def _is_gone(key: str) -> bool:
    return not await connection.async_client().exists(key)


@pytest.mark.threat("C20")
@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_dies_in_mid_answer_leaves_the_transfer_open(
    alice: Caller, worker: Worker, mortal: Server, how: signal.Signals
) -> None:
    worker.will(*said("Par"), asyncio.Event(), DONE)
    wires = [await mortal.sends(alice, path, {**DOORS[path], "stream": True}) for path in DOORS]
    for wire in wires:
        await wire.head()
        while b"Par" not in await wire.chunk():
            pass

    mortal.process.send_signal(how)

    for wire in wires:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await wire.body()


@pytest.mark.threat("A16")
async def test_a_key_in_an_address_is_in_no_line_of_the_servers_output(
    alice: Caller, worker: Worker, mortal: Server
) -> None:
    for path in ("/api/chat", "/api/tags", "/nothing", "/v1/chat/completions"):
        wire = await mortal.sends(alice, f"/u/{alice.key}{path}", {**HELLO, "stream": False})
        await wire.head()
        await wire.leave()
    mortal.process.terminate()
    mortal.process.wait()

    assert alice.key not in mortal.log.read_text()


async def test_without_streaming_the_length_is_known(
    alice: Caller, worker: Worker, server: Server
) -> None:
    wire = await server.sends(alice, CHAT, {**HELLO, "stream": False})

    head = await wire.head()
    length = re.search(r"content-length: (\d+)\r\n", head)

    assert length is not None
    body = await wire.reader.readexactly(int(length.group(1)))
    assert json.loads(body)["message"]["content"] == "Hello there"
    await wire.leave()


@pytest.mark.threat("C4")
async def test_a_header_that_would_become_two_after_the_upgrade_is_refused(server: Server) -> None:
    """Beneath WebSockets another parser reads on, for which these bytes end a line."""
    for byte in (0x20, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        server.wires.append(Wire(reader, writer))
        origin = f"http://127.0.0.1:{server.port}"
        writer.write(
            f"GET /ws/chat/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {origin}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Harmless: a".encode()
            + bytes([byte])
            + b"X-Forwarded-For: 127.0.0.1\r\n\r\n"
        )

        is_refused = (await server.wires[-1].head()).startswith("http/1.1 400")
        assert is_refused == (byte != 0x20), hex(byte)


async def _id_of_the_next_generation(seen: set[Any], worker: Worker | None) -> Any:
    """The one that was not seen before: when the worker has it, or when it is stored."""
    found: list[Any] = []

    async def is_found() -> bool:
        known = [request.generation_id for request in worker.taken] if worker else await _stored()
        found[:] = [each for each in known if each not in seen]
        return bool(found)

    await until(is_found)
    seen.update(found)
    return found[0]


async def _stored() -> list[Any]:
    ids = in_thread(lambda: list(Generation.objects.values_list("id", flat=True)))
    stored: list[Any] = await ids()
    return stored
