"""Templates that lie in the store as blobs: read once, and only if they are what their name says.

Not for running them: a model's layer is as much a stranger's program as its weights' template.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from inference.protocol import Request

log = logging.getLogger(__name__)

MAX_BYTES = 1_000_000
_MAX_KEPT = 16


class Unreadable(Exception):
    """The blob is not there, too large, or not what its name says."""


class Layers:
    """`path_of` gives where the blob of a sha256 lies."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of
        self._kept: dict[str, str] = {}

    def filled(self, request: Request) -> Request:
        """The request with its template in it. One that cannot be read is left out."""
        if request.go_template is None or request.template is not None:
            return request
        try:
            return replace(request, template=self.text(request.go_template))
        except Unreadable as error:
            log.error("template %s cannot be read: %s", request.go_template, error)
            return request

    def text(self, sha256: str) -> str:
        """The template; the ones used last are kept."""
        text = self._kept.pop(sha256, None)
        if text is None:
            text = self._read(sha256)
        while len(self._kept) >= _MAX_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[sha256] = text
        return text

    def _read(self, sha256: str) -> str:
        try:
            with self._path_of(sha256).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Unreadable(type(error).__name__) from None
        if len(data) > MAX_BYTES or hashlib.sha256(data).hexdigest() != sha256:
            raise Unreadable("not the blob that was asked for")
        return data.decode("utf-8", "replace")
