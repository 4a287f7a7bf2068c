"""Files of a person, in and out. Doors: for people who are signed in, never with a key.

POST   page/files/              a file as `file`: 201 and what is known of it
GET    page/files/ID/           what is known of it
DELETE page/files/ID/           one that was not sent is gone
GET    page/files/ID/content    the picture as it was drawn anew, or the document as it came

What comes out is always to be saved, is what its bytes are, and may do nothing (threat D10; its
policy is in portal/headers.py). What blocks runs in the request's own thread.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import Person
from portal.chat.errors import BadCommand, ChatError, Conflict, NotFound
from portal.files import access, actions, frames, places
from portal.files.errors import StillReading
from portal.files.models import File, Kind, State

PIECE_BYTES = 256 * 1024
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def door(view: View) -> View:
    """A refusal becomes its status and its sentence."""

    @wraps(view)
    async def answered(request: HttpRequest, **from_path: UUID) -> HttpResponseBase:
        try:
            person = await request.auser()
            if not isinstance(person, Person):
                raise BadCommand
            return await view(request, person, **from_path)
        except ChatError as error:
            response = JsonResponse({"error": str(error), "code": error.code}, status=error.status)
            if error.retry_after_seconds is not None:
                response["Retry-After"] = str(error.retry_after_seconds)
            return response

    return answered


@require_POST
@login_required
@door
async def take_in(request: HttpRequest, person: Person) -> HttpResponse:
    sent = request.FILES.getlist("file")
    if len(sent) != 1:
        raise BadCommand
    file = await sync_to_async(_taken_in)(person, sent[0])
    return _told(file, status=201)


@require_http_methods(["GET", "HEAD", "DELETE"])
@login_required
@door
async def one(request: HttpRequest, person: Person, *, file_id: UUID) -> HttpResponse:
    if request.method == "DELETE":
        await sync_to_async(actions.drop)(person, file_id)
        return HttpResponse(status=204)
    return _told(await sync_to_async(access.file_for_reading)(person, file_id))


@require_safe
@login_required
@door
async def content(request: HttpRequest, person: Person, *, file_id: UUID) -> HttpResponseBase:
    file = await sync_to_async(access.file_for_reading)(person, file_id)
    if file.state == State.READING:
        raise StillReading
    if file.state == State.REFUSED:
        raise Conflict(frames.file(file).sentence)
    return await _sent(file)


def _taken_in(person: Person, sent: "UploadedFile[Any]") -> File:
    return actions.take_in(
        person, name=sent.name or "", size_bytes=sent.size or 0, pieces=sent.chunks()
    )


def _told(file: File, *, status: int = 200) -> JsonResponse:
    return JsonResponse(msgspec.to_builtins(frames.file(file)), status=status)


async def _sent(file: File) -> HttpResponseBase:
    path = places.path_of(file.id)
    try:
        size_bytes = (await sync_to_async(path.stat)()).st_size
    except FileNotFoundError:
        raise NotFound("file") from None
    # A document is bytes to save, whatever it says of itself; a picture was drawn by us.
    is_picture = file.kind == Kind.IMAGE
    return StreamingHttpResponse(
        _pieces(path),
        content_type=file.media_type if is_picture else "application/octet-stream",
        headers={
            "Content-Length": str(size_bytes),
            "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
        },
    )


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """Opened when the first is wanted: nobody may want any."""
    opened = await sync_to_async(lambda: path.open("rb"))()
    try:
        while piece := await sync_to_async(opened.read)(PIECE_BYTES):
            yield piece
    finally:
        opened.close()
