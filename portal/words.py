"""`/i18n/<language>.json`: the words of the page's scripts, from the .mo files of all others."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.views.i18n import JSONCatalog

ONE_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """As it is, and packed: in a language of other letters it is mostly escapes."""

    content: bytes
    packed: bytes
    tag: str


async def words(request: HttpRequest, language: str) -> HttpResponse:
    """Public: there is nothing private in it, and the sign-in page may need it."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    found = _catalogue(language)
    is_packed = "gzip" in request.headers.get("Accept-Encoding", "")
    tag = f'"{found.tag}{"-gzip" if is_packed else ""}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        content = found.packed if is_packed else found.content
        response = HttpResponse(content, content_type="application/json")
        if is_packed:
            response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["ETag"] = tag
    response["Cache-Control"] = f"public, max-age={ONE_DAY_SECONDS // 24}"
    return response


class _OwnCatalogue(JSONCatalog):
    """Our words only; Django's own scripts bring catalogues that the page has no use for."""

    def get_paths(self, packages: object) -> list[str]:
        return [str(path) for path in settings.LOCALE_PATHS]


@cache
def _catalogue(language: str) -> _Catalogue:
    asked = HttpRequest()
    asked.method = "GET"
    with translation.override(language):
        answer = _OwnCatalogue.as_view(packages=["portal"])(asked)
    content = cast(HttpResponse, answer).content
    tag = sha256(content).hexdigest()[:32]
    return _Catalogue(content, gzip.compress(content, mtime=0), tag)
