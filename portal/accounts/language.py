"""Which language a browser is spoken to in. The account keeps the choice, a cookie carries it."""

from typing import TypeVar

from django.conf import settings
from django.http.response import HttpResponseBase

Response = TypeVar("Response", bound=HttpResponseBase)


def is_spoken(language: str) -> bool:
    """Whether the portal has words in it."""
    return language in dict(settings.LANGUAGES)


def remember(response: Response, language: str) -> Response:
    """The same answer; the browser asks in this language from now on."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    return response
