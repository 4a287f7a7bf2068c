"""Models come in, change their names and go, by pages that say what happened and write it down."""

import dataclasses
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from kombu.exceptions import OperationalError

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import access, aliases, tasks
from portal.catalog.coming import arrivals
from portal.catalog.jobs import queue
from portal.catalog.models import Job, JobState, Model, ModelState
from portal.chat.models import Generation
from portal.streams.jobs import Line, Teller
from tests.catalog.gguf_files import chat_gguf

pytestmark = pytest.mark.django_db

ADD = "/admin/catalog/model/add/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Jobs that were told to the background."""
    told: list[Any] = []
    monkeypatch.setattr(queue, "send", told.append)
    return told


def page_of(model: Model) -> str:
    return reverse("admin:catalog_model_change", args=[model.pk])


def pressed(browser: Client, model: Model, **fields: Any) -> str:
    """What the page says after this button."""
    address = reverse("admin:catalog_model_act", args=[model.pk])
    return browser.post(address, fields, follow=True).content.decode()


# Coming in.


def test_a_name_is_fetched_in_the_background_and_the_asking_is_written_down(
    carols_browser: Client, carol_the_admin: Person, sent: list[Any]
) -> None:
    answer = carols_browser.post(ADD, {"name": " llama3.2:3b "}, follow=True)

    job = Job.objects.get()
    assert (job.kind, job.name, job.state) == ("pull", "llama3.2:3b", JobState.QUEUED)
    assert f'id="job-{job.id}"' in answer.content.decode()
    assert Entry.objects.filter(act="job.started", person=carol_the_admin).exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Write the name of a model first"),
        ("two words", "is not the name of a model"),
        ("a//b", "is not the name of a model"),
        ("<script>", "&lt;script&gt;"),
    ],
)
def test_what_is_no_name_is_refused_with_examples_and_stays_in_the_field(
    carols_browser: Client, sent: list[Any], name: str, sentence: str
) -> None:
    body = carols_browser.post(ADD, {"name": name}, follow=True).content.decode()

    assert sentence in body
    assert "nothing was fetched" in body
    assert "<script>" not in body
    assert not Job.objects.exists()


@pytest.mark.threat("E3")
def test_a_registry_that_is_not_listed_is_not_even_asked(
    carols_browser: Client, sent: list[Any]
) -> None:
    address = {"name": "169.254.169.254/latest/meta:1"}
    body = carols_browser.post(ADD, address, follow=True).content.decode()

    assert not Job.objects.exists()
    assert not sent
    assert 'class="jobs"' in body
    assert "169.254.169.254" in body


def test_without_encryption_only_listed_registries_are_asked(
    carols_browser: Client, sent: list[Any], settings: Any
) -> None:
    assert "Without encryption" not in carols_browser.get(ADD).content.decode()

    asked = {"name": "llama3.2:3b", "insecure": "on"}
    body = carols_browser.post(ADD, asked, follow=True).content.decode()

    assert "Nothing was fetched." in body
    assert not Job.objects.exists()
    settings.PORTAL = dataclasses.replace(
        settings.PORTAL, registries=("registry.lan",), registries_plain=("registry.lan",)
    )
    assert "only for registry.lan" in carols_browser.get(ADD).content.decode()
    carols_browser.post(ADD, {"name": "registry.lan/team/small:1", "insecure": "on"})
    assert Job.objects.get().wants == {"insecure": True}


def test_the_list_of_jobs_says_how_far_each_is_the_same_after_a_reload(
    carols_browser: Client, carol_the_admin: Person
) -> None:
    job = Job.objects.create(kind="pull", name="llama3.2:3b", state=JobState.RUNNING, fence=1)
    teller = Teller(job.id, attempt=1)
    teller.tell(Line(status="pulling manifest"))
    teller.tell(Line(status="pulling aaaa", digest="sha256:" + "a" * 64, total=100, completed=40))
    teller.tell(Line(status="pulling bbbb", digest="sha256:" + "b" * 64, total=20, completed=20))

    for _look in range(2):
        (row,) = carols_browser.get(reverse("admin:catalog_model_jobs")).json()["rows"]
        assert (row["completed"], row["total"]) == (60, 120)
        assert [layer["digest"] for layer in row["layers"]] == ["a" * 12, "b" * 12]
        assert row["can_cancel"]
        assert not row["can_resume"]


def test_a_long_job_stays_in_the_list_however_many_end_after_it(
    carols_browser: Client, carol_the_admin: Person
) -> None:
    long = Job.objects.create(kind="pull", name="large:70b", state=JobState.RUNNING)
    for number in range(arrivals.SHOWN_JOBS + 5):
        Job.objects.create(kind="create", name=f"small:{number}", state=JobState.DONE)

    listed = carols_browser.get(reverse("admin:catalog_model_jobs")).json()["rows"]

    assert listed[0]["id"] == str(long.id)
    assert listed[0]["can_cancel"]
    assert len(listed) == arrivals.SHOWN_JOBS
    assert listed[1]["name"] == f"small:{arrivals.SHOWN_JOBS + 4}"


def test_a_failed_job_says_why_and_is_resumed_and_cancelled_from_its_row(
    carols_browser: Client, carol_the_admin: Person, sent: list[Any]
) -> None:
    job = Job.objects.create(
        kind="pull",
        name="llama3.2:3b",
        state=JobState.FAILED,
        failure="The registry was away.",
        ended_at="2026-01-01T00:00:00Z",
    )
    body = carols_browser.get(ADD).content.decode()
    assert "The registry was away." in body
    assert "Try again" in body

    address = reverse("admin:catalog_model_job_act")
    carols_browser.post(address, {"job": job.id, "act": "resume"})
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    carols_browser.post(address, {"job": job.id, "act": "cancel"})
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED

    for nonsense in ({}, {"job": "x", "act": "cancel"}, {"job": job.id, "act": "burn"}):
        answer = carols_browser.post(address, nonsense, follow=True)
        assert "nothing was changed" in answer.content.decode()
    gone = carols_browser.post(address, {"job": uuid.uuid4(), "act": "cancel"}, follow=True)
    assert "does not exist" in gone.content.decode()


def test_a_file_that_lies_on_the_server_is_taken_in_by_its_name_only(
    carols_browser: Client, settings: Any, tmp_path: Path, sent: list[Any]
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, home=tmp_path)
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "small.gguf").write_bytes(chat_gguf())
    (folder / "notes.txt").write_text("not a model")
    (folder / "linked.gguf").symlink_to("/etc/passwd")
    address = reverse("admin:catalog_model_add_file")

    body = carols_browser.get(address).content.decode()
    assert "small.gguf" in body
    assert "notes.txt" not in body
    assert "linked.gguf" not in body
    for file in ("../small.gguf", "/etc/passwd", "linked.gguf", "gone.gguf"):
        answer = carols_browser.post(address, {"file": file, "name": "small:1"}, follow=True)
        assert "does not lie in the folder" in answer.content.decode()
    assert not Job.objects.exists()
    carols_browser.post(address, {"file": "small.gguf", "name": "small:1"})

    job = Job.objects.get()
    assert (job.kind, job.name, job.wants) == ("import", "small:1", {"file": "small.gguf"})


def test_a_modelfile_makes_a_model_out_of_another_in_the_background(
    carols_browser: Client, small_model: Model, sent: list[Any]
) -> None:
    address = reverse("admin:catalog_model_modelfile")
    text = 'FROM small:1\nPARAMETER temperature 0.2\nSYSTEM """Be brief."""\n'

    body = _posted(carols_browser, address, name="brief:1", text=text)

    job = Job.objects.get()
    assert (job.kind, job.name) == ("create", "brief:1")
    assert job.wants["base"] == "small:1"
    assert job.wants["system"] == "Be brief."
    assert f'id="job-{job.id}"' in body


@pytest.mark.threat("E24")
@pytest.mark.parametrize(
    "text",
    [
        "FROM /etc/passwd",
        "FROM ./weights.gguf",
        "FROM ../../secret_key",
        "FROM ~/model.gguf",
        "FROM small:1\nADAPTER /etc/passwd",
        "FROM small:1\nDRAFT /etc/passwd",
    ],
)
def test_a_modelfile_in_the_browser_names_no_file_of_the_server(
    carols_browser: Client, small_model: Model, sent: list[Any], text: str
) -> None:
    address = reverse("admin:catalog_model_modelfile")

    body = _posted(carols_browser, address, name="thief:1", text=text)

    assert "Files cannot be named here" in body
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("SYSTEM hello", "no FROM line"),
        ("FROM small:1\nPARAMETER colour green", "unknown parameter"),
        ("NONSENSE", "This is not a Modelfile"),
    ],
)
def test_a_modelfile_that_cannot_be_read_says_why_and_stays_in_the_field(
    carols_browser: Client, small_model: Model, sent: list[Any], text: str, sentence: str
) -> None:
    address = reverse("admin:catalog_model_modelfile")

    body = _posted(carols_browser, address, name="brief:1", text=text)

    assert sentence in body
    assert text in body
    assert not Job.objects.exists()


def test_a_folder_of_ollama_is_looked_into_when_asked(
    carols_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(tasks.sync, "delay", lambda: asked.append(True))
    address = reverse("admin:catalog_model_add_folder")
    assert "The folder is being read" in _posted(carols_browser, address)
    assert asked == [True]

    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.sync, "delay", away)
    assert "The queue does not answer" in _posted(carols_browser, address)


# One model.


def test_the_page_of_a_model_shows_its_papers_and_its_files(
    carols_browser: Client, small_model: Model
) -> None:
    body = carols_browser.get(page_of(small_model)).content.decode()

    for words in (
        *("small:1", "llama", "Q4_K_M", small_model.digest, small_model.weights),
        *("Modelfile", "May be used by: nobody (hidden).", "Not measured yet."),
    ):
        assert words in body, words


@pytest.mark.threat("D1")
def test_what_a_model_says_of_itself_is_text_and_nothing_else(
    carols_browser: Client, small_model: Model
) -> None:
    Model.objects.filter(id=small_model.id).update(
        system="<script>ran()</script>", parameters={"stop": ["<img src=x onerror=ran()>"]}
    )

    body = carols_browser.get(page_of(small_model)).content.decode()

    assert "<script>ran()" not in body
    assert "<img src=x" not in body
    assert "&lt;script&gt;ran()" in body


def test_a_model_without_its_files_still_has_a_page(
    carols_browser: Client, small_model: Model, settings: Any, tmp_path: Path
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=tmp_path / "nothing")

    body = carols_browser.get(page_of(small_model)).content.decode()

    assert "Its files cannot be read." in body


@pytest.mark.parametrize(
    ("act", "written"),
    [
        ("pin", "model.pinned"),
        ("unload", "model.unloaded"),
        ("load", "model.loaded_early"),
        ("try", "model.check_asked"),
        ("retire", "model.retired"),
    ],
)
def test_every_act_of_the_page_is_written_down(
    carols_browser: Client, carol_the_admin: Person, small_model: Model, act: str, written: str
) -> None:
    pressed(carols_browser, small_model, act=act)

    assert Entry.objects.filter(act=written, person=carol_the_admin).exists()


def test_a_press_that_makes_no_sense_changes_nothing(
    carols_browser: Client, small_model: Model
) -> None:
    before = Entry.objects.count()

    for fields in ({}, {"act": "explode"}, {"act": "retire", "successor": "x"}):
        assert "nothing was changed" in pressed(carols_browser, small_model, **fields)

    assert Entry.objects.count() == before


def test_a_model_is_loaded_by_the_shortest_question(
    carols_browser: Client, carol_the_admin: Person, small_model: Model
) -> None:
    pressed(carols_browser, small_model, act="load")

    generation = Generation.objects.get()
    assert generation.owner == carol_the_admin
    assert generation.request["options"]["num_predict"] == 1


def test_checking_the_files_is_left_to_the_background_and_its_absence_is_said(
    carols_browser: Client, small_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_model_id: str) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.check_bytes, "delay", away)

    assert "The queue does not answer." in pressed(carols_browser, small_model, act="check")


@pytest.mark.threat("B15")
def test_who_may_only_look_sees_the_page_and_no_button(
    small_model: Model, browser_of: Callable[[Person], Client]
) -> None:
    erin = Person.objects.create_user("erin@example.org", "a long password", is_staff=True)
    erin.user_permissions.add(Permission.objects.get(codename="view_model"))
    browser = browser_of(erin)

    body = browser.get(page_of(small_model)).content.decode()

    assert "small:1" in body
    for words in ("Retire", "Measure", "Keep loaded", "data-try"):
        assert words not in body, words
    for page in ("act", "try", "measure"):
        address = reverse(f"admin:catalog_model_{page}", args=[small_model.pk])
        assert browser.post(address, {"act": "retire", "prompt": "x"}).status_code == 403
    pages = ("names", "loaded", "add_file", "add_folder", "modelfile", "jobs", "job_act", "add")
    for page in pages:
        assert browser.get(reverse(f"admin:catalog_model_{page}")).status_code == 403, page
        assert browser.post(reverse(f"admin:catalog_model_{page}")).status_code == 403, page


# Names that stay.


def test_a_stable_name_is_given_changed_and_taken_back_by_one_click_each(
    carols_browser: Client, small_model: Model, carol_the_admin: Person
) -> None:
    other = Model.objects.create(
        name="other:1",
        digest="1" * 64,
        weights="1" * 64,
        state=ModelState.READY,
        modified_at=small_model.modified_at,
    )
    names = reverse("admin:catalog_model_names")
    carols_browser.post(names, {"name": "general", "model": small_model.pk})
    (shown,) = aliases.shown()
    change = reverse("admin:catalog_model_name_change", args=[shown.alias.pk])

    body = _posted(carols_browser, change, act="point", model=other.pk)
    assert "Stands for other:1." in body
    assert "Back to small:1" in body
    assert access.model_for_use(carol_the_admin, "general") == other
    _posted(carols_browser, change, act="back")
    assert access.model_for_use(carol_the_admin, "general") == small_model
    _posted(carols_browser, change, act="remove")
    assert aliases.shown() == []


def test_a_stable_name_that_makes_no_sense_is_refused_in_a_sentence(
    carols_browser: Client, small_model: Model
) -> None:
    names = reverse("admin:catalog_model_names")

    for fields, sentence in (
        ({"name": "two words", "model": small_model.pk}, "This cannot be a name."),
        ({"name": "small:1", "model": small_model.pk}, "A model has this name already."),
        ({"name": "general"}, "nothing was changed"),
    ):
        assert sentence in _posted(carols_browser, names, **fields)

    assert aliases.shown() == []


def test_a_model_is_retired_with_a_successor_and_brought_back(
    carols_browser: Client, small_model: Model
) -> None:
    other = Model.objects.create(
        name="other:1", digest="1" * 64, weights="1" * 64, modified_at=small_model.modified_at
    )

    body = pressed(carols_browser, small_model, act="retire", successor=other.pk)
    assert "other:1 takes its place" in body
    assert "Bring back" in body
    body = pressed(carols_browser, small_model, act="bring-back")

    assert "can choose it again" in body


def _posted(browser: Client, address: str, **fields: Any) -> str:
    return browser.post(address, fields, follow=True).content.decode()
