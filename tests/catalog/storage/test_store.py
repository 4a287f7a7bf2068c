"""A published name means checked bytes, whatever happens and in whatever order."""

import hashlib
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.catalog.names import Digest, ModelName
from portal.catalog.storage import files
from portal.catalog.storage.files import NotAFile
from portal.catalog.storage.manifest import CONFIG_TYPE, WEIGHTS_TYPE, BadManifest, Layer, Manifest
from portal.catalog.storage.store import NoSpace, NoSuchManifest, Staged, Store, WrongBytes

NAME = ModelName.parse("small:1")


class Killed(BaseException):
    """The process ends here."""


def layer(staged: Staged, media_type: str = WEIGHTS_TYPE) -> Layer:
    return Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)


def put(store: Store, name: ModelName, *, weights: bytes, config: bytes = b"{}") -> Manifest:
    """What an import does: stage everything, then publish everything, then the manifest."""
    staged = [store.stage_bytes(weights), store.stage_bytes(config)]
    manifest = Manifest(config=layer(staged[1], CONFIG_TYPE), layers=(layer(staged[0]),))
    with store.locked():
        for one in staged:
            store.publish(one)
        store.write_manifest(name, manifest)
    return manifest


def blobs(root: Path) -> set[str]:
    return (
        {path.name for path in (root / "blobs").iterdir()} if (root / "blobs").is_dir() else set()
    )


def is_whole(root: Path) -> bool:
    """Every blob is what its name says, and every manifest finds all of its blobs."""
    store = Store(root)
    for name in blobs(root):
        store.check_blob(Digest.of_file_name(name))
    for stored in store.all():
        for one in stored.manifest.all_layers:
            assert store.has_blob(one.digest, size_bytes=one.size_bytes)
    return True


def test_a_file_is_found_under_its_digest_and_its_name(store: Store, store_root: Path) -> None:
    manifest = put(store, NAME, weights=b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()

    assert (store_root / "blobs" / f"sha256-{digest}").read_bytes() == b"weights"
    path = store_root / "manifests/registry.ollama.ai/library/small/1"
    assert path.read_bytes() == manifest.as_bytes()
    assert stat.S_IMODE((store_root / "blobs" / f"sha256-{digest}").stat().st_mode) & 0o444
    stored = store.manifest(NAME)
    assert stored.manifest == manifest
    assert stored.digest.hex == hashlib.sha256(manifest.as_bytes()).hexdigest()
    assert list((store_root / "staged").iterdir()) == []


def test_a_name_is_found_in_any_case_and_never_twice(store: Store) -> None:
    put(store, ModelName.parse("Small:Big"), weights=b"one")
    put(store, ModelName.parse("small:BIG"), weights=b"two")

    assert [stored.name.short for stored in store.all()] == ["Small:Big"]
    assert store.manifest(ModelName.parse("SMALL:big")).manifest.layers[0].size_bytes == 3


def test_a_name_taken_anew_frees_the_files_it_had(store: Store, store_root: Path) -> None:
    put(store, NAME, weights=b"old")
    put(store, NAME, weights=b"new")

    assert {path.read_bytes() for path in (store_root / "blobs").iterdir()} == {b"new", b"{}"}


def test_a_local_file_is_copied_unless_a_link_is_asked_for(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source.gguf"
    source.write_bytes(b"weights")

    copied = store.stage_file(source)
    linked = store.stage_file(source, may_link=True)

    assert copied.digest == linked.digest
    assert not copied.path.samefile(source)
    assert linked.path.samefile(source)


def test_a_linked_file_takes_the_place_of_a_rotten_copy_but_not_of_a_whole_one(
    store: Store, tmp_path: Path
) -> None:
    source = tmp_path / "source.gguf"
    source.write_bytes(b"weights")
    store.publish(store.stage_file(source))
    blob = store.blob_path(Digest(hashlib.sha256(b"weights").hexdigest()))

    store.publish(store.stage_file(source, may_link=True))
    assert not blob.samefile(source)
    blob.write_bytes(b"rotten!")
    store.publish(store.stage_file(source, may_link=True))

    assert blob.samefile(source)


def test_a_link_that_the_disk_refuses_becomes_a_copy(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(18, "another disk")

    source = tmp_path / "source.gguf"
    source.write_bytes(b"weights")
    monkeypatch.setattr(os, "link", refuse)

    assert store.stage_file(source, may_link=True).path.read_bytes() == b"weights"


@pytest.mark.parametrize(("data", "claimed"), [(b"short", 6), (b"longer", 5), (b"", 1)])
def test_a_stream_of_another_length_is_not_kept(
    store: Store, store_root: Path, data: bytes, claimed: int
) -> None:
    with pytest.raises(EOFError):
        store.stage_stream(io.BytesIO(data), size_bytes=claimed)

    assert list((store_root / "staged").iterdir()) == []


@pytest.mark.threat("E9")
def test_a_name_that_exists_is_no_proof_and_is_replaced_by_what_was_checked(
    store: Store, store_root: Path
) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    (store_root / "blobs").mkdir()
    rotten = store_root / "blobs" / f"sha256-{digest}"
    rotten.write_bytes(b"rotten!")

    put(store, NAME, weights=b"weights")

    assert rotten.read_bytes() == b"weights"


@pytest.mark.threat("E9")
def test_a_manifest_is_not_written_before_its_blobs_are_there(store: Store) -> None:
    staged = store.stage_bytes(b"weights")
    config = store.stage_bytes(b"{}")
    manifest = Manifest(config=layer(config, CONFIG_TYPE), layers=(layer(staged),))

    with store.locked():
        store.publish(config)
        with pytest.raises(WrongBytes):
            store.write_manifest(NAME, manifest)

    with pytest.raises(NoSuchManifest):
        store.manifest(NAME)


@pytest.mark.threat("E10")
@pytest.mark.fault
def test_killed_at_any_step_the_model_is_absent_or_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the disk is once the last one, before and after it took effect."""
    steps = 0
    for after in (False, True):
        for last in range(1, 200):
            root = tmp_path / f"{after}-{last}"
            root.mkdir()
            with monkeypatch.context() as patched:
                _kill_at(patched, last=last, after=after)
                try:
                    put(Store(root), NAME, weights=b"weights" * 1000)
                except Killed:
                    steps += 1
                else:
                    break
            assert is_whole(root)
            put(Store(root), NAME, weights=b"weights" * 1000)
            assert is_whole(root)
            assert [stored.name for stored in Store(root).all()] == [NAME]
    assert steps > 30


@pytest.mark.threat("E10")
@pytest.mark.fault
def test_killed_at_any_step_of_removing_nothing_needed_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ModelName.parse("other:1")
    for after in (False, True):
        for last in range(1, 50):
            root = tmp_path / f"{after}-{last}"
            root.mkdir()
            put(Store(root), NAME, weights=b"one")
            put(Store(root), other, weights=b"two")
            with monkeypatch.context() as patched:
                _kill_at(patched, last=last, after=after)
                try:
                    Store(root).remove(NAME)
                except Killed:
                    pass
                else:
                    break
            assert is_whole(root)
            Store(root).remove(NAME)
            assert other in [stored.name for stored in Store(root).all()]
            Store(root).remove_unreferenced(older_than=2**40)
            assert blobs(root) == {
                one.digest.file_name for one in Store(root).manifest(other).manifest.all_layers
            }


@pytest.mark.threat("E11")
def test_bytes_are_synced_before_the_name_and_the_folder_after_it(
    store: Store, store_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store_root / "blobs").mkdir()
    events = _recorded(monkeypatch)

    put(store, NAME, weights=b"weights")

    renames = [at for at, (act, _path) in enumerate(events) if act == "rename"]
    assert len(renames) == 3
    for at in renames:
        source, target = events[at][1].split(" → ")
        assert ("sync", source) in events[:at]
        following = events[at + 1 :]
        assert ("sync", str(Path(target).parent)) in following
        next_rename = next((n for n, (act, _path) in enumerate(following) if act == "rename"), None)
        assert following.index(("sync", str(Path(target).parent))) < (next_rename or len(events))
    manifest_at = renames[-1]
    assert "manifests" in events[manifest_at][1]
    made = [path for act, path in events if act == "mkdir" and "manifests" in path]
    for folder in made:
        assert ("sync", str(Path(folder).parent)) in events[:manifest_at]


@pytest.mark.threat("E11")
def test_nothing_is_written_to_a_file_after_it_was_synced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, tuple[int, int]] = {}
    sync = os.fsync

    def watch(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            seen[str(status.st_ino)] = (status.st_size, status.st_mtime_ns)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    manifest = put(store, NAME, weights=b"weights")

    for one in manifest.all_layers:
        status = store.blob_path(one.digest).stat()
        assert seen[str(status.st_ino)] == (status.st_size, status.st_mtime_ns)


@pytest.mark.threat("E12")
def test_without_room_nothing_is_begun_and_it_is_said_how_much_is_missing(
    store: Store, store_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "big.gguf"
    with source.open("wb") as file:
        file.truncate(1024)
    real = os.statvfs(store_root)
    nearly_full = os.statvfs_result((*real[:3], 0, 0, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _path: nearly_full)

    with pytest.raises(NoSpace) as refusal:
        store.stage_file(source)
    with pytest.raises(NoSpace):
        store.stage_stream(io.BytesIO(b"12"), size_bytes=2)

    assert refusal.value.missing_bytes >= 1024
    assert list((store_root / "staged").iterdir()) == []


@pytest.mark.threat("E12")
@pytest.mark.fault
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(
    store: Store, store_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "no space left")

    with pytest.raises(NoSpace):
        store.stage_stream(Full(b"12"), size_bytes=2)

    assert list((store_root / "staged").iterdir()) == []


@pytest.mark.threat("E15")
def test_a_shared_blob_stays_until_its_last_model_goes(store: Store, store_root: Path) -> None:
    other = ModelName.parse("other:1")
    put(store, NAME, weights=b"shared", config=b"[1]")
    put(store, other, weights=b"shared", config=b"[2]")
    shared = Digest(hashlib.sha256(b"shared").hexdigest())

    assert store.referenced()[shared] == 2
    store.remove(NAME)
    assert store.has_blob(shared, size_bytes=6)
    assert not (store_root / "manifests/registry.ollama.ai/library/small").exists()
    store.remove(other)

    assert blobs(store_root) == set()
    assert store.remove(other) == []


@pytest.mark.threat("E15")
def test_a_manifest_that_cannot_be_read_stops_all_removing(store: Store, store_root: Path) -> None:
    put(store, NAME, weights=b"one")
    put(store, ModelName.parse("other:1"), weights=b"two")
    broken = store_root / "manifests/registry.ollama.ai/library/broken/1"
    broken.parent.mkdir()
    broken.write_bytes(b"{")
    before = blobs(store_root)

    store.remove(NAME)
    store.remove_unreferenced(older_than=2**40)

    assert blobs(store_root) == before
    assert [stored.name.short for stored in store.all()] == ["other:1"]
    with pytest.raises(BadManifest):
        store.referenced()


def test_young_files_are_not_pruned(store: Store, store_root: Path) -> None:
    store.publish(store.stage_bytes(b"about to be needed"))

    assert store.remove_unreferenced(older_than=0) == []
    assert len(blobs(store_root)) == 1


@pytest.mark.threat("E16")
def test_a_flipped_byte_is_noticed(store: Store) -> None:
    manifest = put(store, NAME, weights=b"weights")
    digest = manifest.layers[0].digest
    store.check_blob(digest)
    path = store.blob_path(digest)
    path.write_bytes(b"weighty")

    with pytest.raises(WrongBytes):
        store.check_blob(digest)
    with pytest.raises(WrongBytes):
        store.read_document(digest)


@pytest.mark.threat("E20")
def test_no_link_is_followed(store: Store, store_root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"weights")
    link = tmp_path / "link.gguf"
    link.symlink_to(secret)
    manifest = put(store, NAME, weights=b"weights")
    blob = store.blob_path(manifest.layers[0].digest)
    blob.unlink()
    blob.symlink_to(secret)

    for refused in (
        lambda: store.stage_file(link),
        lambda: store.stage_file(link, may_link=True),
        lambda: store.check_blob(manifest.layers[0].digest),
        lambda: store.read_document(manifest.layers[0].digest),
    ):
        with pytest.raises(NotAFile):
            refused()
    assert not store.has_blob(manifest.layers[0].digest, size_bytes=7)


@pytest.mark.threat("E20")
def test_a_link_put_in_the_place_of_a_staged_file_is_not_published(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"weights")
    write = files.write

    def exchanged(target: Path, data: bytes) -> None:
        write(target, data)
        target.unlink()
        target.symlink_to(secret)

    monkeypatch.setattr(files, "write", exchanged)

    with pytest.raises(NotAFile):
        store.stage_bytes(b"weights")


@pytest.mark.threat("E20")
@pytest.mark.parametrize("exchange", ["a link", "another length", "from elsewhere", "a folder"])
def test_what_was_exchanged_after_it_was_hashed_is_not_published(
    store: Store, store_root: Path, tmp_path: Path, exchange: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"weights")
    staged = store.stage_bytes(b"weights")
    if exchange == "from elsewhere":
        staged = Staged(secret, staged.digest, staged.size_bytes)
    elif exchange == "another length":
        staged.path.write_bytes(b"weights and more")
    else:
        staged.path.unlink()
        staged.path.symlink_to(secret) if exchange == "a link" else staged.path.mkdir()

    with store.locked(), pytest.raises((NotAFile, WrongBytes)):
        store.publish(staged)

    assert blobs(store_root) == set()
    assert secret.read_bytes() == b"weights"


@pytest.mark.threat("E20")
@pytest.mark.parametrize("level", range(4))
def test_manifests_behind_a_link_do_not_exist(
    store: Store, store_root: Path, tmp_path: Path, level: int
) -> None:
    put(store, NAME, weights=b"weights")
    parts = ["manifests", "registry.ollama.ai", "library", "small", "1"]
    folder = store_root.joinpath(*parts[: level + 1])
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)

    assert store.all() == []
    with pytest.raises(NoSuchManifest):
        store.manifest(NAME)


@pytest.mark.threat("E20")
@pytest.mark.parametrize("folder", ["blobs", "staged"])
def test_a_link_in_the_place_of_a_folder_is_refused(
    store: Store, store_root: Path, tmp_path: Path, folder: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (store_root / folder).symlink_to(elsewhere)

    with pytest.raises(OSError, match="a link where a folder should be"):
        put(store, NAME, weights=b"weights")

    assert list(elsewhere.iterdir()) == []


@pytest.mark.threat("E20")
def test_pipes_devices_and_folders_are_no_files(store: Store, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (pipe, tmp_path, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
            store.stage_file(path)


@pytest.mark.threat("E20")
def test_a_folder_that_everyone_may_write_to_is_refused(store: Store, store_root: Path) -> None:
    store_root.chmod(0o777)

    with pytest.raises(PermissionError):
        put(store, NAME, weights=b"weights")


def test_what_lies_elsewhere_in_the_folder_is_left_alone(store: Store, store_root: Path) -> None:
    put(store, NAME, weights=b"weights")
    library = store_root / "manifests/registry.ollama.ai/library"
    (library / "small/.hidden").write_text("{}")
    (library / "file").write_text("{}")
    (library / "small/deep").mkdir()
    (library / "small/deep/er").write_text("{}")
    partial = store_root / "blobs/sha256-abc-partial"
    partial.write_bytes(b"half")

    assert [stored.name for stored in store.all()] == [NAME]
    store.remove_unreferenced(older_than=2**40)
    assert partial.exists()


def test_a_manifest_without_end_is_not_read(store: Store, store_root: Path) -> None:
    put(store, NAME, weights=b"weights")
    path = store_root / "manifests/registry.ollama.ai/library/small/1"
    with path.open("ab") as file:
        file.write(b" " * 1024 * 1024)

    with pytest.raises(BadManifest):
        store.manifest(NAME)


def _kill_at(patched: pytest.MonkeyPatch, *, last: int, after: bool) -> None:
    """The `last` call of a function that changes the disk ends the process."""
    count = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count > last or (count == last and not after):
                raise Killed
            result = real(*args, **options)
            if count == last:
                raise Killed
            return result

        return call

    for name in ("fsync", "replace", "unlink", "mkdir", "rmdir", "open"):
        patched.setattr(os, name, dying(getattr(os, name)))


def _recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    events: list[tuple[str, str]] = []
    sync, rename, make = os.fsync, os.replace, os.mkdir

    def note_sync(descriptor: int) -> None:
        events.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        sync(descriptor)

    def note_rename(source: Path, target: Path) -> None:
        rename(source, target)
        events.append(("rename", f"{source} → {target}"))

    def note_make(path: Path, mode: int = 0o777) -> None:
        make(path, mode)
        events.append(("mkdir", str(path)))

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    monkeypatch.setattr(os, "mkdir", note_make)
    return events
