"""Uploads over their addresses: sent in pieces, taken up again, refused before a byte is kept."""

import dataclasses
import datetime
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import jobs
from portal.catalog.models import Job, JobState, Model, Upload
from portal.catalog.names import ModelName
from portal.catalog.storage import folders
from portal.catalog.storage.store import Store
from portal.catalog.uploads import acts, places, writing
from portal.faults import Broken
from tests.catalog.gguf_files import build_gguf, chat_gguf, number_value, tensor, text_value
from tests.catalog.uploads.conftest import Sender

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.threat("E23")]

WHOLE = chat_gguf()


def limited(settings: Any, **changes: Any) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, **changes)


def refusal(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


def test_a_file_sent_in_pieces_becomes_a_model_that_nobody_may_use_yet(
    carol: Sender, sent: list[UUID], store: Store
) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]

    first = carol.more(address, WHOLE[:100], offset=0)
    last = carol.more(address, WHOLE[100:], offset=100)
    jobs.work(sent[0])

    assert (first.status_code, first["Upload-Offset"]) == (204, "100")
    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(WHOLE)))
    model = Model.objects.get(name="small:1")
    assert model.weights == hashlib.sha256(WHOLE).hexdigest()
    assert not model.is_published
    assert store.manifest(ModelName.parse("small:1"))
    assert not Upload.objects.exists()
    assert not places.known()
    assert Job.objects.get().state == JobState.DONE
    assert "upload.begun" in Entry.objects.values_list("act", flat=True)


def test_after_a_break_it_goes_on_from_what_is_here(carol: Sender, sent: list[UUID]) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    carol.more(address, WHOLE[:200], offset=0)

    told = carol.offset(address)
    listed = carol.client.get("/uploads/").json()["uploads"]
    again = carol.begin("small:1", {"small.gguf": len(WHOLE)}).json()
    carol.more(address, WHOLE[200:], offset=200)

    assert (told["Upload-Offset"], told["Upload-Length"]) == ("200", str(len(WHOLE)))
    assert told["Cache-Control"] == "no-store"
    assert "Upload-Expires" in told
    assert [file["offset"] for upload in listed for file in upload["files"]] == [200]
    assert again["files"][0]["address"] == address
    assert len(sent) == 1


def test_bytes_at_a_wrong_place_are_refused_and_change_nothing(carol: Sender) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    carol.more(address, WHOLE[:100], offset=0)

    ahead = carol.more(address, WHOLE[150:200], offset=150)
    behind = carol.more(address, WHOLE[50:100], offset=50)
    too_long = carol.more(address, WHOLE[100:] + b"more", offset=100)

    assert (ahead.status_code, behind.status_code, too_long.status_code) == (409, 409, 413)
    assert carol.offset(address)["Upload-Offset"] == "100"
    assert not Job.objects.exists()


def test_one_tab_at_a_time_sends_a_file(carol: Sender) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    file = Upload.objects.get().files.get()

    with folders.locked(places.path_of(file)):
        busy = carol.more(address, WHOLE, offset=0)

    assert busy.status_code == 423
    assert carol.more(address, WHOLE, offset=0).status_code == 204


def test_a_sender_of_another_protocol_is_told_which_one_this_is(carol: Sender) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]

    old = carol.client.head(address, headers={"Tus-Resumable": "0.2.2"})
    untyped = carol.client.patch(
        address, WHOLE, headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    )

    assert (old.status_code, old["Tus-Version"]) == (412, "1.0.0")
    assert untyped.status_code == 415
    assert carol.client.put(address).status_code == 405


def test_a_model_in_parts_with_a_projector_comes_in_together(
    carol: Sender, sent: list[UUID], store: Store
) -> None:
    files = {
        "m-00001-of-00002.gguf": part(0, "one"),
        "m-00002-of-00002.gguf": part(1, "two"),
        "mmproj-m.gguf": chat_gguf(salt="eyes"),
    }

    carol.send("seeing:1", files)
    jobs.work(sent[0])

    assert Job.objects.get().failure == ""
    model = Model.objects.get(name="seeing:1")
    assert model.projector == hashlib.sha256(files["mmproj-m.gguf"]).hexdigest()
    assert "vision" in model.capabilities


def part(number: int, name: str) -> bytes:
    values = [
        text_value("general.architecture", "llama"),
        number_value("split.no", number),
        number_value("split.count", 2),
        number_value("split.tensors.count", 2),
    ]
    one = tensor(name, shape=(8,), kind=0, offset=0)
    return build_gguf(values, tensors=[one], data=bytes(32))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "Choose a file first"),
        ({"a.gguf": 0}, "empty"),
        ({"a.gguf": 5, "b.gguf": 5}, "not the files of one model"),
        ({"m-00001-of-00003.gguf": 5, "m-00002-of-00003.gguf": 5}, "not the files of one model"),
        ({"mmproj.gguf": 5}, "not the files of one model"),
        ({"notes.pdf": 5}, "neither a GGUF"),
        ({"model.safetensors": 5}, "config.json"),
        ({"../../etc/passwd.gguf": 5}, "cannot be kept"),
        ({"/etc/a.gguf": 5}, "cannot be kept"),
        ({"a/b/c.gguf": 5}, "cannot be kept"),
        ({"a\0.gguf": 5}, "cannot be kept"),
        ({".hidden.gguf": 5}, "cannot be kept"),
        ({"a.gguf": 5, "A.gguf": 5}, "one twice"),
    ],
)
def test_files_that_are_not_one_model_are_refused_before_anything_is_sent(
    carol: Sender, files: dict[str, int], words: str
) -> None:
    status, sentence = refusal(carol.begin("small:1", files))

    assert status == 400
    assert words in sentence
    assert not places.known()


def test_what_is_no_order_is_refused(carol: Sender) -> None:
    orders: list[Any] = [
        [],
        {"name": "a"},
        {"name": "a", "files": []},
        {"name": 5, "files": {"a.gguf": 5}},
        {"name": "a", "files": {"a.gguf": -1}},
        {"name": "a", "files": {"a.gguf": 2**62}},
        {"name": "a", "files": {"a.gguf": True}},
        {"name": "a", "files": {"a.gguf": 5}, "sha256": 5},
        {"name": "../a", "files": {"a.gguf": 5}},
        {"name": "a", "files": {"a.gguf": 5}, "sha256": "xyz"},
        {"name": "a" * 300_000, "files": {"a.gguf": 5}},
    ]

    assert {carol.post(order).status_code for order in orders} == {400}
    assert not Upload.objects.exists()


def test_too_much_is_refused_before_a_byte_of_it_comes(carol: Sender, settings: Any) -> None:
    limited(settings, max_upload_bytes=1_000)
    too_large = carol.begin("small:1", {"a.gguf": 1_001})
    limited(settings, upload_quota_bytes=1_500)
    carol.begin("small:1", {"a.gguf": 1_000})
    quota = carol.begin("small:2", {"a.gguf": 501})

    assert refusal(too_large)[0] == 413
    assert "Nothing was sent" in refusal(too_large)[1]
    assert refusal(quota)[0] == 413
    assert Upload.objects.count() == 1


def test_a_full_disk_says_how_much_is_missing_and_keeps_nothing(
    carol: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.catalog.jobs.room.free_bytes", lambda root: 1_000_000)

    status, sentence = refusal(carol.begin("small:1", {"a.gguf": 5_000_000}))

    assert status == 503
    assert "more are needed" in sentence
    assert not Upload.objects.exists()
    assert not places.known()


def test_room_is_taken_before_the_bytes_come(carol: Sender) -> None:
    carol.begin("small:1", {"a.gguf": 10_000_000})

    path = places.path_of(Upload.objects.get().files.get())
    assert path.stat().st_blocks * 512 >= 10_000_000


def test_a_hundred_uploads_at_once_cannot_be_begun(carol: Sender) -> None:
    replies = [carol.begin(f"small:{n}", {"a.gguf": 5}).status_code for n in range(30)]

    assert replies == [201] * acts.MAX_OPEN + [503] * (30 - acts.MAX_OPEN)


def test_bytes_that_are_not_what_was_promised_get_no_name(carol: Sender, sent: list[UUID]) -> None:
    promised = hashlib.sha256(b"other").hexdigest()

    carol.send("small:1", {"small.gguf": WHOLE}, sha256=promised)
    jobs.work(sent[0])

    assert Job.objects.get().state == JobState.FAILED
    assert "Nothing was changed" in jobs.sentence_about(Job.objects.get())
    assert not Model.objects.exists()
    # The files are hers again: she may drop them.
    upload = Upload.objects.get()
    assert carol.client.delete(f"/uploads/{upload.id}/").status_code == 204
    assert not places.known()


def test_what_is_no_model_is_told_and_taken_in_never(carol: Sender, sent: list[UUID]) -> None:
    carol.send("small:1", {"small.gguf": b"MZ" + bytes(500)})
    jobs.work(sent[0])

    assert "not a model that the portal can read" in jobs.sentence_about(Job.objects.get())
    assert not Model.objects.exists()


def test_a_dropped_upload_leaves_nothing(carol: Sender) -> None:
    begun = carol.begin("small:1", {"small.gguf": len(WHOLE)}).json()
    carol.more(begun["files"][0]["address"], WHOLE[:50], offset=0)

    assert carol.client.delete(begun["address"]).status_code == 204

    assert not Upload.objects.exists()
    assert not places.known()
    assert carol.offset(begun["files"][0]["address"]).status_code == 404


def test_an_upload_nobody_goes_on_with_is_forgotten_after_a_week(carol: Sender) -> None:
    carol.begin("old:1", {"a.gguf": 5})
    carol.begin("new:1", {"a.gguf": 5})
    week = datetime.timedelta(days=acts.KEPT_DAYS, minutes=1)
    Upload.objects.filter(name="old:1").update(changed_at=timezone.now() - week)
    stray = places.root() / ("0" * 32)
    stray.mkdir()

    assert acts.forget_old() == 2

    assert [upload.name for upload in Upload.objects.all()] == ["new:1"]
    assert places.known() == [Upload.objects.get().id]


@pytest.mark.threat("B1")
def test_an_upload_is_its_owners_alone(
    carol: Sender, sender_of: Callable[[Person], Sender], bob: Person
) -> None:
    begun = carol.begin("small:1", {"small.gguf": len(WHOLE)}).json()
    address = begun["files"][0]["address"]
    bob.is_staff = bob.is_superuser = True
    bob.save()
    other = sender_of(bob)

    assert other.offset(address).status_code == 404
    assert other.more(address, WHOLE, offset=0).status_code == 404
    assert other.client.delete(begun["address"]).status_code == 404
    assert other.client.post(begun["address"]).status_code == 404
    assert other.client.get("/uploads/").json() == {"uploads": []}
    assert carol.more(address, WHOLE, offset=0).status_code == 204


@pytest.mark.threat("B15")
def test_nobody_else_may_upload(
    carol: Sender, sender_of: Callable[[Person], Sender], alice: Person
) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    alice.is_staff = True
    alice.save()

    for sender in (sender_of(alice), _nobody(sender_of, alice)):
        assert sender.begin("small:2", {"a.gguf": 5}).status_code == 403
        assert sender.more(address, WHOLE, offset=0).status_code == 403
        assert sender.offset(address).status_code == 403
    assert carol.offset(address)["Upload-Offset"] == "0"


def _nobody(sender_of: Callable[[Person], Sender], alice: Person) -> Sender:
    sender = sender_of(alice)
    sender.client.logout()
    return sender


@pytest.mark.threat("A15")
def test_a_page_of_somebody_else_cannot_send_for_her(
    carol: Sender, carol_the_admin: Person
) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(carol_the_admin, backend=django_settings.AUTHENTICATION_BACKENDS[0])

    forged = strict.patch(
        address,
        WHOLE,
        content_type="application/offset+octet-stream",
        headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"},
    )

    assert forged.status_code == 403
    assert carol.offset(address)["Upload-Offset"] == "0"


@pytest.mark.threat("E20")
def test_a_link_in_the_place_of_a_file_is_not_written_through(
    carol: Sender, tmp_path: Path
) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = places.path_of(Upload.objects.get().files.get())
    path.unlink()
    path.symlink_to(victim)

    assert carol.more(address, WHOLE, offset=0).status_code == 404
    assert victim.read_bytes() == b"precious"


@pytest.mark.threat("E10")
@pytest.mark.parametrize("point", ["upload.written", "upload.kept"])
def test_killed_in_the_middle_it_goes_on_from_what_was_kept(
    carol: Sender, sent: list[UUID], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """As after a kill: nothing of ours runs behind this point."""
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    carol.more(address, WHOLE[:100], offset=0)

    def die(here: str) -> None:
        if here == point:
            raise Broken(here)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "at", die)
        with pytest.raises(Broken):
            carol.more(address, WHOLE[100:300], offset=100)
    kept = int(carol.offset(address)["Upload-Offset"])
    carol.more(address, WHOLE[kept:], offset=kept)
    jobs.work(sent[0])

    assert kept == (100 if point == "upload.written" else 300)
    assert Model.objects.get().weights == hashlib.sha256(WHOLE).hexdigest()


@pytest.mark.threat("E10")
def test_killed_as_it_began_it_can_be_begun_again(carol: Sender, sent: list[UUID]) -> None:
    address = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    places.remove(Upload.objects.get().id)  # its row was there, and no file yet

    again = carol.files("small:1", {"small.gguf": len(WHOLE)})["small.gguf"]
    reply = carol.more(again, WHOLE, offset=0)

    assert again == address
    assert reply.status_code == 204


def test_a_sha256_that_is_corrected_is_the_one_that_counts(carol: Sender) -> None:
    carol.begin("small:1", {"small.gguf": 5}, sha256="0" * 64)

    carol.begin("small:1", {"small.gguf": 5}, sha256="a" * 64)

    assert Upload.objects.get().sha256 == "a" * 64


def test_weights_that_nobody_could_convert_here_are_not_sent_at_all(carol: Sender) -> None:
    files = {"config.json": 5, "model.safetensors": 5}

    status, sentence = refusal(carol.begin("small:1", files))

    assert status == 409
    assert "make converter" in sentence
    assert not Upload.objects.exists()
