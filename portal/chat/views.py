"""The chat page: one document for every conversation; everything else comes over the WebSocket."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
@login_required
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """The same page for every id: whether it is hers, the socket says."""
    return render(request, "chat/page.html")
