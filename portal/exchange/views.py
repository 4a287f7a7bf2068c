"""Files of conversations, out and in. Doors: for people who are signed in, never with a key.

POST page/exchange/export/   as "json" or "markdown", conversation=ID… or none of them for all
POST page/exchange/import/   a file as it was exported; ?key=UUID names the press of the button

Leaving is written down, so it is a POST too. What blocks runs in the request's own thread.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from portal.accounts import quotas
from portal.accounts.models import Person
from portal.chat.errors import BadCommand, ChatError
from portal.chat.models import Conversation
from portal.exchange import access, actions, taking_in, writing
from portal.exchange.errors import TooLarge

MAX_CHOSEN = 200
_TYPES = {"json": "application/json", "markdown": "text/markdown; charset=utf-8"}
_ENDINGS = {"json": "json", "markdown": "md"}


@require_POST
@login_required
async def export(request: HttpRequest) -> HttpResponseBase:
    try:
        person = await _person(request)
        kind = request.POST.get("as", "")
        chosen = await sync_to_async(_chosen)(person, request.POST.getlist("conversation"))
        if kind not in _TYPES or (kind == "markdown" and (chosen is None or len(chosen) != 1)):
            raise BadCommand
        await sync_to_async(actions.note_export)(person, chosen)
    except ChatError as error:
        return HttpResponse(str(error), status=error.status, content_type="text/plain")
    name = writing.file_name(chosen, ending=_ENDINGS[kind])
    content = _markdown(chosen[0]) if kind == "markdown" and chosen else _json(person, chosen)
    return StreamingHttpResponse(
        content,
        content_type=_TYPES[kind],
        headers={"Content-Disposition": content_disposition_header(True, name) or "attachment"},
    )


@require_POST
@login_required
async def take_in(request: HttpRequest) -> HttpResponse:
    try:
        person = await _person(request)
        client_key = _key(request.GET.get("key", ""))
        content = await sync_to_async(taking_in.read)(_body(request))
        await sync_to_async(quotas.count_file)(person)
        arrival = await sync_to_async(taking_in.take_in)(person, content, client_key=client_key)
    except ChatError as error:
        return JsonResponse({"error": str(error), "code": error.code}, status=error.status)
    return JsonResponse({"conversations": arrival.conversation_count})


async def _person(request: HttpRequest) -> Person:
    person = await request.auser()
    if not isinstance(person, Person):
        raise BadCommand
    return person


def _chosen(person: Person, ids: list[str]) -> list[Conversation] | None:
    """None: all of hers."""
    if not ids:
        return None
    if len(ids) > MAX_CHOSEN:
        raise BadCommand
    return access.conversations_for_exporting(person, [_key(each) for each in ids])


async def _json(person: Person, chosen: list[Conversation] | None) -> AsyncIterator[bytes]:
    """One conversation after the other. One that is deleted meanwhile is left out."""
    ids = [each.id for each in chosen] if chosen else await sync_to_async(writing.ids_of)(person)
    yield writing.beginning()
    separator = b""
    for each in ids:
        try:
            part = await sync_to_async(_part)(person, each)
        except ChatError:
            continue
        yield separator + part
        separator = b",\n"
    yield writing.ending()


def _part(person: Person, conversation_id: UUID) -> bytes:
    return writing.conversation_as_json(access.conversation_for_exporting(person, conversation_id))


async def _markdown(conversation: Conversation) -> AsyncIterator[str]:
    yield await sync_to_async(lambda: "".join(writing.conversation_as_markdown(conversation)))()


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise TooLarge from None


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadCommand from None
