"""What every page about models begins with: who may open it, and the theme around it.

`models` is the registered administration of models; the theme it is made with has no types.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise

from portal.catalog.models import Model

View = Callable[..., HttpResponseBase]


def route(models: Any, address: str, view: View, *, name: str) -> URLPattern:
    """`view(models, request, …)` behind the site's own door."""
    behind: View = models.admin_site.admin_view(partial(view, models))
    return path(address, behind, name=f"catalog_model_{name}")


def model_for_changing(models: Any, request: HttpRequest, model_id: UUID) -> Model:
    """The model, if whoever asks may change models; else there is no page."""
    found = models.get_object(request, str(model_id))
    if not isinstance(found, Model):
        raise Http404
    if not models.has_change_permission(request, found):
        raise PermissionDenied
    return found


def must_change(models: Any, request: HttpRequest) -> None:
    """For pages about no model in particular."""
    if not models.has_change_permission(request):
        raise PermissionDenied


def must_add(models: Any, request: HttpRequest) -> None:
    """For pages by which models come in."""
    if not models.has_add_permission(request):
        raise PermissionDenied


def page(
    models: Any, request: HttpRequest, template: str, *, title: str | Promise, **context: Any
) -> HttpResponse:
    whole = {
        **models.admin_site.each_context(request),
        # Without `opts`: only then does the theme's heading say which page this is.
        "model_admin": models,
        "title": title,
        **context,
    }
    return TemplateResponse(request, f"admin/catalog/{template}", whole)
