"""HEAD and POST /api/blobs/DIGEST: a file for a model that is about to be made. Not for its rules.

The body goes to the disk piece by piece as it comes, whatever its length.
"""

import asyncio
import re

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from portal.accounts.models import Person
from portal.api.errors import Refused
from portal.bodies import BodyLost, pieces_of
from portal.catalog.making import uploads
from portal.catalog.names import Digest
from portal.catalog.storage.store import NoSpace

_DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})", re.ASCII)


async def head(request: HttpRequest, person: Person, *, digest: str) -> HttpResponseBase:
    is_here = await database_sync_to_async(uploads.has_blob)(person, _parsed(digest))
    return HttpResponse(status=200 if is_here else 404, content_type="application/json")


async def upload(request: HttpRequest, person: Person, *, digest: str) -> HttpResponseBase:
    """Nothing of a file stays that is not whole; what is whole has the name of its own bytes."""
    wanted = _parsed(digest)
    try:
        arriving = await database_sync_to_async(uploads.begin)(
            person, wanted, announced_bytes=_announced(request)
        )
        if arriving is None:
            return HttpResponse(status=200)
        try:
            async for piece in pieces_of(request):
                if arriving.is_short_of_room(len(piece)):
                    await database_sync_to_async(arriving.take_room)(len(piece))
                await asyncio.to_thread(arriving.write, piece)
            await asyncio.to_thread(arriving.settle)
            await database_sync_to_async(arriving.finish)()
        finally:
            await asyncio.shield(asyncio.to_thread(arriving.discard))
    except uploads.NotTaken as error:
        raise Refused(status=error.status, message=str(error)) from None
    except uploads.NotTheseBytes as error:
        message = f'digest mismatch, expected "{error.expected}", got "{error.got}"'
        raise Refused(status=400, message=message) from None
    except NoSpace as error:
        message = f"no space left on device: {error.missing_bytes} more bytes are needed"
        raise Refused(status=507, message=message) from None
    except (BodyLost, TimeoutError):
        raise Refused(status=400, message="unexpected EOF") from None
    return HttpResponse(status=201)


def _parsed(text: str) -> Digest:
    found = _DIGEST.fullmatch(text)
    if found is None:
        raise Refused(status=400, message="invalid digest format")
    return Digest(found[1].lower())


def _announced(request: HttpRequest) -> int | None:
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
