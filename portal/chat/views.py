"""The chat page, and the two doors of a tab that can have no WebSocket. Everything else comes over
the socket, or through these."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import queries as accounts
from portal.accounts.errors import SignedOut
from portal.chat import fallback, fallback_line, frames
from portal.chat.consumers import language_of
from portal.chat.errors import ChatError, TooMuch
from portal.gate import is_own_origin


@require_safe
@never_cache
@login_required
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """The same page for every id: whether it is hers, the socket says."""
    return render(request, "chat/page.html")


@require_POST
async def take_frames(request: HttpRequest) -> HttpResponse:
    """Frames as a socket takes them, one a line; their answers, one a line."""
    if not is_own_origin(request.headers.get("Origin")):
        return HttpResponse(status=403)
    scope = fallback_line.scope_of(request)
    try:
        texts = fallback.texts_of(_body(request))
        given = await fallback.answers(scope, texts, language=language_of(scope))
    except SignedOut:
        return HttpResponse(status=401)
    except ChatError as error:
        return _refused(error)
    lines = "".join(f"{frames.encode(frame)}\n" for frame in given)
    return HttpResponse(lines, content_type="application/x-ndjson")


@require_POST
async def open_line(request: HttpRequest) -> HttpResponseBase:
    """What a socket would tell, as events, from the numbers that the `follow`s in the body name."""
    if not is_own_origin(request.headers.get("Origin")):
        return HttpResponse(status=403)
    scope = fallback_line.scope_of(request)
    try:
        person = await accounts.current_person(scope)
        fallback.must_be_admitted(person.id)
        follows = fallback.texts_of(_body(request))
    except SignedOut:
        return HttpResponse(status=401)
    except ChatError as error:
        return _refused(error)
    events = fallback_line.events(scope, follows)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise TooMuch from None


def _refused(error: ChatError) -> HttpResponse:
    return HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")
