"""The short way for programs: straight to the view, past sessions, cookies, CSRF and redirects.

Key routes never look at a cookie, so there is nothing to forge (threat A15), and they pay for none
of the layers that a browser needs, each of which costs a change of thread. Not for checking keys:
api/keys.py.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve

from portal.api import root

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
        request.get_host()  # raises DisallowedHost, which becomes a 400
        if root.is_for_program(request):
            return root.running(request)
        if not is_key_route(request.path_info):
            return await self._get_response(request)
        match = resolve(request.path_info)
        request.resolver_match = match
        view = match.func if iscoroutinefunction(match.func) else sync_to_async(match.func)
        response: HttpResponseBase = await view(request, *match.args, **match.kwargs)
        if isinstance(response, HttpResponse):
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response
