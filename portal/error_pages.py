"""What is shown when something is wrong: a plain page, an id to quote, nothing else (C19)."""

import logging
import secrets

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext as _

from portal.key_routes import is_key_route
from portal.logs import one_line, scrub

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, status=400, title=_("We could not read this request"))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, status=403, title=_("You may not do this"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, status=404, title=_("There is no such page"))


def too_often(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, status=429, title=_("Too many tries. Please wait a few minutes."))


def failed(request: HttpRequest) -> HttpResponse:
    return _page(request, status=500, title=_("Something went wrong on our side"))


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's answer to a missing or foreign CSRF token."""
    return _page(request, status=403, title=_("This form is too old. Go back, reload, try again."))


def _page(request: HttpRequest, *, status: int, title: str) -> HttpResponse:
    error_id = secrets.token_hex(6)
    level = logging.ERROR if status >= 500 else logging.INFO
    # Django logs the traceback by itself; this line ties it to what the person will quote.
    address = one_line(scrub(request.path_info))
    logger.log(level, "error %s: %s at %s", error_id, status, address)
    if is_key_route(request.path_info):
        return JsonResponse({"error": str(title), "id": error_id}, status=status)
    # No request in the context: whatever broke might be the session or the person.
    template = loader.get_template(f"errors/{status}.html")
    return HttpResponse(template.render({"title": title, "error_id": error_id}), status=status)
