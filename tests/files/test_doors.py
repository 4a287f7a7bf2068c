"""Files in and out of the portal, through the page's doors."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.db.models import F
from django.test import Client

from portal import headers
from portal.accounts import quotas
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.files import limits, names, opening, places, queue, reading
from portal.files.models import DocumentText, File, State
from tests.doubles import papers
from tests.doubles.tab import OpenTab
from tests.files.conftest import Added
from unpacking.said import Text

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """The worker is gone in the middle."""


BrowserOf = Callable[[Person], Client]


def send(browser: Client, data: bytes = b"words", name: str = "notes.txt") -> Any:
    return browser.post("/page/files/", {"file": SimpleUploadedFile(name, data)})


def content(browser: Client, file_id: UUID) -> Any:
    return browser.get(f"/page/files/{file_id}/content")


def bytes_of(response: Any) -> bytes:
    async def read() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(read)()


def test_a_file_is_taken_in_and_told_of_before_and_after_it_was_read(
    browser_of: BrowserOf, alice: Person
) -> None:
    browser = browser_of(alice)

    first = send(browser, "Grüße ".encode() * 100).json()
    file_id = UUID(first["id"])
    early = content(browser, file_id)
    reading.read(file_id)
    then = browser.get(f"/page/files/{file_id}/").json()

    assert first == {
        "id": str(file_id),
        "name": "notes.txt",
        "kind": "document",
        "media_type": "text/plain",
        "size_bytes": 800,
        "state": "reading",
        "sentence": "",
        "tokens": None,
        "width": None,
        "height": None,
    }
    assert early.status_code == 409
    # About four bytes a token, and the blank at the end is a letter too.
    assert then == {**first, "state": "ready", "tokens": 200}
    assert bytes_of(content(browser, file_id)) == "Grüße ".encode() * 100
    assert Entry.objects.filter(act="file.added", person=alice).count() == 1


def test_a_picture_comes_back_as_it_was_drawn_anew(
    browser_of: BrowserOf, alice: Person, added: Added
) -> None:
    file_id = added(alice, papers.photograph_with_place(), name="cat.jpg")
    browser = browser_of(alice)

    told = browser.get(f"/page/files/{file_id}/").json()
    response = content(browser, file_id)

    assert (told["kind"], told["state"]) == ("image", "ready")
    assert (told["width"], told["height"], told["tokens"]) == (20, 40, None)
    assert response["Content-Type"] == "image/jpeg"
    data = bytes_of(response)
    assert len(data) == told["size_bytes"] == int(response["Content-Length"])
    assert b"SecretCamera" not in data
    assert b"SecretCamera" not in places.path_of(file_id).read_bytes()


@pytest.mark.threat("D10")
@pytest.mark.parametrize(
    ("name", "data", "shown"),
    [
        ("page.html", b"<script>ran()</script>", "page.html"),
        ("drawing.svg", b"<svg onload='ran()'/>", "drawing.svg"),
        ("../../etc/passwd", b"root", "passwd"),
        ("..\\..\\evil.txt", b"words", "evil.txt"),
        ("a\u202egnp.exe\x07\n.txt", b"words", "agnp.exe.txt"),
        ("a; filename=b.html", b"words", "a; filename=b.html"),
        ("photo.png", b"not a picture at all", "photo.png"),
        ("report.pdf", papers.picture(), "report.pdf"),
    ],
)
def test_what_is_taken_out_can_do_nothing_and_is_what_its_bytes_are(
    browser_of: BrowserOf, alice: Person, added: Added, name: str, data: bytes, shown: str
) -> None:
    browser = browser_of(alice)
    file_id = UUID(send(browser, data, name).json()["id"])
    reading.read(file_id)

    response = content(browser, file_id)

    is_picture = data.startswith(b"\x89PNG")
    expected = "image/png" if is_picture else "application/octet-stream"
    assert response["Content-Type"] == expected
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == headers.FILE_POLICY
    assert "sandbox" in headers.FILE_POLICY
    assert "default-src 'none'" in headers.FILE_POLICY
    assert response["Cache-Control"] == "no-store"
    assert File.objects.get(id=file_id).name == shown
    assert places.root() in places.path_of(file_id).parents


@pytest.mark.threat("D7")
@pytest.mark.threat("D10")
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "file"),
        ("../..", "file"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("a\u2066\u200b\x00b\r\nSet-Cookie: x.md", "abSet-Cookie: x.md"),
        ("x" * 300 + ".md", "x" * 196 + "….md"),
        ("x" * 150 + "." + "y" * 150, "x" * 150 + "." + "y" * 48 + "…"),
        ("季度 报告.pdf", "季度 报告.pdf"),
    ],
)
def test_a_name_is_a_line_to_show_and_never_a_path(given: str, shown: str) -> None:
    assert names.shown(given) == shown


@pytest.mark.threat("B1")
@pytest.mark.threat("B7")
@pytest.mark.parametrize("other", ["bob", "carol_the_admin"])
def test_anothers_file_looks_as_if_it_had_never_been(
    browser_of: BrowserOf, alice: Person, added: Added, other: str, request: pytest.FixtureRequest
) -> None:
    file_id = added(alice)
    stranger = browser_of(request.getfixturevalue(other))

    for path in ("", "content"):
        for method in ("get", "delete"):
            if path and method == "delete":
                continue
            hers, nobodys = (
                getattr(stranger, method)(f"/page/files/{each}/{path}")
                for each in (file_id, uuid4())
            )
            assert hers.status_code == nobodys.status_code == 404
            assert hers.content == nobodys.content
    assert content(browser_of(alice), file_id).status_code == 200
    assert content(Client(), file_id).status_code == 302


@pytest.mark.threat("A15")
def test_nothing_is_taken_or_dropped_without_the_token(alice: Person, added: Added) -> None:
    file_id = added(alice)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert send(browser).status_code == 403
    assert browser.delete(f"/page/files/{file_id}/").status_code == 403
    assert File.objects.count() == 1


@pytest.mark.threat("C15")
@pytest.mark.threat("E23")
@pytest.mark.threat("I1")
def test_what_cannot_be_taken_in_is_refused_in_a_sentence_and_leaves_nothing(
    browser_of: BrowserOf,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    tight: Callable[..., None],
) -> None:
    browser = browser_of(alice)
    refusals = [browser.post("/page/files/", {}), send(browser, b"")]
    assert [each.status_code for each in refusals] == [400, 400]

    tight(max_file_bytes=10)
    refusals.append(send(browser, b"x" * 11))
    assert refusals[-1].status_code == 413
    tight(max_file_bytes=100, file_quota_bytes=15)
    assert send(browser, b"x" * 10).status_code == 201
    refusals.append(send(browser, b"x" * 10))
    assert refusals[-1].status_code == 413
    tight(max_file_bytes=100, file_quota_bytes=0)
    assert send(browser, b"x" * 10).status_code == 201
    monkeypatch.setattr(limits, "MAX_UNSENT", 2)
    refusals.append(send(browser, b"x"))
    assert refusals[-1].status_code == 429
    assert refusals[-1]["Retry-After"]
    monkeypatch.setattr(places, "free_bytes", lambda: 1_000)
    refusals.append(send(browser, b"x"))
    assert refusals[-1].status_code == 503

    assert all(each.json()["error"].endswith(".") for each in refusals)
    assert File.objects.count() == 2
    assert len([path for path in places.root().glob("??/*") if path.is_file()]) == 2


@pytest.mark.threat("C5")
def test_whoever_adds_files_without_end_is_told_to_wait(
    browser_of: BrowserOf, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MAX_ATTACHMENTS_A_MINUTE", 2)
    browser = browser_of(alice)

    answers = [send(browser) for _ in range(3)]

    assert [each.status_code for each in answers] == [201, 201, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert send(browser_of(bob)).status_code == 201
    assert File.objects.filter(owner=alice).count() == 2


@pytest.fixture
def tight(settings: Any) -> Callable[..., None]:
    """Sets limits of the operator's."""
    from dataclasses import replace

    def set_to(**more: int) -> None:
        settings.PORTAL = replace(settings.PORTAL, **more)

    return set_to


@pytest.mark.threat("I1")
def test_files_that_come_at_once_never_pass_the_quota_together(
    browser_of: BrowserOf, alice: Person, tight: Callable[..., None]
) -> None:
    tight(file_quota_bytes=35)
    browser = browser_of(alice)
    cookies = browser.cookies

    def add(_number: int) -> int:
        mine = Client()
        mine.cookies = cookies
        try:
            return int(send(mine, b"x" * 10).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = sorted(pool.map(add, range(8)))

    assert answers == [201] * 3 + [413] * 5
    assert sum(File.objects.values_list("size_bytes", flat=True)) == 30


@pytest.mark.threat("F23")
def test_a_file_that_cannot_be_read_says_why_in_her_language_and_its_bytes_are_gone(
    browser_of: BrowserOf, alice: Person, added: Added
) -> None:
    bomb = added(alice, papers.gigapixels(), name="tiny.png")
    locked = added(alice, papers.pdf_with_a_password(), name="secret.pdf")
    browser = browser_of(alice)

    told = {each: browser.get(f"/page/files/{each}/").json() for each in (bomb, locked)}
    chinese = browser.get(f"/page/files/{locked}/", headers={"Accept-Language": "zh-hans"}).json()

    assert {each["state"] for each in told.values()} == {"refused"}
    assert "too large" in told[bomb]["sentence"]
    assert "password" in told[locked]["sentence"]
    assert chinese["sentence"] not in ("", told[locked]["sentence"])
    for file_id in (bomb, locked):
        assert not places.path_of(file_id).exists()
        assert content(browser, file_id).status_code == 409
    assert Entry.objects.filter(act="file.refused").count() == 2


def test_a_file_that_was_taken_out_is_gone_with_its_bytes(
    browser_of: BrowserOf, alice: Person, added: Added
) -> None:
    file_id = added(alice)
    browser = browser_of(alice)

    assert browser.delete(f"/page/files/{file_id}/").status_code == 204
    assert browser.delete(f"/page/files/{file_id}/").status_code == 404

    assert not File.objects.exists()
    assert not DocumentText.objects.exists()
    assert not places.path_of(file_id).exists()
    assert Entry.objects.filter(act="file.dropped", person=alice).count() == 1


async def test_every_tab_of_hers_hears_of_it_and_nobody_elses(
    open_tab: OpenTab, alice: Person, bob: Person, a_model: Model, added: Added
) -> None:
    from channels.db import database_sync_to_async

    tabs = [await open_tab(alice), await open_tab(alice)]
    his = await open_tab(bob)
    for tab in (*tabs, his):
        await tab.says("hello")

    file_id = await database_sync_to_async(added)(alice, name="plan.md")
    for tab in tabs:
        await tab.until(lambda tab=tab: tab.pushed_of("file.changed"))

    for tab in tabs:
        [frame] = tab.pushed_of("file.changed")
        assert (frame["file"]["id"], frame["file"]["state"]) == (str(file_id), "ready")
        assert frame["file"]["media_type"] == "text/markdown"
    await his.says("ping")
    assert his.pushed_of("file.changed") == []


@pytest.mark.threat("G10")
def test_a_task_that_is_delivered_twice_or_killed_reads_a_file_once(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def dies(_path: Any) -> Any:
        opened.append(1)
        raise Killed

    file_id = added(alice, read=False)
    monkeypatch.setattr(opening, "opened", dies)
    with pytest.raises(Killed):
        reading.read(file_id)
    reading.read(file_id)
    assert opened == [1], "somebody has it still, as far as anybody knows"
    for _ in range(reading.MAX_TRIES - 1):
        _its_worker_is_gone()
        with pytest.raises(Killed):
            reading.read(file_id)
    _its_worker_is_gone()
    reading.read(file_id)

    assert len(opened) == reading.MAX_TRIES
    assert File.objects.get().problem == "limits"
    assert not places.path_of(file_id).exists()


@pytest.mark.threat("F11")
def test_the_files_of_one_person_are_read_two_at_a_time_and_those_of_others_meanwhile(
    alice: Person, bob: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers = [added(alice, read=False) for _ in range(4)]
    his = added(bob, read=False)
    told: list[UUID] = []
    monkeypatch.setattr(queue, "send", told.append)
    really, nested = opening.opened, iter([hers[1], hers[2], his])

    def others_come_meanwhile(path: Any) -> Any:
        for file_id in nested:
            reading.read(file_id)
        return really(path)

    monkeypatch.setattr(opening, "opened", others_come_meanwhile)
    reading.read(hers[0])

    states = dict(File.objects.values_list("id", "state"))
    assert [states[each] for each in (*hers, his)] == [
        *("ready", "ready", "reading", "reading"),
        "ready",
    ]
    # What stood aside is called when there is room again.
    assert set(told) == {hers[2]}


def test_a_worker_that_wakes_up_late_changes_nothing(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = added(alice, read=False)

    def slow(_path: Any) -> Text:
        monkeypatch.undo()
        _its_worker_is_gone()
        reading.read(file_id)
        return Text(media_type="text/plain", text="late")

    monkeypatch.setattr(opening, "opened", slow)
    reading.read(file_id)

    assert DocumentText.objects.get().text == "The answer is 42."
    assert File.objects.get().state == State.READY


def test_a_worker_that_another_has_replaced_writes_nothing(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = added(alice, read=False)

    def slow(_path: Any) -> Text:
        # Somebody else has begun meanwhile, and is not done.
        File.objects.update(tries=F("tries") + 1)
        return Text(media_type="text/plain", text="late")

    monkeypatch.setattr(opening, "opened", slow)
    reading.read(file_id)

    assert File.objects.get().state == State.READING
    assert not DocumentText.objects.exists()


def test_a_file_that_is_dropped_while_it_is_read_leaves_nothing(
    browser_of: BrowserOf, alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = added(alice, papers.picture(), read=False)
    really = opening.opened

    def meanwhile(path: Any) -> Any:
        said = really(path)
        assert browser_of(alice).delete(f"/page/files/{file_id}/").status_code == 204
        return said

    monkeypatch.setattr(opening, "opened", meanwhile)
    reading.read(file_id)

    assert not File.objects.exists()
    assert not places.path_of(file_id).exists()


def _its_worker_is_gone() -> None:
    """The lease of whoever took it has run out."""
    from django.utils import timezone

    File.objects.update(taken_at=timezone.now() - 2 * reading.LEASE)
