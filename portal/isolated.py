"""`/page/isolated/…`: empty documents in which the page shows what models wrote, locked in.

The page opens one in a frame and sends it one text, which becomes the document. Such a document has
an origin of its own, reaches no address, and knows nothing of the person (threats D1, D3). Not for
anything that needs to know who asks: it is the same few bytes for everybody.
"""

from base64 import b64encode
from hashlib import sha256

from django.http import HttpRequest, HttpResponse

# Real-time connections are no fetches, so that not every browser's policy stops them.
_SCRIPT = (
    "for(const name of['RTCPeerConnection','webkitRTCPeerConnection'])delete window[name];"
    "addEventListener('message',function take(event){"
    "if(event.source!==parent||parent===window||typeof event.data!=='string')return;"
    "removeEventListener('message',take);"
    "document.open();document.write(event.data);document.close()})"
)
_DOCUMENT = (
    f'<!doctype html><html><head><meta charset="utf-8"><title>-</title>'
    f"<script>{_SCRIPT}</script></head><body></body></html>"
).encode()
_OWN_SCRIPT = f"'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'"


def _policy(*, scripts: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "media-src data: blob:",
            "font-src data:",
            "webrtc 'block'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'self'",
            "sandbox allow-scripts",
        )
    )


# Where what was written runs its own scripts, and where it runs none.
POLICIES = {
    "/page/isolated/live/": _policy(scripts="'unsafe-inline'"),
    "/page/isolated/still/": _policy(scripts=_OWN_SCRIPT),
}


async def document(request: HttpRequest) -> HttpResponse:
    """Its policy is put on by portal/headers.py, which has the last word on every answer."""
    response = HttpResponse(_DOCUMENT, content_type="text/html; charset=utf-8")
    response["X-DNS-Prefetch-Control"] = "off"
    return response
