"""The document for programs, `/api/openapi.json`, and for people, `/api/docs`. Not for its words.

Both are public: they say what any portal can do, and nothing of this one but its address.
"""

import json

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from portal.accounts.language import is_spoken
from portal.api.document import pages, writing
from portal.api.door import finished

DEFAULT_LANGUAGE = "en"


@require_safe
async def openapi(request: HttpRequest) -> HttpResponseBase:
    language = request.GET.get("language", DEFAULT_LANGUAGE)
    if not is_spoken(language):
        language = DEFAULT_LANGUAGE
    found = writing.document(address=_address(request), language=language)
    text = json.dumps(found, ensure_ascii=False)
    return finished(request, HttpResponse(text, content_type="application/json; charset=utf-8"))


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    language = get_language() or DEFAULT_LANGUAGE
    found = writing.document(address=_address(request), language=language)
    page = {"page": pages.page_of(found), "language_of_document": language}
    return render(request, "api/docs.html", page)


def _address(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"
