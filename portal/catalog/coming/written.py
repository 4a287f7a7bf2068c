"""A Modelfile that an administrator writes in her browser: from a model by name, nothing else.

Files of the server are named at its command line only (threat E24): here FROM is a model's name,
and ADAPTER and DRAFT are refused.
"""

from collections.abc import Sequence
from pathlib import Path

from django.utils.translation import gettext_lazy as _

import modelfile
from portal.accounts.models import Person
from portal.catalog import jobs
from portal.catalog.making import local
from portal.catalog.making.errors import NotMade
from portal.catalog.making.order import Order
from portal.catalog.models import Job
from portal.catalog.names import Digest, ModelName, NotAName
from portal.chat.errors import BadCommand

QUANTISATIONS = ("", "Q8_0", "Q4_K_M", "Q4_K_S", "F16", "BF16")
EXAMPLE = """FROM llama3.2:3b
PARAMETER temperature 0.3
SYSTEM You answer the questions of our customers, briefly and kindly.
"""
# No such folder: whatever stands in the text, no path of it leads anywhere.
_NOWHERE = Path("/nonexistent/modelfile")
_NO_FILES = _(
    "Files cannot be named here: FROM must be the name of a model, such as llama3.2:3b. Nothing"
    " was made. Upload the file first, or use the command line of the server."
)
_NOT_READ = _("This is not a Modelfile: %(reason)s. Nothing was made; correct it and try again.")


def make(person: Person, *, name: str, text: str, quantisation: str) -> Job:
    """Ask for the model in the background. Raises `ChatError` with a sentence."""
    try:
        commands = modelfile.parse(text.encode())
    except modelfile.BadModelfile as error:
        raise BadCommand(_NOT_READ % {"reason": error}) from None
    _refuse_files(commands)
    try:
        order = _order(name.strip(), commands, quantisation=quantisation)
        order.check()
    except NotMade as error:
        raise BadCommand(str(error)) from None
    return jobs.start(person, "create", name=order.name, wants=order.as_wants())


def _order(name: str, commands: Sequence[modelfile.Command], *, quantisation: str) -> Order:
    return local.order_of(
        name,
        commands,
        folder=_NOWHERE,
        take_in=_taken_in,
        warn=lambda _warning: None,
        quantisation=quantisation,
    )


def _refuse_files(commands: Sequence[modelfile.Command]) -> None:
    for command in commands:
        if command.word in ("adapter", "draft"):
            raise BadCommand(_NO_FILES)
        if command.word == "from" and not _is_name(command.value):
            raise BadCommand(_NO_FILES)


def _is_name(text: str) -> bool:
    try:
        ModelName.parse(text.strip())
    except NotAName:
        return False
    return True


def _taken_in(_path: Path) -> Digest:
    raise BadCommand(_NO_FILES)
