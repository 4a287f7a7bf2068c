"""One file, fetched in chunks by several streams at once into its part file.

Every claim of the server is checked: length, range, and that it ends (threat E7). Not for the
digest: `Part` computes it along the way, `registry` compares.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from portal.catalog.names import Digest
from portal.catalog.registry.errors import BadAnswer
from portal.catalog.registry.part import Part
from portal.catalog.registry.patience import Again
from portal.catalog.registry.talk import Talk

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(?:(\d{1,19})|\*)", re.ASCII)
# Where a file lies is told with an address that ends to be good after some minutes.
LOCATION_SECONDS = 60.0
# A stream that brought this much before it broke has earned its tries again.
PROGRESS_BYTES = 1024 * 1024


def download(
    talk: Talk,
    url: httpx.URL,
    *,
    part: Part,
    streams: int,
    told: Callable[[int], None],
    wanted: Callable[[], None],
) -> Digest:
    """Fetch what is missing; what is there is neither fetched nor asked for. The digest of it all.

    `wanted` raises when it is not.
    """
    crew = talk.crew
    found: list[Digest] = []
    crew.start(lambda: found.append(part.hash_along(crew)))
    if part.missing:
        crew.start(lambda: part.sync_along(crew))
        crew.start(_Fetching(talk, url, part=part, streams=streams).run)

    def beat() -> None:
        wanted()
        told(part.bytes_there)

    crew.watch(beat=beat, beat_seconds=talk.patience.beat_seconds)
    return found[0]


def members(streams: int) -> int:
    """How many threads `download` needs at most."""
    return streams + 2


class _Fetching:
    """The chunks still to come, and how this server gives them: by ranges, or only as a whole."""

    def __init__(self, talk: Talk, url: httpx.URL, *, part: Part, streams: int) -> None:
        self._talk = talk
        self._url = url
        self._part = part
        self._streams = streams
        self._left = list(part.missing)
        self._lock = threading.Lock()
        self._location: tuple[httpx.URL, float] | None = None

    def run(self) -> None:
        """The first chunk shows whether there are ranges; if so, the other streams begin."""
        if self._talk.tries().run(self._first):
            self._more()

    def _first(self) -> bool:
        """True when the server gives ranges. Otherwise the whole file has come."""
        chunk = next((each for each in self._left if not self._is_there(each)), None)
        if chunk is None:  # streams that broke have brought all of it between them
            return False
        at, has_begun = self._part.written(chunk), False
        try:
            with self._opened(chunk, at=at) as response:
                if response.status_code == 200:
                    self._whole(response)
                    return False
                self._check_range(response, chunk, at=at)
                self._begin(chunk)
                has_begun = True
                self._read(response, chunk, at=at)
        except Again:
            if not has_begun:
                raise
            # What is left of this chunk is for its own tries; the others are at work.
            self._chunk(chunk)
        return True

    def _begin(self, chunk: int) -> None:
        """This chunk is on its way; the other streams take the rest."""
        self._left.remove(chunk)
        for _ in range(min(self._streams, len(self._part.missing)) - 1):
            self._talk.crew.start(self._more)

    def _more(self) -> None:
        while (chunk := self._next()) is not None:
            self._chunk(chunk)

    def _next(self) -> int | None:
        with self._lock:
            while self._left:
                chunk = self._left.pop(0)
                if not self._is_there(chunk):
                    return chunk
        return None

    def _is_there(self, chunk: int) -> bool:
        return self._part.written(chunk) == self._part.shape.length(chunk)

    def _chunk(self, chunk: int) -> None:
        tries = self._talk.tries()
        tries.run(lambda: self._go_on(chunk, refill=tries.refill))

    def _go_on(self, chunk: int, *, refill: Callable[[], None]) -> None:
        """From where this chunk ends now to its end."""
        if self._is_there(chunk):  # its stream broke behind the last byte
            self._part.finish(chunk)
            return
        begun_at = self._part.written(chunk)
        try:
            with self._opened(chunk, at=begun_at) as response:
                self._check_range(response, chunk, at=begun_at)
                self._read(response, chunk, at=begun_at)
        except Again:
            self._location = None
            if self._part.written(chunk) - begun_at >= PROGRESS_BYTES:
                refill()
            raise

    # ── Asking ───────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _opened(self, chunk: int, *, at: int) -> Iterator[httpx.Response]:
        shape = self._part.shape
        begin = shape.start(chunk) + at
        end = shape.start(chunk) + shape.length(chunk) - 1
        known = self._known_location()
        headers = {"Range": f"bytes={begin}-{end}"}
        with self._talk.asked("GET", known or self._url, headers=headers) as response:
            if known is not None and response.status_code in (400, 401, 403, 404, 410):
                self._location = None
                raise Again(BadAnswer("an address that is no longer good", host=known.host))
            self._talk.refuse_failure(response)
            self._talk.refuse_packed(response)
            self._location = (response.request.url, time.monotonic())
            yield response

    def _known_location(self) -> httpx.URL | None:
        """Where a redirect led a moment ago: the registry is not asked again for each chunk."""
        if self._location is None or self._location[0] == self._url:
            return None
        url, since = self._location
        return url if time.monotonic() - since < LOCATION_SECONDS else None

    def _check_range(self, response: httpx.Response, chunk: int, *, at: int) -> None:
        """Only the very range that was asked for may be written where it belongs."""
        shape = self._part.shape
        begin = shape.start(chunk) + at
        length = shape.length(chunk) - at
        if response.status_code != 206:
            raise self._bad(f"status {response.status_code} for a range")
        told = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if told is None or int(told[1]) != begin or int(told[2]) != begin + length - 1:
            raise self._bad("another range than the one asked for")
        if told[3] is not None and int(told[3]) != shape.size_bytes:
            raise self._bad("a file of another length than its manifest says")
        self._check_length(response, length)

    def _check_length(self, response: httpx.Response, length: int) -> None:
        told = response.headers.get("Content-Length")
        if told is not None and told != str(length):
            raise self._bad("another length than the one it should have")

    def _bad(self, what: str) -> Again:
        return Again(BadAnswer(what, host=self._talk.host))

    # ── Reading ──────────────────────────────────────────────────────────────────────────────

    def _read(self, response: httpx.Response, chunk: int, *, at: int) -> None:
        length = self._part.shape.length(chunk)
        for piece in self._pieces(response):
            if at + len(piece) > length:
                raise self._bad("more bytes than it should have sent")
            self._part.write(chunk, piece, at=at)
            at += len(piece)
        if at < length:
            raise self._bad("fewer bytes than it said")
        self._part.finish(chunk)

    def _whole(self, response: httpx.Response) -> None:
        """The file from its first byte, in one stream: chunks that are there are read over."""
        shape = self._part.shape
        self._check_length(response, shape.size_bytes)
        at = 0
        for piece in self._pieces(response):
            if at + len(piece) > shape.size_bytes:
                raise self._bad("more bytes than it should have sent")
            self._spread(piece, at)
            at += len(piece)
        if at < shape.size_bytes:
            raise self._bad("fewer bytes than it said")

    def _spread(self, piece: bytes, position: int) -> None:
        """Into the chunks this piece touches."""
        shape, part = self._part.shape, self._part
        while piece:
            chunk, at = divmod(position, shape.chunk_bytes)
            here, piece = piece[: shape.length(chunk) - at], piece[shape.length(chunk) - at :]
            position += len(here)
            if part.written(chunk) < at + len(here):
                part.write(chunk, here, at=at)
                if at + len(here) == shape.length(chunk):
                    part.finish(chunk)

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The body as it comes, as long as it comes: drops now and then are a stall too."""
        patience = self._talk.patience
        floor = patience.floor_bytes_per_second * patience.stall_seconds
        since, came = time.monotonic(), 0
        for piece in response.iter_raw():
            self._talk.crew.check()
            yield piece
            came += len(piece)
            if came >= floor:
                since, came = time.monotonic(), 0
            elif time.monotonic() - since > patience.stall_seconds:
                raise self._talk.stalled(response.request.url)
