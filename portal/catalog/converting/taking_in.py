"""The kind of job "convert": a folder of safetensors becomes a GGUF, and that a model.

The folder came from a browser, or was named at the command line. Not for how it is converted.
"""

import logging
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import cast
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from portal.catalog import actions, queries
from portal.catalog.converting import converter, folder, tool
from portal.catalog.jobs.failures import JobFailed
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.running import Running
from portal.catalog.models import Upload
from portal.catalog.uploads import acts, places
from portal.catalog.uploads.taking_in import GONE

log = logging.getLogger(__name__)

STATUS = "converting to GGUF"
NOT_A_FOLDER = _(
    "This is not a folder of a model: weights in safetensors with a config.json beside them are"
    " needed. Nothing was changed; choose the whole folder as its makers publish it."
)
NOT_KNOWN = _(
    "The converter does not know models of the kind %(architecture)s. Nothing was changed. Look for"
    " the same model as a GGUF, or try again after the next upgrade of the portal."
)
FAILED = _(
    "The converter could not make a GGUF of these files: %(detail)s. It ran in a process of its"
    " own, so nothing was harmed. Look whether the folder is whole, then try again."
)


@works_on("convert")
def take_in(running: Running) -> None:
    """A second time converts again; a model that is made already stays as it is."""
    if not tool.is_installed():
        raise JobFailed(tool.NOT_INSTALLED)
    upload_id = _upload_id(running)
    if upload_id is not None and not Upload.objects.filter(id=upload_id).exists():
        if acts.is_made(running.job.name):
            return
        raise JobFailed(GONE)
    given_back = acts.given_back_on_failure(upload_id) if upload_id else nullcontext()
    with given_back:
        _convert(running, _files(running, upload_id))
    if upload_id is not None:
        acts.done_with(upload_id)
    running.tell("success")


def _convert(running: Running, named: dict[str, Path]) -> None:
    size_bytes = sum(path.stat().st_size for path in named.values())
    kind = cast(converter.Kind, running.wants.get("type", "auto"))
    running.reserve(converter.result_bytes(size_bytes, kind=kind))
    running.tell(STATUS, total=size_bytes)
    target = queries.open_store().new_staged()
    try:
        with tempfile.TemporaryDirectory(prefix="portal-convert-") as place:
            folder.lay_out(named, into=Path(place))
            converter.convert(
                Path(place),
                target,
                size_bytes=size_bytes,
                kind=kind,
                told=lambda percent: running.tell(
                    STATUS, total=size_bytes, completed=size_bytes * percent // 100
                ),
                raise_if_unwanted=running.raise_if_unwanted,
            )
        running.reserve(0)
        running.tell("verifying sha256 digest")
        actions.import_file(
            running.job.person,
            source=actions.LocalFile(path=target, may_link=True),
            name=running.job.name,
        )
    except converter.ConvertingFailed as error:
        log.warning("a model could not be converted: %s", error)
        raise _told(error) from None
    finally:
        target.unlink(missing_ok=True)


def _files(running: Running, upload_id: UUID | None) -> dict[str, Path]:
    try:
        if upload_id is None:
            return folder.seen_in(Path(str(running.wants["folder"])))
        upload = Upload.objects.get(id=upload_id)
        return folder.checked({file.name: places.path_of(file) for file in upload.files.all()})
    except folder.NotAModelFolder:
        raise JobFailed(NOT_A_FOLDER) from None


def _upload_id(running: Running) -> UUID | None:
    named = running.wants.get("upload")
    return UUID(str(named)) if named else None


def _told(error: converter.ConvertingFailed) -> JobFailed:
    if error.architecture:
        return JobFailed(NOT_KNOWN, architecture=error.architecture)
    return JobFailed(FAILED, detail=str(error)[:300])
