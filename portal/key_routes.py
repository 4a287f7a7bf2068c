"""The short way for programs: straight to the view, past sessions, cookies, CSRF and redirects.

Key routes never look at a cookie, so there is nothing to forge (threat A15), and they pay for none
of the layers that a browser needs, each of which costs a change of thread. Not for checking keys:
api/keys.py.
"""

import logging
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve

from portal.api.errors import Refused, family_of, refused_response
from portal.api.ollama import root
from portal.logs import one_line

logger = logging.getLogger(__name__)

PREFIXES = ("/api/", "/v1/", "/u/")
ADDRESSES = frozenset({"/api", "/v1", "/healthz", "/metrics"})
# Below the prefixes, yet for people.
PAGES = frozenset({"/api/docs"})


def is_key_route(path: str) -> bool:
    """Whether this address belongs to programs."""
    if path in PAGES:
        return False
    return path in ADDRESSES or path.startswith(PREFIXES)


class KeyRoutes:
    """Second from outside.

    Checks the Host of every request (threat C2), then parts the two ways.
    """

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_at_root = root.is_for_program(request)
        is_for_program = is_at_root or is_key_route(request.path_info)
        try:
            request.get_host()
        except DisallowedHost:
            if is_for_program:
                return _under_a_foreign_name(request)
            raise  # which becomes a page
        if is_at_root:
            return root.running(request)
        if not is_for_program:
            return await self._get_response(request)
        match = resolve(request.path_info)
        request.resolver_match = match
        view = match.func if iscoroutinefunction(match.func) else sync_to_async(match.func)
        response: HttpResponseBase = await view(request, *match.args, **match.kwargs)
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


def _under_a_foreign_name(request: HttpRequest) -> HttpResponse:
    """Programs are told what to do about it, in the shape of their dialect."""
    name = one_line(request.headers.get("Host", "")[:200])
    logger.warning("a program asked for the host '%s', which is not in PORTAL_HOSTS", name)
    message = (
        "the portal does not answer under the name in this address; use another of its names,"
        " or ask whoever runs it to add this one to PORTAL_HOSTS"
    )
    refused = Refused(status=403, message=message)
    return refused_response(refused, family=family_of(request.path_info))
