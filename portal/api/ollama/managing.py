"""POST /api/copy and DELETE /api/delete. Not for fetching or making models."""

import logging

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from portal.accounts.models import Person
from portal.api.asking import local_name
from portal.api.errors import Refused
from portal.api.go.goreading import Fields
from portal.api.ollama.framing import native_body_of
from portal.catalog import actions
from portal.catalog.names import ModelName, NotAName
from portal.catalog.storage.store import NoSuchManifest
from portal.chat.errors import NotFound

_CLOUD = ":cloud"
_NOT_WHOLE = "the files of this model are not whole; nothing was changed: pull it again, then copy"

logger = logging.getLogger(__name__)


async def copy(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = Fields(native_body_of(request), struct="CopyRequest", go_type="api.CopyRequest")
    source, destination = fields.text("source"), fields.text("destination")
    for what, written in (("source", source), ("destination", destination)):
        if not _is_name(written.strip()):
            raise Refused(status=400, message=f'{what} "{written}" is invalid')
    try:
        await database_sync_to_async(actions.copy_model)(
            person, source=source.strip(), destination=destination.strip()
        )
    except (NoSuchManifest, NotFound):
        raise Refused(status=404, message=f'model "{source}" not found') from None
    except actions.UNUSABLE as error:
        logger.warning("a copy was refused: %s", type(error).__name__)
        raise Refused(status=409, message=_NOT_WHOLE) from None
    return HttpResponse()


async def delete(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = Fields(native_body_of(request), struct="DeleteRequest", go_type="api.DeleteRequest")
    written = fields.text("model") or fields.text("name")
    if not written:
        raise Refused(status=400, message="model is required")
    name = stored_name(written)
    if not _is_name(name):
        raise Refused(status=400, message=f'name "{written}" is invalid')
    try:
        await database_sync_to_async(actions.delete_named)(person, name=name)
    except (NoSuchManifest, NotFound):
        raise Refused(status=404, message=f"model '{written}' not found") from None
    return HttpResponse()


def stored_name(written: str) -> str:
    """The name on the disk: of a model that runs elsewhere, the one its manifest has here."""
    try:
        return local_name(written)
    except Refused as refused:
        if refused.status == 400:
            raise
    name = written.strip()
    base = name[: -len(_CLOUD)] if name.lower().endswith(_CLOUD) else ""
    return f"{base}-cloud" if ":" in base.rpartition("/")[2] else name


def _is_name(written: str) -> bool:
    try:
        ModelName.parse(written)
    except NotAName:
        return False
    return True
