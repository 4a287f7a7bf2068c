"""The page of one model in the administration: everything about it, and every act. A door."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseNotAllowed
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _

from portal.catalog import model_page
from portal.catalog.admin import acts, frame
from portal.catalog.forms import EstimateForm
from portal.catalog.models import Model


def urls(models: Any) -> list[URLPattern]:
    return [frame.route(models, "<uuid:model_id>/act/", act, name="act")]


def show(models: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Nothing on it is edited in place: each button is one act. Who may only look sees none."""
    model = models.get_object(request, object_id)
    if not isinstance(model, Model):
        raise Http404
    if not models.has_view_permission(request, model):
        raise PermissionDenied
    if request.method == "POST":
        return HttpResponseRedirect(request.path)
    form = EstimateForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    return frame.page(
        models,
        request,
        "model/page.html",
        title=_("Model %(name)s") % {"name": model.name},
        model=model,
        page=model_page.page_of(
            model,
            context_length=wanted.get("context"),
            at_once=wanted.get("at_once"),
        ),
        estimate_form=form,
        may_change=models.has_change_permission(request, model),
        may_delete=models.has_delete_permission(request, model),
    )


def act(models: Any, request: HttpRequest, model_id: UUID) -> HttpResponse:
    model = frame.model_for_changing(models, request, model_id)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    acts.do(request, model_id=model.id)
    return HttpResponseRedirect(reverse("admin:catalog_model_change", args=[model.pk]))
