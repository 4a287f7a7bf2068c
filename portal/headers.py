"""Strict headers on every answer, error pages too (threats C17, C18). Not for CORS: see api/.

No answer passes without them: this is the outermost layer, and a view can only say more, not less.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal import isolated

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        # Only portal/isolated.py lets itself be framed; and a frame can be led nowhere else.
        "frame-src 'self'",
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
# The administration's theme evaluates expressions in attributes (Alpine) and sets styles in place.
# It shows no text of other people, what models write stands in text nodes only, and no page but its
# own gets this policy.
ADMIN_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
# What people attached, taken back by one of them: it may do nothing at all, whatever it is (D10).
FILES = "/page/files/"
FILE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "sandbox",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), "
        "microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}


class StrictHeaders:
    """Runs in the event loop, without a thread; so streaming answers pass untouched."""

    async_capable = True
    sync_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._get_response(request)
        headers = response.headers
        for name, value in ALWAYS.items():
            headers[name] = value
        headers["Content-Security-Policy"] = _policy_of(request.path_info)
        if request.path_info in isolated.POLICIES:
            headers["X-Frame-Options"] = "SAMEORIGIN"
        # Static files say for themselves how long they keep; whatever does not say is private.
        headers.setdefault("Cache-Control", "no-store")
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            headers["Strict-Transport-Security"] = _transport_security()
        return response


def _policy_of(path: str) -> str:
    if path.startswith("/admin/"):
        return ADMIN_POLICY
    if path.startswith(FILES):
        return FILE_POLICY
    return isolated.POLICIES.get(path, PAGE_POLICY)


def _transport_security() -> str:
    parts = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        parts.append("includeSubDomains")
    if settings.SECURE_HSTS_PRELOAD:
        parts.append("preload")
    return "; ".join(parts)
