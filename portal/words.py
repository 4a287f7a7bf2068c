"""`/i18n/<language>.json`: the words of the page's scripts, from the .mo files of all others."""

from functools import cache
from hashlib import sha256
from typing import cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.views.i18n import JSONCatalog

ONE_DAY_SECONDS = 86_400


async def words(request: HttpRequest, language: str) -> HttpResponse:
    """Public: there is nothing private in it, and the sign-in page may need it."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    content, tag = _catalogue(language)
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(content, content_type="application/json")
    response["ETag"] = tag
    response["Cache-Control"] = f"public, max-age={ONE_DAY_SECONDS // 24}"
    return response


class _OwnCatalogue(JSONCatalog):
    """Our words only; Django's own scripts bring catalogues that the page has no use for."""

    def get_paths(self, packages: object) -> list[str]:
        return [str(path) for path in settings.LOCALE_PATHS]


@cache
def _catalogue(language: str) -> tuple[bytes, str]:
    asked = HttpRequest()
    asked.method = "GET"
    with translation.override(language):
        answer = _OwnCatalogue.as_view(packages=["portal"])(asked)
    content = cast(HttpResponse, answer).content
    return content, f'"{sha256(content).hexdigest()[:32]}"'
