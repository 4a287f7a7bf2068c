"""Connections: made to a checked address, never to a name; all of them can be cut at once.

Not for requests: `talk` sends those. With a proxy it is the proxy that resolves names, and only
registries inside listed networks are reached without it.
"""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from portal.catalog.registry import addresses
from portal.catalog.registry.addresses import Address, NoSuchHost, Resolve
from portal.catalog.registry.errors import NotAllowed
from portal.catalog.registry.hosts import Origin
from portal.catalog.registry.rules import Rules

# One call of Python for so much; what httpcore asks for at once (64 KiB) costs twice the time.
READ_BYTES = 256 * 1024


class Lines(httpx.BaseTransport):
    """The connections of one transfer, kept open between its requests."""

    def __init__(self, rules: Rules, *, resolve: Resolve, is_over: Callable[[], bool]) -> None:
        self._rules = rules
        self._resolve = resolve
        self._is_over = is_over
        self._cuts: set[socket.socket] = set()
        self._is_cut = False
        self._lock = threading.Lock()
        # Resolved once: a name that changes its address between two connections changes nothing.
        self._pinned: dict[tuple[str, int], list[Address]] = {}
        self._pools: dict[tuple[str, bool], httpcore.ConnectionPool] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = Origin.of_url(request.url)
        pool = self._pool(origin.scheme, is_direct=self._is_direct(origin))
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        response = pool.handle_request(sent)
        if not isinstance(response.stream, Iterable):
            raise TypeError("a body that cannot be read")
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def cut(self) -> None:
        """End every connection now, also those another thread waits for."""
        with self._lock:
            self._is_cut = True
            for each in self._cuts:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    # ── Where to ─────────────────────────────────────────────────────────────────────────────

    def _is_direct(self, origin: Origin) -> bool:
        if not self._rules.proxy or self._is_near(origin):
            return True
        address = origin.as_host().address
        if address is not None and not addresses.is_public(address):
            raise NotAllowed("private", host=origin.shown)
        return False

    def _pool(self, scheme: str, *, is_direct: bool) -> httpcore.ConnectionPool:
        """Made when first needed: to read all certificates takes longer than a small answer."""
        with self._lock:
            known = self._pools.get((scheme, is_direct))
            if known is None:
                context = _tls() if scheme == "https" else None
                known = self._to_all(context) if is_direct else self._through_proxy(context)
                self._pools[scheme, is_direct] = known
        return known

    def _is_near(self, origin: Origin) -> bool:
        """Whether this is a registry of the operator's network, which no proxy stands before."""
        if not self._rules.may_be_private(origin):
            return False
        if origin.as_host().is_loopback:
            return True
        try:
            found = self._addresses_of(origin.name, origin.port)
        except OSError:
            return False
        return all(addresses.is_listed(each, self._rules.networks) for each in found)

    def _to_checked(self, host: str, port: int, timeout: float | None) -> "_Handles":
        return self._to_first_of(self._allowed(host, port), port, timeout)

    def _allowed(self, host: str, port: int) -> list[Address]:
        """The addresses of this host, if every one of them is one we connect to."""
        found = self._addresses_of(host, port)
        scheme = "http" if port == 80 else "https"
        origin = Origin(scheme, host.strip("[]"), port)
        networks = self._rules.networks if self._rules.may_be_private(origin) else ()
        for each in found:
            is_named = self._is_named(each, origin)
            is_listed = is_named or addresses.is_listed(each, networks)
            if not (is_listed or addresses.is_public(each)):
                raise NotAllowed("private", host=origin.shown)
        return found

    def _is_named(self, address: Address, origin: Origin) -> bool:
        """Whether an operator listed the registry by this address, or as `localhost`."""
        if not self._rules.may_be_private(origin):
            return False
        host = origin.as_host()
        return host.address == address or (host.is_loopback and address.is_loopback)

    def _addresses_of(self, host: str, port: int) -> list[Address]:
        known = self._pinned.get((host, port))
        if known is None:
            texts = addresses.resolve_within(
                self._rules.patience.connect_seconds,
                name=host.strip("[]"),
                port=port,
                resolve=self._resolve,
                is_over=self._is_over,
            )
            read = [addresses.read(text) for text in texts]
            known = [each for each in read if each is not None]
            if not known or len(known) < len(read):
                raise NoSuchHost("no address we can read")
            known = self._pinned.setdefault((host, port), known)
        return known

    def _to_all(self, context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=None,
            network_backend=_Backend(self._to_checked, self._forget),
        )

    def _through_proxy(self, context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
        proxy = httpx.Proxy(self._rules.proxy)
        return httpcore.HTTPProxy(
            proxy_url=httpcore.URL(str(proxy.url.copy_with(username=None, password=None))),
            proxy_auth=proxy.raw_auth,
            ssl_context=context,
            proxy_ssl_context=_tls() if proxy.url.scheme == "https" else None,
            max_connections=None,
            # The operator's own word: its address is not judged.
            network_backend=_Backend(self._to_proxy, self._forget),
        )

    def _to_proxy(self, host: str, port: int, timeout: float | None) -> "_Handles":
        return self._to_first_of(self._addresses_of(host, port), port, timeout)

    def _to_first_of(self, found: list[Address], port: int, timeout: float | None) -> "_Handles":
        failure: OSError = NoSuchHost("no address")
        for address in found:
            try:
                return self._connect(str(address), port, timeout)
            except OSError as error:
                failure = error
        raise failure

    def _connect(self, address: str, port: int, timeout: float | None) -> "_Handles":
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        handles = _Handles(line, line.dup())
        try:
            self._remember(handles.cut)
            line.settimeout(timeout)
            line.connect((address, port))
            # A cut before the connection began had nothing to end.
            self._refuse_cut()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            line.close()
            self._forget(handles.cut)
            raise
        return handles

    def _remember(self, cut: socket.socket) -> None:
        with self._lock:
            self._cuts.add(cut)
        self._refuse_cut()

    def _refuse_cut(self) -> None:
        if self._is_cut:
            raise ConnectionAbortedError("cut")

    def _forget(self, cut: socket.socket) -> None:
        with self._lock:
            self._cuts.discard(cut)
            # Inside the lock: `cut` must never shut down a number that means another socket now.
            cut.close()


@dataclass(frozen=True, slots=True)
class _Handles:
    """One connection twice: `line` may go into TLS and be no more, `cut` ends it even so."""

    line: socket.socket
    cut: socket.socket


Connect = Callable[[str, int, float | None], _Handles]
Forget = Callable[[socket.socket], None]


class _Backend(httpcore.NetworkBackend):
    def __init__(self, connect: Connect, forget: Forget) -> None:
        self._connect = connect
        self._forget = forget

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        with _translated(httpcore.ConnectError, httpcore.ConnectTimeout):
            handles = self._connect(host, port, timeout)
        return _Line(handles.line, handles.cut, self._forget)


class _Line(httpcore.NetworkStream):
    """A socket as httpcore wants it, read in larger pieces than it asks for."""

    def __init__(self, line: socket.socket, cut: socket.socket, forget: Forget) -> None:
        self._line = line
        self._cut = cut
        self._forget = forget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated(httpcore.ReadError, httpcore.ReadTimeout):
            self._line.settimeout(timeout)
            return self._line.recv(max(max_bytes, READ_BYTES))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _translated(httpcore.WriteError, httpcore.WriteTimeout):
            self._line.settimeout(timeout)
            self._line.sendall(buffer)

    def close(self) -> None:
        # The second handle would keep the connection open, and the other end waiting.
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()
        self._forget(self._cut)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            with _translated(httpcore.ConnectError, httpcore.ConnectTimeout):
                self._line.settimeout(timeout)
                safe = ssl_context.wrap_socket(self._line, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return _Line(safe, self._cut, self._forget)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._line if isinstance(self._line, ssl.SSLSocket) else None
        if info == "is_readable":
            # Asked before a kept connection is used again: readable then means closed.
            return _has_something(self._line)
        return None


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()


@contextmanager
def _translated(
    failed: type[httpcore.NetworkError], late: type[httpcore.TimeoutException]
) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


def _has_something(line: socket.socket) -> bool:
    if line.fileno() < 0:
        return True
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(0))


def _tls() -> ssl.SSLContext:
    """Certificates as libraries ship them, and those the company put into the system's store."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
