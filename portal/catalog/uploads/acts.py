"""An upload begins, is dropped, is forgotten; and who may. Not for bytes: that is writing.py.

The row is the truth. Room is taken on the disk before the first byte comes, so that a hundred
uploads at once cannot want the same (threats E12, E23).
"""

import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, jobs, queries
from portal.catalog.converting import tool
from portal.catalog.jobs import room
from portal.catalog.models import Job, Model, Upload, UploadFile
from portal.catalog.names import Digest, ModelName, NotADigest, NotAName
from portal.catalog.storage import files
from portal.catalog.storage.store import NoSpace
from portal.catalog.uploads import chosen, places
from portal.chat.errors import BadCommand, Conflict, NotFound, TooMuch, Unavailable

KEPT_DAYS = 7
MAX_OPEN = 20


def begin(person: Person, *, name: str, sizes: Mapping[str, int], sha256: str = "") -> Upload:
    """Files of these names and sizes will come, for a model of this name.

    Asked for the same again, by the same person, while it is under way: that very upload. Refused
    with a sentence are names that cannot be, files that are no model, too much, and a full disk.
    """
    access.may_manage_models(person, verb="add")
    found = chosen.chosen(sorted(sizes))
    if found.kind == "safetensors" and not tool.is_installed():
        raise Conflict(tool.NOT_INSTALLED)
    name, sha256 = _checked_name(name), _checked_digest(sha256)
    if sha256 and (found.kind != "gguf" or len(sizes) > 1 + bool(found.projector)):
        raise BadCommand(_("A sha256 can be checked for one file only. Nothing was sent."))
    _refuse_too_much(sizes)
    known = _same(person, name=name, sizes=sizes)
    if known is not None and known.sha256 != sha256:
        known.sha256 = sha256
        known.save(update_fields=["sha256"])
    upload = known or _written_down(person, name=name, sizes=sizes, sha256=sha256)
    try:
        _make_room(upload)
    except BaseException:
        if known is None:
            _forget(upload)
        raise
    return upload


def mine(person: Person) -> list[Upload]:
    """Uploads that she has not ended, oldest first."""
    access.may_manage_models(person, verb="add")
    return list(Upload.objects.filter(person=person, is_taken=False).prefetch_related("files"))


def file_of(person: Person, file_id: UUID) -> UploadFile:
    """One file of hers. Another person's, and none, look the same."""
    access.may_manage_models(person, verb="add")
    mine = UploadFile.objects.select_related("upload").filter(upload__person=person)
    file = mine.filter(id=file_id).first()
    if file is None:
        raise NotFound("upload")
    return file


def drop(person: Person, upload_id: UUID) -> None:
    """Nothing of it stays. A job that has it already is cancelled where jobs are."""
    access.may_manage_models(person, verb="add")
    upload = Upload.objects.filter(person=person, id=upload_id).first()
    if upload is None:
        raise NotFound("upload")
    if upload.is_taken:
        raise Conflict(_("All of it has come, and it is being taken in. Cancel that instead."))
    record(person, "upload.dropped", None, name=upload.name)
    _forget(upload)


def take_in(upload_id: UUID, *, person: Person) -> Job | None:
    """Once every file is whole, a job makes a model of them; None before. Asked again, that job."""
    access.may_manage_models(person, verb="add")
    upload = Upload.objects.filter(id=upload_id, person=person).first()
    if upload is None:
        raise NotFound("upload")
    files_of_it = list(upload.files.all())
    if not all(file.is_whole for file in files_of_it):
        return None
    kind = chosen.chosen([file.name for file in files_of_it]).kind
    job = jobs.start(
        person,
        "upload" if kind == "gguf" else "convert",
        name=upload.name,
        wants={"upload": str(upload.id)},
    )
    # After the job: killed between the two, she asks again and finds that very job.
    Upload.objects.filter(id=upload_id).update(is_taken=True)
    return job


@contextmanager
def given_back_on_failure(upload_id: UUID) -> Iterator[None]:
    """A job that fails leaves the files to her: to be taken in again, or dropped."""
    try:
        yield
    except BaseException:
        Upload.objects.filter(id=upload_id).update(is_taken=False, changed_at=clock.now())
        raise


def forget_old() -> int:
    """Uploads to which nothing came for a week, and folders that no row knows. How many went."""
    limit = clock.now() - datetime.timedelta(days=KEPT_DAYS)
    old = list(Upload.objects.filter(changed_at__lt=limit))
    for upload in old:
        _forget(upload)
    # Listed before the rows are asked: what begins meanwhile is not among them.
    strays = set(places.known())
    strays -= set(Upload.objects.filter(id__in=strays).values_list("id", flat=True))
    for upload_id in strays:
        places.remove(upload_id)
    return len(old) + len(strays)


def is_made(name: str) -> bool:
    """Whether there is a model of this name."""
    return Model.objects.filter(name__iexact=name).exists()


def done_with(upload_id: UUID) -> None:
    """Its bytes are a model now, or never will be."""
    Upload.objects.filter(id=upload_id).delete()
    places.remove(upload_id)


def expires_at(upload: Upload) -> datetime.datetime:
    return upload.changed_at + datetime.timedelta(days=KEPT_DAYS)


def _checked_name(written: str) -> str:
    try:
        return ModelName.parse(written.strip()).short
    except NotAName:
        raise BadCommand(
            _("This cannot be the name of a model, such as team/assistant:1. Nothing was changed.")
        ) from None


def _checked_digest(written: str) -> str:
    if not written.strip():
        return ""
    try:
        return Digest.parse(written.strip().lower()).hex
    except NotADigest:
        raise BadCommand(
            _(
                "A sha256 has 64 digits from 0 to 9 and a to f. Nothing was sent; copy it again, or"
                " leave it empty."
            )
        ) from None


def _refuse_too_much(sizes: Mapping[str, int]) -> None:
    limit = settings.PORTAL.max_upload_bytes
    if any(size < 1 for size in sizes.values()):
        raise BadCommand(_("One of the files is empty. Nothing was sent; look at it first."))
    if sum(sizes.values()) > limit:
        raise TooMuch(
            _(
                "Together the files are larger than the %(limit)s that this portal takes in."
                " Nothing was sent; whoever runs the portal can allow more."
            )
            % {"limit": filesizeformat(limit)}
        )


def _same(person: Person, *, name: str, sizes: Mapping[str, int]) -> Upload | None:
    for upload in mine(person):
        if upload.name == name and {f.name: f.size_bytes for f in upload.files.all()} == sizes:
            return upload
    return None


@transaction.atomic
def _written_down(person: Person, *, name: str, sizes: Mapping[str, int], sha256: str) -> Upload:
    if Upload.objects.filter(is_taken=False).count() >= MAX_OPEN:
        raise Unavailable(
            _("Too many uploads are under way. Nothing was sent; finish or drop one first.")
        )
    upload = Upload.objects.create(person=person, name=name, sha256=sha256, changed_at=clock.now())
    UploadFile.objects.bulk_create(
        UploadFile(upload=upload, name=file, size_bytes=size) for file, size in sizes.items()
    )
    record(person, "upload.begun", None, name=name, size_bytes=sum(sizes.values()))
    return upload


def _make_room(upload: Upload) -> None:
    """Of an upload that was killed as it began, for what has no file yet."""
    wanted: Sequence[UploadFile] = [
        file for file in upload.files.all() if not os.path.lexists(places.path_of(file))
    ]
    if not wanted:
        return
    store = queries.open_store()
    size_bytes = sum(file.size_bytes for file in wanted)
    with store.locked():
        if places.bytes_on_disk() + size_bytes > settings.PORTAL.upload_quota_bytes:
            raise TooMuch(
                _(
                    "Other uploads take all the room that is kept for them. Nothing was sent; drop"
                    " one that nobody needs, or wait until they are done."
                )
            )
        try:
            room.check(settings.PORTAL.models, wanted_bytes=size_bytes, besides=uuid4())
            places.make(upload)
            for file in wanted:
                _allocate(places.path_of(file), file.size_bytes)
        except NoSpace as error:
            raise _no_room(error.missing_bytes) from None


def _allocate(path: Path, size_bytes: int) -> None:
    with files.create(path) as file:
        try:
            files.allocate(file.fileno(), 0, size_bytes)
        except OSError:
            raise NoSpace(size_bytes) from None


def _no_room(missing_bytes: int) -> Unavailable:
    return Unavailable(
        _(
            "The disk has no room: %(missing)s more are needed. Nothing was sent or changed. Delete"
            " models that nobody uses, or make the disk larger."
        )
        % {"missing": filesizeformat(max(missing_bytes, 1))}
    )


def _forget(upload: Upload) -> None:
    done_with(upload.id)
