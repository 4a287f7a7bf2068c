"""Serves what Vite built, and the administration's own files. Not for files of people or models."""

import re

from servestatic.middleware import ServeStaticMiddleware

# The hash of its content is in the name: what has this name never changes.
_HASHED = re.compile(r"/static/assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9.]+", re.ASCII)


class StaticFiles(ServeStaticMiddleware):  # type: ignore[misc] # servestatic brings no types
    """Knows Vite's names; the library itself knows Django's only."""

    def immutable_file_test(self, path: str, url: str) -> bool:
        return _HASHED.fullmatch(url) is not None
