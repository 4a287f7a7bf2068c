"""HEAD and POST /api/blobs: files come in whole, under the name of their bytes, or not at all."""

import asyncio
import dataclasses
import hashlib
import os
import threading
import time
from collections import namedtuple
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.catalog import leaving
from portal.catalog.making import uploads
from portal.catalog.names import Digest
from portal.catalog.storage.staging import EXPECTED_SUFFIX
from portal.catalog.storage.store import NoSpace, Store
from tests.api.conftest import Caller, in_thread, make_person, make_secret

DATA = os.urandom(3 * 1024 * 1024 + 7)
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> Store:
    root = tmp_path / "models"
    root.mkdir()
    settings.PORTAL = dataclasses.replace(
        settings.PORTAL, models=root, max_upload_bytes=8 * 1024 * 1024
    )
    return Store(root)


@pytest.fixture
async def carol(http: httpx.AsyncClient) -> Caller:
    person = await in_thread(make_person)("carol@example.com", is_staff=True, is_superuser=True)
    return Caller(person, await in_thread(make_secret)(person), http)


async def send(caller: Caller, digest: str, data: Any = DATA) -> httpx.Response:
    return await caller.http.post(f"/api/blobs/{digest}", content=data, headers=caller.headers)


async def head(caller: Caller, digest: str) -> int:
    answer = await caller.http.head(f"/api/blobs/{digest}", headers=caller.headers)
    assert answer.content == b""
    return answer.status_code


def names_in(store: Store) -> tuple[set[str], set[str]]:
    """(blobs, staged files), without the notes of what is expected to be used."""
    blobs = store.blob_path(Digest("0" * 64)).parent
    folders = (blobs, store.staged_folder())
    found = [
        {path.name for path in each.iterdir() if path.suffix != EXPECTED_SUFFIX}
        if each.is_dir()
        else set()
        for each in folders
    ]
    return found[0], found[1]


async def test_a_blob_is_there_once_it_was_sent(carol: Caller, store: Store) -> None:
    before = await head(carol, DIGEST)
    first = await send(carol, DIGEST)
    again = await send(carol, DIGEST.replace(":", "-").upper().replace("SHA256", "sha256"))

    assert (before, first.status_code, again.status_code) == (404, 201, 200)
    assert (first.content, again.content) == (b"", b"")
    assert await head(carol, DIGEST) == 200
    assert store.blob_path(Digest.parse(DIGEST)).read_bytes() == DATA


@pytest.mark.parametrize(
    "digest",
    ["x", "sha256:", f"{DIGEST}0", f"md5:{'0' * 64}", "a/b"],
    ids=["a word", "no hash", "too long", "another kind", "a path"],
)
async def test_what_is_no_digest_is_refused(carol: Caller, store: Store, digest: str) -> None:
    refused = await send(carol, digest)

    assert (refused.status_code, refused.json()) == (400, {"error": "invalid digest format"})
    assert await head(carol, digest) == 400


@pytest.mark.threat("E23")
async def test_bytes_that_are_not_what_was_announced_never_get_that_name(
    carol: Caller, store: Store
) -> None:
    refused = await send(carol, OTHER)

    message = f'digest mismatch, expected "{OTHER}", got "{DIGEST}"'
    assert (refused.status_code, refused.json()) == (400, {"error": message})
    assert await head(carol, OTHER) == 404
    assert names_in(store) == ({Digest.parse(DIGEST).file_name}, set())


@pytest.mark.threat("E9")
async def test_a_name_that_was_there_before_is_no_proof(carol: Caller, store: Store) -> None:
    """Another program put something there; what is sent is taken and replaces it."""
    path = store.blob_path(Digest.parse(DIGEST))
    path.parent.mkdir()
    path.write_bytes(bytes(len(DATA)))

    answer = await send(carol, DIGEST)

    assert answer.status_code == 201
    assert path.read_bytes() == DATA


@pytest.mark.threat("E23")
async def test_a_body_without_end_ends_at_the_limit(carol: Caller, store: Store) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1024**3:
            sent += len(DATA)
            yield DATA

    refused = await send(carol, DIGEST, endless())
    announced = await carol.http.post(
        f"/api/blobs/{DIGEST}",
        content=b"",
        headers={**carol.headers, "Content-Length": str(10**12)},
    )

    assert (refused.status_code, announced.status_code) == (413, 413)
    assert "larger than this portal takes in" in refused.json()["error"]
    assert names_in(store) == (set(), set())


@pytest.mark.threat("E23")
async def test_what_waits_for_a_model_has_a_limit_of_its_own(
    carol: Caller, store: Store, settings: Any
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, upload_quota_bytes=len(DATA) + 10)

    first = await send(carol, DIGEST)
    second = await send(carol, OTHER, DATA[1:])

    assert (first.status_code, second.status_code) == (201, 507)
    assert "no model uses" in second.json()["error"]
    assert names_in(store) == ({Digest.parse(DIGEST).file_name}, set())


@pytest.mark.threat("E23")
async def test_a_hundred_senders_cannot_want_the_same_room(
    carol: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has room for two of them, with the margin that belongs to everybody else."""
    vfs = namedtuple("vfs", "f_bavail f_frsize")
    margin = 64 * 1024 * 1024

    def half_full(_path: object) -> Any:
        used = sum(path.lstat().st_size for path in store.staged_folder().iterdir())
        return vfs(margin + 2 * len(DATA) + 100 - used, 1)

    monkeypatch.setattr(os, "statvfs", half_full)
    begun = [await in_thread(attempt)(carol.person, number, len(DATA)) for number in range(100)]

    taken = [each for each in begun if isinstance(each, uploads.Upload)]
    assert len(taken) == 2
    for each in taken:
        each.discard()
    assert names_in(store)[1] == set()


def attempt(person: Any, number: int, size_bytes: int) -> Any:
    try:
        return uploads.begin(person, Digest(f"{number:064x}"), announced_bytes=size_bytes)
    except (NoSpace, uploads.NotTaken) as error:
        return error


@pytest.mark.threat("B15")
async def test_an_ordinary_key_neither_sends_nor_asks(alice: Caller, store: Store) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield DATA

    assert (await send(alice, DIGEST, never())).status_code == 403
    assert await head(alice, DIGEST) == 403
    assert names_in(store) == (set(), set())


async def test_many_send_the_same_at_once_and_it_is_there_once(carol: Caller, store: Store) -> None:
    answers = await asyncio.gather(*(send(carol, DIGEST) for _ in range(5)))

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert names_in(store) == ({Digest.parse(DIGEST).file_name}, set())


@pytest.mark.threat("E23")
@pytest.mark.django_db(transaction=True)
def test_who_is_cut_off_in_a_write_closes_the_file_behind_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is closed and opened anew means another file, which must not be written to."""
    upload = uploads.begin(None, Digest("0" * 64), announced_bytes=4)
    assert upload is not None
    honest, closed = os.write, []
    leaving_now = threading.Thread(target=upload.discard)

    def cut_off(descriptor: int, data: bytes) -> int:
        leaving_now.start()
        leaving_now.join(0.05)
        closed.append(not leaving_now.is_alive())
        return honest(descriptor, data)

    monkeypatch.setattr(os, "write", cut_off)
    upload.write(b"four")
    leaving_now.join()

    assert closed == [False]
    assert names_in(store)[1] == set()


async def test_what_was_left_unfinished_or_unused_is_removed(carol: Caller, store: Store) -> None:
    """A killed process cannot tidy up, and nobody else knows what it was about."""
    await send(carol, DIGEST)
    left = await in_thread(uploads.begin)(carol.person, Digest("0" * 64), announced_bytes=100)
    assert left is not None
    fresh = await in_thread(uploads.begin)(carol.person, Digest("1" * 64), announced_bytes=100)
    assert fresh is not None
    long_ago = time.time() - 2 * 86_400
    blob = store.blob_path(Digest.parse(DIGEST))
    (old,) = [path for path in store.staged_folder().iterdir() if path == left._path]
    note = store.staged_folder() / f"{blob.name.removeprefix('sha256-')}{EXPECTED_SUFFIX}"
    for path in (blob, note, old):
        os.utime(path, (long_ago, long_ago))

    await in_thread(leaving.prune)(None)

    assert names_in(store) == (set(), {fresh._path.name})
    assert not note.exists()
    left.discard()
    fresh.discard()


@pytest.mark.threat("E23")
@pytest.mark.parametrize("asks", ["sends it", "sends it again", "asks whether it is there"])
async def test_what_was_sent_waits_a_day_for_the_rest_of_its_model(
    carol: Caller, store: Store, asks: str
) -> None:
    """The second of two files may take hours to come, and who hears that the first one is here
    does not send it again."""
    await send(carol, DIGEST)
    blob = store.blob_path(Digest.parse(DIGEST))
    note = store.staged_folder() / f"{blob.name.removeprefix('sha256-')}{EXPECTED_SUFFIX}"
    hours_ago = time.time() - 20 * 3600
    if asks != "sends it":
        long_ago = time.time() - 3 * 86_400
        os.utime(note, (long_ago, long_ago))
        status = (await send(carol, DIGEST)).status_code if "again" in asks else 0
        assert status == 200 or await head(carol, DIGEST) == 200
    else:
        os.utime(note, (hours_ago, hours_ago))
    os.utime(blob, (hours_ago, hours_ago))
    # Somebody else's file beside the notes stops nothing.
    (store.staged_folder() / f"notes{EXPECTED_SUFFIX}").touch()

    await in_thread(leaving.prune)(None)
    assert blob.exists()

    long_ago = time.time() - 2 * 86_400
    os.utime(note, (long_ago, long_ago))
    await in_thread(leaving.prune)(None)
    assert not blob.exists()
