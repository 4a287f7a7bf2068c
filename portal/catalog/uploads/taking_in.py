"""The kind of job "upload": files that came from a browser become a model. A door: one action.

Hashed as it is staged, then checked, named and tried like any other file.
"""

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from portal.catalog import actions
from portal.catalog.jobs.failures import JobFailed
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.running import Running
from portal.catalog.models import Upload
from portal.catalog.uploads import acts, chosen, places

GONE = _(
    "The files that were uploaded are not here any more. Nothing was changed; upload them again."
)


@works_on("upload")
def take_in(running: Running) -> None:
    """A second time makes the same model again, or finds that it is made."""
    upload_id = UUID(str(running.wants["upload"]))
    upload = Upload.objects.filter(id=upload_id).first()
    if upload is None:
        if acts.is_made(running.job.name):
            return
        raise JobFailed(GONE)
    files = {file.name: places.path_of(file) for file in upload.files.all()}
    found = chosen.chosen(list(files))
    running.tell("taking in the file")
    with acts.given_back_on_failure(upload_id):
        actions.import_file(
            running.job.person,
            source=actions.LocalFile(path=files[found.weights], may_link=True),
            name=running.job.name,
            sha256=upload.sha256 or None,
            projector=actions.LocalFile(path=files[found.projector], may_link=True)
            if found.projector
            else None,
        )
    acts.done_with(upload_id)
    running.tell("success")
