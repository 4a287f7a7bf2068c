"""A company's network between browser and portal: an HTTP proxy that lets through what a test says.

A browser asks a proxy for a tunnel before it opens a WebSocket, and only then. Not for errors of
the portal itself: everything else passes as it is, and as it comes.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

Sockets = Literal["pass", "refuse", "swallow", "cut"]
CHUNK_BYTES = 64 * 1024
START_SECONDS = 60.0


class Network:
    """`sockets` and `is_down` may be changed at any time; `cut` ends all that is on its way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sockets: Sockets = "pass"
        self.is_down = False
        # Verb and path of what has been asked, in its order; a tunnel is a CONNECT.
        self.asked: list[str] = []
        self.open_tunnels = 0
        self.open_lines = 0
        self.address = ""
        self._loop = loop
        self._ways: set[asyncio.StreamWriter] = set()

    def count(self, request: str) -> int:
        return self.asked.count(request)

    def cut(self) -> None:
        """Every connection ends in the middle of whatever it was about."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        for way in list(self._ways):
            way.transport.abort()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ways.add(writer)
        try:
            if not self.is_down:
                await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Cancelled at the end of it all: raised further, asyncio would log it.
            return
        finally:
            self._ways.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        verb, target, _ = head.split(" ", 2)
        if verb == "CONNECT":
            self.asked.append(verb)
            await self._tunnel(target, reader, writer)
            return
        address = urlsplit(target)
        self.asked.append(f"{verb} {address.path}")
        far_reader, far_writer = await self._reach(address.hostname or "", address.port or 80)
        far_writer.write(_as_for_the_server(head, address.netloc).encode("latin-1"))
        is_line = address.path == "/page/line/"
        self.open_lines += is_line
        try:
            await _both_ways((reader, far_writer), (far_reader, writer))
        finally:
            self.open_lines -= is_line
            far_writer.close()
            self._ways.discard(far_writer)

    async def _tunnel(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.sockets == "refuse":
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        if self.sockets == "swallow":
            await reader.read()
            return
        host, _, port = target.rpartition(":")
        far_reader, far_writer = await self._reach(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.open_tunnels += 1
        try:
            if self.sockets == "cut":
                # The handshake comes through; it dies with the first thing that is said.
                far_writer.write(await reader.readuntil(b"\r\n\r\n"))
                writer.write(await far_reader.readuntil(b"\r\n\r\n"))
                await reader.read(CHUNK_BYTES)
                writer.transport.abort()
            else:
                await _both_ways((reader, far_writer), (far_reader, writer))
        finally:
            self.open_tunnels -= 1
            far_writer.close()
            self._ways.discard(far_writer)

    async def _reach(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        self._ways.add(far_writer)
        return far_reader, far_writer


def _as_for_the_server(head: str, netloc: str) -> str:
    """What was said to the proxy, as the server hears it: one request, then the connection ends."""
    first, *fields = head.rstrip("\r\n").split("\r\n")
    first = first.replace(f"http://{netloc}", "", 1)
    own = ("proxy-", "connection:")
    kept = [field for field in fields if not field.lower().startswith(own)]
    return "\r\n".join([first, *kept, "Connection: close", "", ""])


async def _both_ways(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Until either side has nothing more to say."""
    tasks = [asyncio.create_task(_copy(*way)) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()


@contextmanager
def a_network() -> Iterator[Network]:
    """In a thread of its own; gone with the block, and all its connections."""
    loop = asyncio.new_event_loop()
    network = Network(loop)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        return await asyncio.start_server(network.take, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(START_SECONDS)
    network.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield network
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, network), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()


async def _end(server: asyncio.Server, network: Network) -> None:
    server.close()
    network._abort()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
