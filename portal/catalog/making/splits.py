"""Uploaded files that are parts of one GGUF (`name-00001-of-00003.gguf`, …) become one file again.

Not for files that an operator names: portal/catalog/coming/parts.py, which does the work here too.
"""

import re
from collections.abc import Mapping, Sequence

from portal.catalog.coming import parts as merging
from portal.catalog.making.errors import NotMade, refused
from portal.catalog.names import Digest
from portal.catalog.storage.store import Staged, Store

_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.ASCII | re.DOTALL)
NOT_TOGETHER = "split GGUF files need the same name and count, and every number once"


def is_part(path: str) -> bool:
    return _NAME.fullmatch(path) is not None


def parted(files: Mapping[str, str]) -> tuple[dict[str, str], list[list[str]]]:
    """Files that stand alone, and the digests of each set of parts in their order."""
    alone: dict[str, str] = {}
    sets: dict[tuple[str, int], dict[int, str]] = {}
    for path, digest in files.items():
        found = _NAME.fullmatch(path)
        if found is None:
            alone[path] = digest
        else:
            sets.setdefault((found[1], int(found[3])), {})[int(found[2])] = digest
    for (_, count), numbered in sets.items():
        if sorted(numbered) != list(range(1, count + 1)):
            raise refused(NOT_TOGETHER)
    return alone, [[numbered[number] for number in sorted(numbered)] for numbered in sets.values()]


def merged(store: Store, digests: Sequence[Digest]) -> Staged:
    """The whole file, staged, hashed and synced; on failure nothing of it stays."""
    target = store.new_staged()
    try:
        paths = [store.blob_path(digest) for digest in digests]
        merging.merge(paths, target=target, reserve=store.reserve)
        return store.finish_staged(target)
    except merging.NotTheseParts as error:
        target.unlink(missing_ok=True)
        raise NotMade(f"{NOT_TOGETHER}: {error}", status=400) from None
    except BaseException:
        target.unlink(missing_ok=True)
        raise
