"""Remembers which inputs a finished step was made from, so that the next start skips it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(paths: Iterable[Path], *, also: str = "") -> str:
    """Changes with the name or content of any file; folders are read whole."""
    digest = hashlib.sha256(also.encode())
    for file in _files(paths):
        digest.update(f"\0{file}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(inner for inner in path.rglob("*") if inner.is_file())
        elif path.exists():
            found.append(path)
    return sorted(found)


class Stamps:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_fresh(self, step: str, mark: str) -> bool:
        try:
            return (self._folder / step).read_text() == mark
        except OSError:
            return False

    def set(self, step: str, mark: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / step).write_text(mark)
