"""Who may use one model: a page of buttons in the administration. A door: actions decide."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _

from portal.catalog import actions, queries
from portal.catalog.admin import frame
from portal.catalog.forms import AudienceForm
from portal.catalog.models import Model
from portal.chat.errors import ChatError
from portal.console import administrator


def urls(models: Any) -> list[URLPattern]:
    return [frame.route(models, "<uuid:model_id>/audience/", audience, name="audience")]


def audience(models: Any, request: HttpRequest, model_id: UUID) -> HttpResponse:
    """One button a group, so that publishing to Sales is two clicks from the list."""
    model = frame.model_for_changing(models, request, model_id)
    if request.method == "POST":
        return _change(request, model)
    return frame.page(
        models,
        request,
        "model/audience.html",
        title=_("Model %(name)s") % {"name": model.name},
        model=model,
        audience=queries.audience_of(model),
        groups=queries.all_groups(),
        chosen={group.pk for group in model.groups.all()},
    )


def _change(request: HttpRequest, model: Model) -> HttpResponse:
    form = AudienceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please choose a group."))
        return HttpResponseRedirect(request.path)
    try:
        _act(request, model, form)
    except ChatError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(request.path)
    model.refresh_from_db()
    words = {"name": model.name, "audience": queries.audience_of(model)}
    messages.success(request, _("%(name)s may now be used by: %(audience)s") % words)
    return HttpResponseRedirect(request.path)


def _act(request: HttpRequest, model: Model, form: AudienceForm) -> None:
    person, group = administrator(request), form.cleaned_data["group"]
    match form.cleaned_data["act"]:
        case "publish":
            actions.publish_to_groups(person, model_id=model.id, group_ids=[group.pk])
        case "withdraw":
            actions.withdraw_from_groups(person, model_id=model.id, group_ids=[group.pk])
        case "everyone":
            actions.publish_model(person, model_id=model.id)
        case _:
            actions.hide_model(person, model_id=model.id)
