"""The addresses of uploads. Doors: beginning is ours, sending is the core of tus 1.0.

POST   uploads/             {"name", "sha256", "files": {name: bytes}} → the upload, with addresses
GET    uploads/             hers that are not over
POST   uploads/ID/          all of it has come: a job makes a model of it
DELETE uploads/ID/          nothing of it stays
HEAD   uploads/files/ID/    how much of the file is here
PATCH  uploads/files/ID/    more of it, from there on

For people who are signed in, in the administration, and may add models; never with a key. Bytes go
to the disk piece by piece as they come (`portal/bodies.py`). What blocks runs in the request's own
thread, whose connections portal/http.py closes. Not for what is allowed: acts.py.
"""

import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _

from portal.accounts.models import Person
from portal.bodies import BodyLost, pieces_of
from portal.catalog.models import Upload, UploadFile
from portal.catalog.storage import reasons
from portal.catalog.uploads import acts
from portal.catalog.uploads.writing import Writing
from portal.chat.errors import BadCommand, ChatError, Forbidden, Unavailable

VERSION = "1.0.0"
BODY_TYPE = "application/offset+octet-stream"
MAX_ORDER_BYTES = 256 * 1024
View = Callable[..., Awaitable[HttpResponse]]
Route = Callable[..., Coroutine[Any, Any, HttpResponse]]


def door(**views: View) -> Route:
    """A route: one view a method. Errors become a status and a sentence."""

    async def route(request: HttpRequest, **from_path: Any) -> HttpResponse:
        view = views.get(request.method or "")
        if view is None:
            response = HttpResponse(status=405, headers={"Allow": ", ".join(sorted(views))})
        else:
            response = await _answered(view, request, from_path)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return route


def tus(view: View) -> View:
    """Only for senders who speak this version of the protocol."""

    @wraps(view)
    async def checked(request: HttpRequest, person: Person, **from_path: Any) -> HttpResponse:
        if request.headers.get("Tus-Resumable") != VERSION:
            return HttpResponse(status=412, headers={"Tus-Version": VERSION})
        return await view(request, person, **from_path)

    return checked


async def begin(request: HttpRequest, person: Person) -> HttpResponse:
    order = _order(request)
    upload = await sync_to_async(acts.begin)(
        person, name=order["name"], sha256=order["sha256"], sizes=order["files"]
    )
    return JsonResponse(await sync_to_async(_told)(upload), status=201)


async def mine(request: HttpRequest, person: Person) -> HttpResponse:
    told = await sync_to_async(lambda: [_told(each) for each in acts.mine(person)])()
    return JsonResponse({"uploads": told})


async def finish(request: HttpRequest, person: Person, *, upload_id: UUID) -> HttpResponse:
    job = await sync_to_async(acts.take_in)(upload_id, person=person)
    if job is None:
        raise BadCommand(_("Not all of it has come yet. Go on with the upload."))
    return JsonResponse({"job": str(job.id)})


async def drop(request: HttpRequest, person: Person, *, upload_id: UUID) -> HttpResponse:
    await sync_to_async(acts.drop)(person, upload_id)
    return HttpResponse(status=204)


@tus
async def offset(request: HttpRequest, person: Person, *, file_id: UUID) -> HttpResponse:
    file = await sync_to_async(acts.file_of)(person, file_id)
    return HttpResponse(status=200, headers=_headers(file, offset_bytes=file.offset_bytes))


@tus
async def more(request: HttpRequest, person: Person, *, file_id: UUID) -> HttpResponse:
    """What came stays, also when the sender goes away in the middle."""
    if request.content_type != BODY_TYPE:
        return HttpResponse(status=415)
    file = await sync_to_async(acts.file_of)(person, file_id)
    writing = Writing(file, offset_bytes=_announced(request, "Upload-Offset"))
    await sync_to_async(writing.__enter__)()
    try:
        async for piece in pieces_of(request):
            await sync_to_async(writing.write)(piece)
    except (BodyLost, TimeoutError):
        raise BadCommand(_("The connection broke. What came is kept; go on from there.")) from None
    finally:
        await sync_to_async(writing.__exit__)(None, None, None)
    if writing.offset_bytes == file.size_bytes:
        with suppress(ChatError):  # her page asks for it too, and is told why it cannot be
            await sync_to_async(acts.take_in)(file.upload_id, person=person)
    return HttpResponse(status=204, headers=_headers(file, offset_bytes=writing.offset_bytes))


async def _answered(view: View, request: HttpRequest, from_path: dict[str, Any]) -> HttpResponse:
    try:
        person = await sync_to_async(_administrator)(request)
        return await view(request, person, **from_path)
    except ChatError as error:
        return JsonResponse({"error": str(error), "code": error.code}, status=error.status)
    except OSError as error:
        reason = reasons.shown(error.strerror or type(error).__name__)
        sentence = _(
            "The disk refused: %(reason)s. What came before is kept. Look at the disk and the"
            " rights on the model folder; then go on."
        ) % {"reason": reason}
        return JsonResponse({"error": sentence, "code": "disk"}, status=Unavailable.status)


def _administrator(request: HttpRequest) -> Person:
    """Whoever is signed in and may enter the administration, with her second factor."""
    if not admin.site.has_permission(request) or not isinstance(request.user, Person):
        raise Forbidden
    return request.user


def _order(request: HttpRequest) -> dict[str, Any]:
    """Checked against what it must be; nothing in it is believed further than that."""
    if len(request.body) > MAX_ORDER_BYTES:
        raise BadCommand
    try:
        order = json.loads(request.body)
    except (ValueError, RecursionError):
        raise BadCommand from None
    if not isinstance(order, dict) or not isinstance(order.get("files"), dict):
        raise BadCommand
    sizes = order["files"]
    is_plain = all(type(size) is int and 0 <= size < 2**62 for size in sizes.values())
    name, sha256 = order.get("name"), order.get("sha256", "")
    if not is_plain or not isinstance(name, str) or not isinstance(sha256, str):
        raise BadCommand
    return {"name": name, "sha256": sha256, "files": sizes}


def _announced(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadCommand
    return int(text)


def _headers(file: UploadFile, *, offset_bytes: int) -> dict[str, str]:
    return {
        "Upload-Offset": str(offset_bytes),
        "Upload-Length": str(file.size_bytes),
        "Upload-Expires": http_date(acts.expires_at(file.upload).timestamp()),
    }


def _told(upload: Upload) -> dict[str, Any]:
    return {
        "id": str(upload.id),
        "name": upload.name,
        "address": reverse("upload", args=[upload.id]),
        "files": [
            {
                "name": file.name,
                "size": file.size_bytes,
                "offset": file.offset_bytes,
                "address": reverse("upload_file", args=[file.id]),
            }
            for file in upload.files.all()
        ],
    }
