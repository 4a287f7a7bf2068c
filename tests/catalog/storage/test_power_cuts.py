"""The power goes at any moment: what was not synced is gone, and what has a name is whole."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from portal.catalog.names import ModelName
from portal.catalog.storage.manifest import CONFIG_TYPE, WEIGHTS_TYPE, Layer, Manifest
from portal.catalog.storage.store import Store

NAME, OTHER = ModelName.parse("small:1"), ModelName.parse("hf.co/me/other:1")
CHANGES = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir")


class Cut(BaseException):
    """Here the power goes."""


class Disk:
    """Remembers what a disk would still have after a power cut: the bytes of a file as they were
    when it was last synced, and the entries of a folder as they were when that was."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bytes: dict[int, bytes] = {}
        self._entries: dict[int, dict[str, tuple[int, bool]]] = {}

    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if stat.S_ISREG(status.st_mode):
            self._bytes[status.st_ino] = path.read_bytes()
            return
        entries = [(entry.name, entry.stat(follow_symlinks=False)) for entry in os.scandir(path)]
        self._entries[status.st_ino] = {
            name: (each.st_ino, stat.S_ISDIR(each.st_mode)) for name, each in entries
        }

    def after_the_cut(self, target: Path) -> Path:
        """What is found when the power is back."""
        target.mkdir()
        self._restore(self._root.stat().st_ino, target)
        return target

    def _restore(self, folder: int, target: Path) -> None:
        for name, (inode, is_folder) in self._entries.get(folder, {}).items():
            if is_folder:
                (target / name).mkdir()
                self._restore(inode, target / name)
            else:
                (target / name).write_bytes(self._bytes.get(inode, b""))


@contextmanager
def power(disk: Disk, *, until: int) -> Iterator[None]:
    """Goes before the `until`-th change of the disk. What was synced before is durable."""
    count = 0
    really_sync = os.fsync

    def counted(really: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count > until:
                raise Cut
            if really is really_sync:
                disk.sync(args[0])
            return really(*args, **options)

        return call

    with pytest.MonkeyPatch.context() as patched:
        for name in CHANGES:
            patched.setattr(os, name, counted(getattr(os, name)))
        yield


def put(store: Store, name: ModelName, weights: bytes) -> None:
    staged = [store.stage_bytes(weights), store.stage_bytes(b"{}")]
    layers = [
        Layer(media_type=kind, digest=each.digest, size_bytes=each.size_bytes)
        for kind, each in zip((WEIGHTS_TYPE, CONFIG_TYPE), staged, strict=True)
    ]
    with store.locked():
        for each in staged:
            store.publish(each)
        store.write_manifest(name, Manifest(config=layers[1], layers=(layers[0],)))


def assert_whole(root: Path) -> list[str]:
    """Every name means checked bytes. Returns the models."""
    for blob in (root / "blobs").glob("sha256-*"):
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name.removeprefix("sha256-")
    manifests = [path for path in (root / "manifests").rglob("*") if path.is_file()]
    assert all(path.stat().st_size for path in manifests)
    stored = Store(root).all()
    assert len(stored) == len(manifests)
    for each in stored:
        for layer in each.manifest.all_layers:
            Store(root).check_blob(layer.digest)
    return [each.name.short for each in stored]


def come(store: Store) -> None:
    put(store, NAME, b"new weights")


def replace(store: Store) -> None:
    put(store, OTHER, b"new weights")


def copy(store: Store) -> None:
    with store.locked():
        store.copy_manifest(OTHER, NAME)


def go(store: Store) -> None:
    store.remove(OTHER)


@pytest.mark.threat("E11")
@pytest.mark.threat("E10")
@pytest.mark.fault
@pytest.mark.parametrize("deed", [come, replace, copy, go], ids=lambda deed: deed.__name__)
def test_after_a_power_cut_at_any_moment_every_name_means_checked_bytes(
    tmp_path: Path, deed: Callable[[Store], None]
) -> None:
    cuts, seen = 0, set()
    for until in range(200):
        root = tmp_path / f"{until}"
        root.mkdir()
        disk = Disk(root)
        with power(disk, until=10_000):
            put(Store(root), OTHER, b"old weights")
        try:
            with power(disk, until=until):
                deed(Store(root))
        except Cut:
            cuts += 1
        found = disk.after_the_cut(tmp_path / f"{until}-after")
        seen.add(tuple(assert_whole(found)))
        deed(Store(found))
        assert_whole(found)
        if cuts <= until:
            break
    assert cuts > 3
    before, after = ("hf.co/me/other:1",), tuple(assert_whole(root))
    assert seen == {before, after}
