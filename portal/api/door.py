"""The frame around every view of the API: method, origin, key, size, errors. Not for what they do.

Nothing here or below looks at a cookie, so there is no token to ask for and nothing to forge (A15).
"""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from portal.accounts.models import KeyScope, Person
from portal.api import arrivals, cors, keys
from portal.api.errors import Family, Refused, refusal_of, refused_response
from portal.api.go import goreading
from portal.api.streaming import AnswerStream

MAX_BODY_BYTES = 32 * 1024 * 1024

# Where the clients of one family carry their key; on other routes it is not looked at (A10).
_OWN_HEADERS = {Family.ANTHROPIC: "X-Api-Key"}

View = Callable[..., Awaitable[HttpResponseBase]]
Route = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a door was made for, for those who write about it (document/)."""

    family: Family
    scope: str
    methods: tuple[str, ...]


OPENED: dict[Any, Opening] = {}


def door(
    family: Family,
    *,
    scope: str = KeyScope.CHAT,
    is_upload: bool = False,
    is_told: bool = True,
    **views: View,
) -> Route:
    """A route: one view a method, each called as `view(request, person, **from_path)`.

    The view of an upload sees to the size of its body itself. What is not told stands in no
    document: it is there so that a client gets a proper no.
    """

    async def route(request: HttpRequest, **from_path: str) -> HttpResponseBase:
        if request.method == "OPTIONS":
            response: HttpResponseBase = HttpResponse(status=204)
        elif (view := views.get(request.method or "")) is None:
            response = _wrong_method(views)
        else:
            answered = _answered if is_upload else _answered_if_small
            response = await answered(view, request, from_path, family=family, scope=scope)
        return finished(request, response, family=family)

    opened = csrf_exempt(route)
    if is_told:
        OPENED[opened] = Opening(family=family, scope=scope, methods=tuple(views))
    return opened


async def not_found(request: HttpRequest, **_: str) -> HttpResponseBase:
    """Below our prefixes nothing is ever an HTML page."""
    return finished(
        request, HttpResponse("404 page not found", status=404, content_type="text/plain")
    )


def finished(
    request: HttpRequest, response: HttpResponseBase, *, family: Family = Family.NATIVE
) -> HttpResponseBase:
    """What every answer of the API carries."""
    headers = cors.ANTHROPIC_HEADERS if family is Family.ANTHROPIC else cors.HEADERS
    cors.permit(request, response, origins=settings.PORTAL.api_origins, headers=headers)
    # Two dialects promise a word of their own here, which keeps caches away as well.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def body_of(request: HttpRequest) -> object:
    """The JSON value in the body."""
    return goreading.parse(raw_body_of(request))


def raw_body_of(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise _too_big() from None
    if len(body) > MAX_BODY_BYTES:
        raise _too_big()
    return body


async def _answered_if_small(
    view: View, request: HttpRequest, from_path: dict[str, str], *, family: Family, scope: str
) -> HttpResponseBase:
    try:
        _check_announced_size(request)
    except Refused as refused:
        return refused_response(refused, family=family)
    return await _answered(view, request, from_path, family=family, scope=scope)


async def _answered(
    view: View, request: HttpRequest, from_path: dict[str, str], *, family: Family, scope: str
) -> HttpResponseBase:
    person = None
    try:
        person = await database_sync_to_async(keys.admitted)(
            request, scope=scope, own_header=_OWN_HEADERS.get(family)
        )
        response = await view(request, person, **from_path)
    except Exception as error:  # noqa: BLE001 - the outermost frame: no HTML page may leave
        response = refused_response(refusal_of(error), family=family)
    if person is not None:
        await _noted(request, person, response)
    return response


async def _noted(request: HttpRequest, person: Person, response: HttpResponseBase) -> None:
    """A client that leaves meanwhile leaves an answer that nobody will send (threat F13)."""
    try:
        await arrivals.note(request, person, status=response.status_code)
    except BaseException:
        if isinstance(response, AnswerStream):
            await response.abandon()
        raise


def _check_announced_size(request: HttpRequest) -> None:
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isascii() and announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise _too_big()


def _too_big() -> Refused:
    megabytes = MAX_BODY_BYTES // (1024 * 1024)
    return Refused(status=413, message=f"the request is larger than {megabytes} MiB")


def _wrong_method(views: dict[str, View]) -> HttpResponseBase:
    response = HttpResponse("405 method not allowed", status=405, content_type="text/plain")
    response["Allow"] = ", ".join(sorted(views))
    return response
