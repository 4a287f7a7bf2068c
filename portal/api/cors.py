"""Which foreign pages may use the API: an administrator's list, empty at first (threat C14).

Nobody is turned away for an origin: desktop clients send all kinds of them. A page that is not
listed gets no permission from its browser. Never with credentials: the API looks at no cookie.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

METHODS = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"
MAX_AGE_SECONDS = 12 * 3600
HEADERS = ",".join(
    (
        *("Authorization", "Content-Type", "User-Agent", "Accept", "X-Requested-With"),
        "Openai-Beta",
        *("X-Stainless-Arch", "X-Stainless-Async", "X-Stainless-Custom-Poll-Interval"),
        *("X-Stainless-Helper-Method", "X-Stainless-Lang", "X-Stainless-Os"),
        *("X-Stainless-Package-Version", "X-Stainless-Poll-Helper", "X-Stainless-Retry-Count"),
        *("X-Stainless-Runtime", "X-Stainless-Runtime-Version", "X-Stainless-Timeout"),
    )
)


# What Anthropic's clients send beside those.
ANTHROPIC_HEADERS = ",".join(
    (
        HEADERS,
        *("X-Api-Key", "Anthropic-Version", "Anthropic-Beta"),
        *("Anthropic-Dangerous-Direct-Browser-Access", "X-Stainless-Helper"),
    )
)


# Kinds of body that a browser lets any page send anywhere: those that forms have, or none.
_SENT_UNASKED = frozenset(
    {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"}
)


def permit(
    request: HttpRequest,
    response: HttpResponseBase,
    *,
    origins: Sequence[str],
    headers: str = HEADERS,
) -> None:
    """Put the permission on the response, when this origin has one and needs one."""
    origin = request.headers.get("Origin")
    if origin is None or _is_same_host(origin, request):
        return
    if "*" in origins:
        response["Access-Control-Allow-Origin"] = "*"
    elif _is_listed(origin, origins):
        response["Access-Control-Allow-Origin"] = origin
        response["Vary"] = "Origin"
    else:
        return
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = METHODS
        response["Access-Control-Allow-Headers"] = headers
        response["Access-Control-Max-Age"] = str(MAX_AGE_SECONDS)
        response["Vary"] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def is_foreign_page(request: HttpRequest, *, origins: Sequence[str]) -> bool:
    """Whether a page of the web may have sent this that is neither ours nor listed.

    Programs send no origin, and desktop clients `null` or a scheme of their own. `null` is what a
    page sends as well that hides in a sandboxed frame: from those comes only what a browser sends
    without asking us first, and desktop clients send what it would ask about.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.OWN_ORIGINS or _is_listed(origin, origins):
        return False
    if origin.lower().startswith(("http://", "https://")):
        return True
    return request.method == "POST" and request.content_type in _SENT_UNASKED


def _is_same_host(origin: str, request: HttpRequest) -> bool:
    """A page that came from this address asks nobody."""
    host = request.get_host()
    return origin in (f"http://{host}", f"https://{host}")


def _is_listed(origin: str, origins: Sequence[str]) -> bool:
    return "*" in origins or any(_pattern(item).fullmatch(origin) for item in origins)


@lru_cache(maxsize=256)
def _pattern(item: str) -> re.Pattern[str]:
    """`*` stands for anything that is not a slash."""
    return re.compile("[^/]*".join(re.escape(part) for part in item.split("*")), re.IGNORECASE)
