"""`/favicon.ico`: the portal's mark, for every page, the administration's too."""

from django.http import HttpRequest, HttpResponse

MARK = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><path fill="#5b84e8" '
    b'd="M6 1h8a5 5 0 0 1 5 5v8a5 5 0 0 1-5 5H2a1 1 0 0 1-1-1V6a5 5 0 0 1 5-5z"/></svg>'
)


async def icon(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(MARK, content_type="image/svg+xml")
    response["Cache-Control"] = "public, max-age=86400"
    return response
