"""The doors of the page Connect: they parse, call one action or query, and answer."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts import keys
from portal.accounts.models import ApiKey, Person
from portal.connect import provider, queries, verdicts, waiting
from portal.connect.forms import ADDRESS, DeviceForm


@require_GET
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    return _page(request)


@login_required
@require_POST
def make_device(request: HttpRequest) -> HttpResponse:
    """The answer is the only place that ever shows the secret; so it is a page, not a redirect."""
    person = _person(request)
    form = DeviceForm(request.POST)
    if not form.is_valid():
        return _page(request, form=form)
    given = form.cleaned_data
    try:
        key, secret = keys.make_key(
            person,
            name=given["name"],
            scopes=keys.PATH_SCOPES,
            for_path=given["way"] == ADDRESS,
            key_id=given["press"],
        )
    except IntegrityError:
        messages.info(request, _("This key was made already; its secret cannot be shown again."))
        return redirect("connect")
    except keys.NotAllowed:
        form.add_error(None, _("You have too many keys. Revoke one that you no longer use."))
        return _page(request, form=form)
    return _page(request, made=key, secret=secret)


@login_required
@require_POST
def revoke_device(request: HttpRequest, key_id: UUID) -> HttpResponse:
    if keys.revoke(_person(request), key_id=key_id):
        messages.success(request, _("This device can no longer use the portal."))
    return redirect("connect")


@require_GET
async def arrivals(request: HttpRequest, key_id: UUID) -> HttpResponseBase:
    """What this device asks, while the page looks on. Nobody's and another's look the same."""
    person = await request.auser()
    if not isinstance(person, Person):
        return HttpResponse(status=401)
    if await sync_to_async(queries.device_of)(person, key_id) is None:
        return HttpResponse(status=404)
    news = waiting.arrivals(
        person,
        key_id,
        session_key=request.session.session_key,
        language=get_language() or "en",
    )
    response = StreamingHttpResponse(news, content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


def _page(
    request: HttpRequest,
    *,
    form: DeviceForm | None = None,
    made: ApiKey | None = None,
    secret: str = "",
) -> HttpResponse:
    person = _person(request)
    address = request.build_absolute_uri("/").rstrip("/")
    models = queries.offered_to(person)
    user_agent = request.headers.get("User-Agent", "")
    context = {
        "form": form or DeviceForm(user_agent=user_agent),
        "devices": [(key, verdicts.verdict_of(key)) for key in queries.devices_of(person)],
        "models": models,
        "address": address,
        "made": made,
        "secret": secret,
    }
    if made is not None and not made.for_path:
        context |= _for_chatbox(models, address=address, secret=secret)
    return render(request, "connect/connect.html", context)


def _for_chatbox(
    models: Sequence[provider.Offered], *, address: str, secret: str
) -> dict[str, Any]:
    whole = provider.provider(models, address=address, name=_("Portal"), secret=secret)
    link, carried = provider.link(whole)
    return {"link": link, "carried": carried, "clipboard": provider.as_text(whole)}


def _person(request: HttpRequest) -> Person:
    return cast(Person, request.user)
