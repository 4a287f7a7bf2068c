"""Requests to one registry during one transfer, and what its answers mean. Not for moving files.

Every step of a redirect is judged anew, and what says who we are goes to the registry's own origin
and nowhere else (threats E3, E5). Nothing but a file may be longer than a megabyte (E6).
"""

import json
import platform
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import httpcore
import httpx

from portal.catalog.registry import challenge, patience
from portal.catalog.registry.addresses import Resolve
from portal.catalog.registry.crew import Crew
from portal.catalog.registry.errors import (
    BadAnswer,
    Cancelled,
    Denied,
    Failed,
    NotFound,
    Stalled,
    TooMany,
    Unreachable,
)
from portal.catalog.registry.hosts import Origin
from portal.catalog.registry.lines import Lines
from portal.catalog.registry.patience import Again, Tries
from portal.catalog.registry.rules import Rules

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_ERROR_BYTES = 4096
MAX_HOPS = 10
GAVE_UP = "max retries exceeded: "
# Registries choose by this name what they send; the version is the dialect we speak.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_MACHINE = f"{_ARCHITECTURES.get(platform.machine(), 'amd64')} {platform.system().lower()}"
USER_AGENT = f"ollama/0.20.0 ({_MACHINE}) Go/go1.24.1"
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)
Body = Callable[[], Iterable[bytes]]


class Tokens:
    """What registries gave us to show, for as long as one `Registry` lives."""

    def __init__(self) -> None:
        self._known: dict[tuple[Origin, str], str] = {}
        self.lock = threading.Lock()

    def of(self, origin: Origin, purpose: str) -> str:
        return self._known.get((origin, purpose), "")

    def keep(self, origin: Origin, purpose: str, value: str) -> None:
        self._known[origin, purpose] = value


class Talk:
    """Open it for one transfer. `purpose` keeps a token for reading apart from one for writing."""

    def __init__(
        self,
        origin: Origin,
        *,
        purpose: str,
        insecure: bool,
        rules: Rules,
        tokens: Tokens,
        crew: Crew,
        resolve: Resolve,
    ) -> None:
        self.origin = origin
        self.crew = crew
        self.patience = rules.patience
        self._purpose = purpose
        self._insecure = insecure
        self._rules = rules
        self._tokens = tokens
        self._lines = Lines(rules, resolve=resolve, is_over=lambda: crew.is_over)
        self._client = httpx.Client(
            transport=self._lines,
            trust_env=False,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(
                rules.patience.stall_seconds, connect=rules.patience.connect_seconds, pool=None
            ),
        )
        crew.at_end(self._lines.cut)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    @property
    def host(self) -> str:
        return self.origin.shown

    def tries(self) -> Tries:
        """For the bytes of files: many, and what is said after the last is Ollama's."""
        most = self.patience.tries
        return Tries(self.patience, crew=self.crew, most=most, last_words=GAVE_UP)

    def few_tries(self) -> Tries:
        """For small things, which somebody waits for."""
        return Tries(self.patience, crew=self.crew, most=self.patience.document_tries)

    # ── One request ──────────────────────────────────────────────────────────────────────────

    @contextmanager
    def asked(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        hops: int = MAX_HOPS,
    ) -> Iterator[httpx.Response]:
        """The answer to this request, its body unread; a 401 of the registry is met once.

        Redirects are followed `hops` times; with 0 they are the caller's. `Again` for what the
        network or an overloaded server did.
        """
        response = self._send(method, url, headers=headers, body=body)
        try:
            while hops and response.is_redirect:
                hops -= 1
                url = self.next_url(response)
                response.close()
                response = self._send(method, url, headers=headers, body=body)
            with self._translated(url):
                yield response
        finally:
            response.close()

    def next_url(self, response: httpx.Response, *, field: str = "Location") -> httpx.URL:
        """Where this answer sends us, if we may go there."""
        text = response.headers.get(field)
        if not text or not text.isascii() or not text.isprintable() or "\\" in text:
            what = "http: no Location header in response"
            raise BadAnswer(what, host=self.host, is_whole=True)
        try:
            url = response.request.url.join(text)
        except httpx.InvalidURL:
            raise BadAnswer("an address nobody can read", host=self.host) from None
        self._check(url)
        return url

    def document(self, url: httpx.URL, *, headers: Mapping[str, str] | None = None) -> bytes:
        """A small answer, whole. Tried again while that may help."""

        def once() -> bytes:
            with self.asked("GET", url, headers=headers) as response:
                self.refuse_failure(response)
                return self.small(response)

        return self.few_tries().run(once)

    def small(self, response: httpx.Response, *, most: int = MAX_DOCUMENT_BYTES) -> bytes:
        """The body, as it came, if it is short, comes in time, and is not packed (threat E6)."""
        self.refuse_packed(response)
        said = response.headers.get("Content-Length", "")
        if said.isdigit() and int(said) > most:
            raise BadAnswer("an answer that is too long", host=self.host)
        data = bytearray()
        until = time.monotonic() + self.patience.document_seconds
        for piece in response.iter_raw():
            data += piece
            if len(data) > most:
                raise BadAnswer("an answer that is too long", host=self.host)
            if time.monotonic() > until:
                raise Stalled(host=self.host)
        return bytes(data)

    def refuse_packed(self, response: httpx.Response) -> None:
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packing not in ("", "identity"):
            raise BadAnswer(f"an answer packed with {packing[:20]!r}", host=self.host)

    def refuse_failure(self, response: httpx.Response) -> None:
        """Raise what an answer of 400 and more means; nothing for the others."""
        status = response.status_code
        if response.is_redirect:
            raise BadAnswer(f"stopped after {MAX_HOPS} redirects", host=self.host)
        if status < 400:
            return
        if status == 404:
            raise NotFound
        if status == 401:
            raise Denied(host=self.host)
        said = self._said(response)
        if status == 403:
            raise Denied(f"{status}: {said}", host=self.host)
        after = patience.retry_after_seconds(response.headers.get("Retry-After"))
        if status == 429:
            raise Again(TooMany(f"{status}: {said}", host=self.host), after_seconds=after)
        failed = Failed(status=status, said=said, host=self.host)
        if status >= 500 or status == 408:
            raise Again(failed, after_seconds=after)
        raise failed

    @staticmethod
    def stalled(url: httpx.URL) -> Again:
        return Again(Stalled(host=Origin.of_url(url).shown), is_stall=True)

    # ── Who we are ───────────────────────────────────────────────────────────────────────────

    def _send(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None,
        body: Body | None,
    ) -> httpx.Response:
        shown = self._authorization(url)
        response = self._sent(method, url, headers=headers, body=body, shown=shown)
        if response.status_code != 401 or self._check(url) != self.origin:
            return response
        asked = challenge.Challenge.read(response.headers.get_list("WWW-Authenticate"))
        response.close()
        if asked is None:
            raise Denied(host=self.host)
        shown = self._renewed(asked, instead_of=shown)
        response = self._sent(method, url, headers=headers, body=body, shown=shown)
        if response.status_code == 401:
            response.close()
            raise Denied(host=self.host)
        return response

    def _authorization(self, url: httpx.URL) -> str:
        if self._check(url) != self.origin:
            return ""
        return self._tokens.of(self.origin, self._purpose)

    def _renewed(self, asked: challenge.Challenge, *, instead_of: str) -> str:
        with self._tokens.lock:
            known = self._tokens.of(self.origin, self._purpose)
            if known == instead_of:
                known = challenge.answer(
                    asked, origin=self.origin, rules=self._rules, ask=self._token
                )
                self._tokens.keep(self.origin, self._purpose, known)
            return known

    def _token(self, url: httpx.URL, headers: dict[str, str]) -> object:
        """What the registry's own token service says. Follows nobody: it carries who we are."""
        if self._check(url) != self.origin:
            raise Denied(host=self.host)
        with self._translated(url):
            response = self._on_the_line("GET", url, headers=headers, body=None)
            try:
                if response.status_code in (401, 403) or response.is_redirect:
                    raise Denied(host=self.host)
                self.refuse_failure(response)
                return json.loads(self.small(response))
            except (ValueError, RecursionError):
                raise BadAnswer("a token that is not JSON", host=self.host) from None
            finally:
                response.close()

    def _sent(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str] | None,
        body: Body | None,
        shown: str,
    ) -> httpx.Response:
        self.crew.check()
        whole = {**(headers or {}), **({"Authorization": shown} if shown else {})}
        with self._translated(url):
            return self._on_the_line(method, url, headers=whole, body=body)

    def _on_the_line(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str], body: Body | None
    ) -> httpx.Response:
        # Not by the client's own `send`: that reads places to go on to, and passwords in addresses.
        content = body() if body is not None else None
        request = self._client.build_request(method, url, headers=headers, content=content)
        response = self._lines.handle_request(request)
        response.request = request
        return response

    def _check(self, url: httpx.URL) -> Origin:
        origin = Origin.of_url(url)
        self._rules.check_step(origin, start=self.origin, insecure=self._insecure)
        return origin

    def _said(self, response: httpx.Response) -> str:
        """The beginning of what an error says; what cannot be read says nothing."""
        said = bytearray()
        until = time.monotonic() + self.patience.document_seconds
        try:
            self.refuse_packed(response)
            for piece in response.iter_raw():
                said += piece
                if len(said) >= MAX_ERROR_BYTES or time.monotonic() > until:
                    break
        except (BadAnswer, *_BROKEN, httpcore.TimeoutException):
            return ""
        # NUL is what not every database can keep.
        return bytes(said[:MAX_ERROR_BYTES]).decode("utf-8", "replace").replace("\0", "").strip()

    @contextmanager
    def _translated(self, url: httpx.URL) -> Iterator[None]:
        """What the network does, as `Again`; what we did ourselves by ending, as `Cancelled`."""
        host = Origin.of_url(url).shown
        try:
            yield
        except (*_BROKEN, httpcore.TimeoutException) as error:
            if self.crew.is_over:
                raise Cancelled from None
            raise _again(error, host) from error


def _again(error: Exception, host: str) -> Exception:
    if isinstance(error, (httpcore.ReadTimeout, httpcore.WriteTimeout)):
        return Again(Stalled(host=host), is_stall=True)
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        # Another try would see the same certificate.
        return Unreachable(f"its certificate: {error.__cause__.verify_message}", host=host)
    return Again(Unreachable(str(error) or type(error).__name__, host=host))
