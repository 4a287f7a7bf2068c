"""The address of a shared snapshot: the chat page again. Rights are asked by the socket."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
@login_required
def shared(request: HttpRequest, share_id: UUID) -> HttpResponse:
    """The same page for every id."""
    return render(request, "chat/page.html")
