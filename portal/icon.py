"""`/favicon.ico`: the portal's mark, for every page, the administration's too."""

from django.http import HttpRequest, HttpResponse

# A doorway, in a green that is seen on light and on dark.
MARK = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><path fill="none" '
    b'stroke="#2a8a71" stroke-width="3" d="M4 19V8a6 6 0 0 1 12 0v11"/></svg>'
)


async def icon(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(MARK, content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=86400"
    return response
