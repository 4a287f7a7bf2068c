"""The kind of job "import": a file that lies on the server. A door: it calls one action."""

from portal.catalog import actions
from portal.catalog.coming import laid_down
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.running import Running


@works_on("import")
def take_in(running: Running) -> None:
    """A second time makes the same model again."""
    path = laid_down.path_of(str(running.wants["file"]))
    running.tell("taking in the file")
    actions.import_file(
        running.job.person, source=actions.LocalFile(path=path), name=running.job.name
    )
