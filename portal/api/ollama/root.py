"""The bare address: a page for people, and for programs the sentence they look for there.

A browser says that it wants a page, or brings the cookie of its session; a program says neither.
Not for addresses below it, nor for `/u/KEY` alone: those are in urls.py.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from portal.api.door import finished
from portal.api.errors import Family

SENTENCE = "Ollama is running"
_SAFE = ("GET", "HEAD")


def is_for_program(request: HttpRequest) -> bool:
    """Whether this is a program that looks whether Ollama is here. It needs no key for that."""
    if request.path_info != "/" or request.method not in _SAFE:
        return False
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        return False
    return "text/html" not in request.headers.get("Accept", "")


def running(request: HttpRequest) -> HttpResponseBase:
    response = HttpResponse(SENTENCE, content_type="text/plain; charset=utf-8")
    response["Content-Length"] = str(len(response.content))
    patch_vary_headers(response, ("Accept", "Cookie"))
    return finished(request, response, family=Family.NATIVE)
