"""Health and metrics.

Strangers learn whether the portal is up; detail is behind a key (threat J9).
"""

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portal.accounts import keys
from portal.accounts.errors import KeyIsForLess, KeyRefused
from portal.accounts.models import KeyScope
from portal.ops import health, metrics


@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    found = await health.look()
    if found.is_well:
        return JsonResponse({"status": "ok"})
    answer = {"status": "unavailable", "reason": found.reason}
    if await _refusal(request) is None:
        answer["detail"] = found.detail
    return JsonResponse(answer, status=503)


@require_safe
async def prometheus(request: HttpRequest) -> HttpResponse:
    refusal = await _refusal(request)
    if refusal is not None:
        return refusal
    found = await health.look()
    content = await database_sync_to_async(metrics.page)(found)
    return HttpResponse(content, content_type=metrics.CONTENT_TYPE)


async def _refusal(request: HttpRequest) -> HttpResponse | None:
    """None for whoever holds a living key with the scope `metrics`."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return JsonResponse({"error": "a key is needed: Authorization: Bearer KEY"}, status=401)
    try:
        await database_sync_to_async(keys.holder_of)(secret.strip(), scope=KeyScope.METRICS)
    except KeyRefused:
        return JsonResponse({"error": "this key is not valid"}, status=401)
    except KeyIsForLess:
        return JsonResponse({"error": "this key has not the scope metrics"}, status=403)
    return None
