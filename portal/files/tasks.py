"""Background work on files. Doors: each calls one action, and may safely run twice."""

from uuid import UUID

from portal.celery import app
from portal.files import queue, reading, sweeping


@app.task(name=queue.TASK)
def read(file_id: str) -> None:
    """Open a file that came, unless somebody does."""
    reading.read(UUID(file_id))


@app.task(name="files.wake_late")
def wake_late() -> None:
    """Let files be opened whose worker was lost."""
    sweeping.wake_late()


@app.task(name="files.forget")
def forget() -> None:
    """Remove files that were never sent, and bytes that nobody knows."""
    sweeping.forget()
