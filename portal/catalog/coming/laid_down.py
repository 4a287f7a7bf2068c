"""GGUF files that an operator laid into one folder of the server, to be taken in as models.

Only names of regular files directly in that folder are known here: no path comes from a person.
"""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Person
from portal.catalog import jobs
from portal.catalog.models import Job
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import BadCommand, Conflict

FOLDER = "incoming"
_GONE = _(
    "This file does not lie in the folder any more. Nothing was changed; lay it there again, and"
    " reload this page."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """One file. Parts of one model are shown by their first."""

    name: str
    size_bytes: int


def folder() -> Path:
    """Where an operator lays files."""
    home: Path = settings.PORTAL.home
    return home / FOLDER


def store_folder() -> Path:
    """Where models lie: what Ollama filled is taken over from here."""
    models: Path = settings.PORTAL.models
    return models


def files() -> list[Laid]:
    """What lies there now, by name. Links are passed over."""
    try:
        found = sorted(folder().iterdir())
    except OSError:
        return []
    return [
        Laid(name=path.name, size_bytes=path.stat(follow_symlinks=False).st_size)
        for path in found
        if path.suffix == ".gguf" and path.is_file() and not path.is_symlink()
    ]


def path_of(name: str) -> Path:
    """The file of this name, which is one of `files`. Raises `Conflict` when it is not."""
    if name not in {laid.name for laid in files()}:
        raise Conflict(_GONE)
    return folder() / name


def take_in(person: Person, *, file: str, name: str) -> Job:
    """Take the file into the store under this name, in the background; the file stays there."""
    path_of(file)
    try:
        return jobs.start(
            person, "import", name=ModelName.parse(name.strip()).short, wants={"file": file}
        )
    except NotAName:
        raise BadCommand(
            _("This cannot be the name of a model, such as team/assistant:1. Nothing was changed.")
        ) from None
