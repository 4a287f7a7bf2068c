"""One file of ours, brought to a registry in parts, each after the answer to the one before.

Not for which files, nor for the manifest: `registry` sends that last.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from io import BufferedReader

import httpx

from portal.catalog.names import ModelName, NotAName
from portal.catalog.registry.errors import BadAnswer
from portal.catalog.registry.patience import Again
from portal.catalog.registry.talk import Talk
from portal.catalog.storage.manifest import Layer

# Ollama's: a sixteenth of the file, within these bounds.
PART_BYTES = 100_000_000
MAX_PART_BYTES = 1_000_000_000
_BLOCK_BYTES = 1024 * 1024
_RANGE = re.compile(r"(?:bytes=)?0-(\d{1,19})", re.ASCII)


class Upload:
    """The upload of one layer. `sent_bytes` may fall when a broken one begins anew."""

    def __init__(self, talk: Talk, base: httpx.URL, layer: Layer, *, file: BufferedReader) -> None:
        self._talk = talk
        self._base = base
        self._layer = layer
        self._file = file
        self.sent_bytes = 0

    def run(self) -> None:
        self._talk.tries().run(self._unless_there)
        self.sent_bytes = self._layer.size_bytes

    def _unless_there(self) -> None:
        # Asked at each try: a file may have been taken though its last answer was lost.
        if not self._is_there():
            try:
                self._all()
            except _Forgotten:
                raise Again(BadAnswer("an upload it forgot", host=self._talk.host)) from None

    def _is_there(self) -> bool:
        blob = self._base.join(f"blobs/{self._layer.digest}")

        def ask() -> bool:
            with self._talk.asked("HEAD", blob, hops=0) as response:
                if response.status_code == 404:
                    return False
                # Who sends us on to a file has it.
                if not response.is_redirect:
                    self._talk.refuse_failure(response)
                return True

        return self._talk.few_tries().run(ask)

    def _all(self) -> None:
        """One upload from its beginning. A part that breaks goes on where the registry stands."""
        self.sent_bytes = 0
        location = self._begun()
        if location is None:
            return
        sums = []
        size = self._layer.size_bytes
        length = max(PART_BYTES, min(MAX_PART_BYTES, size // 16))
        for start in range(0, size, length):
            part = _Part(start, min(start + length, size))
            location = self._sent(part, location)
            sums.append(part.sum)
        self._finish(location, sums)

    def _begun(self) -> httpx.URL | None:
        """Where to send; None when the registry had the file in another of its models."""
        url = self._base.join("blobs/uploads/")
        if source := self._source():
            url = url.copy_merge_params({"from": source, "mount": str(self._layer.digest)})
        with self._talk.asked("POST", url, headers={"Content-Length": "0"}, hops=0) as response:
            self._talk.refuse_failure(response)
            if response.status_code == 201:
                return None
            return self._next(response)

    def _source(self) -> str:
        """The other model of this registry that the layer came from, if it did."""
        try:
            name = ModelName.parse(self._layer.source)
        except NotAName:
            return ""
        if name.host.lower() != self._base.netloc.decode("ascii", "replace").lower():
            return ""
        return f"{name.namespace}/{name.model}"

    def _sent(self, part: "_Part", location: httpx.URL) -> httpx.URL:
        """This part, whole; the address for the next one."""
        tries = self._talk.tries()
        at = _Progress(part.start, location)

        def once() -> httpx.URL:
            if at.is_broken:
                at.recover(self._standing(at.location, part))
            try:
                return self._patched(part, at)
            except Again:
                at.is_broken = True
                raise

        return tries.run(once)

    def _patched(self, part: "_Part", at: "_Progress") -> httpx.URL:
        begin = at.begin
        if begin == part.end:
            return at.location
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(part.end - begin),
            "Content-Range": f"{begin}-{part.end - 1}",
            "X-Redirect-Uploads": "1",
        }
        body = self._body(part, begin)
        with self._talk.asked("PATCH", at.location, headers=headers, body=body, hops=0) as response:
            if response.status_code == 307:
                following = self._next(response, only="Docker-Upload-Location")
                self._put(self._talk.next_url(response), part, begin)
                return following
            self._refuse_failure(response)
            return self._next(response)

    def _put(self, url: httpx.URL, part: "_Part", begin: int) -> None:
        """Straight to where the registry keeps its files, which does not learn who we are."""
        headers = {
            "Content-Length": str(part.end - begin),
            "Content-Type": "application/octet-stream",
        }
        body = self._body(part, begin)
        with self._talk.asked("PUT", url, headers=headers, body=body, hops=0) as response:
            self._talk.refuse_failure(response)

    def _standing(self, location: httpx.URL, part: "_Part") -> int:
        """How far the registry got with a part that broke. `_Forgotten` when it knows nothing."""
        with self._talk.asked("GET", location, hops=0) as response:
            if response.status_code in (400, 404, 405, 416):
                raise _Forgotten
            self._talk.refuse_failure(response)
            told = _RANGE.fullmatch(response.headers.get("Range", "").strip())
        # Real registries say `0-0` of an upload that has nothing yet.
        last = int(told[1]) if told else part.start - 1
        there = last + 1 if last else 0
        if not part.start <= there <= part.end:
            raise _Forgotten
        return there

    def _finish(self, location: httpx.URL, sums: list[bytes]) -> None:
        # Not a secret: the storage behind the registry knows its parts by these sums.
        etag = hashlib.md5(b"".join(sums), usedforsecurity=False).hexdigest()
        url = location.copy_merge_params(
            {"digest": str(self._layer.digest), "etag": f"{etag}-{len(sums)}"}
        )
        with self._talk.asked("PUT", url, headers={"Content-Length": "0"}, hops=0) as response:
            self._refuse_failure(response)
            if response.status_code >= 300:
                raise BadAnswer("no word that the file is taken", host=self._talk.host)

    def _refuse_failure(self, response: httpx.Response) -> None:
        """As everywhere; but an upload that is not there any more is only one to begin anew."""
        if response.status_code == 404:
            raise _Forgotten
        if response.status_code == 416:
            # It has another part of the file than we thought: it is asked which.
            raise Again(BadAnswer("a part it does not stand at", host=self._talk.host))
        self._talk.refuse_failure(response)

    def _next(self, response: httpx.Response, *, only: str | None = None) -> httpx.URL:
        fields = (only,) if only else ("Docker-Upload-Location", "Location")
        field = next((each for each in fields if response.headers.get(each)), fields[-1])
        return self._talk.next_url(response, field=field)

    def _body(self, part: "_Part", begin: int) -> Callable[[], Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            for at, piece in self._blocks(begin, part.end):
                self._talk.crew.check()
                part.hash(piece, at=at)
                yield piece
                self.sent_bytes = at + len(piece)

        return pieces

    def _blocks(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        at = begin
        while at < end:
            piece = os.pread(self._file.fileno(), min(_BLOCK_BYTES, end - at), at)
            if not piece:
                raise OSError("the file became shorter while it was sent")
            yield at, piece
            at += len(piece)


class _Forgotten(Exception):
    """The registry knows nothing of this upload any more."""


class _Part:
    """Bytes `start` to before `end` of the file, with the sum that storages know parts by."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        # Not a secret, and not what makes the file trusted.
        self._hasher = hashlib.md5(usedforsecurity=False)
        self._hashed_to = start

    def hash(self, piece: bytes, *, at: int) -> None:
        """While it is sent; what is sent a second time counts once."""
        new = piece[max(0, self._hashed_to - at) :]
        if new and at <= self._hashed_to:
            self._hasher.update(new)
            self._hashed_to += len(new)

    @property
    def sum(self) -> bytes:
        return self._hasher.digest()


class _Progress:
    """How far one part is, and where its next bytes go."""

    def __init__(self, begin: int, location: httpx.URL) -> None:
        self.begin = begin
        self.location = location
        self.is_broken = False

    def recover(self, begin: int) -> None:
        self.begin = begin
        self.is_broken = False
