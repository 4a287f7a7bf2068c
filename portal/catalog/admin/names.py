"""Stable names in the administration: what each stands for, and the way back. A door."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseNotAllowed
from django.urls import URLPattern, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Person
from portal.catalog import aliases
from portal.catalog.admin import acts, frame
from portal.catalog.forms import AliasForm
from portal.chat.errors import ChatError
from portal.console import administrator


def urls(models: Any) -> list[URLPattern]:
    return [
        frame.route(models, "names/", names, name="names"),
        frame.route(models, "names/<uuid:alias_id>/", change, name="name_change"),
    ]


def names(models: Any, request: HttpRequest) -> HttpResponse:
    """All of them, and a form for a new one."""
    frame.must_change(models, request)
    if request.method == "POST":
        _do(request, AliasForm({**request.POST.dict(), "act": "point"}), alias_id=None)
        return _back()
    return frame.page(
        models,
        request,
        "model/names.html",
        title=_("Stable names"),
        shown=aliases.shown(),
        choices=aliases.targets(),
    )


def change(models: Any, request: HttpRequest, alias_id: UUID) -> HttpResponse:
    frame.must_change(models, request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    _do(request, AliasForm(request.POST), alias_id=alias_id)
    return _back()


def _do(request: HttpRequest, form: AliasForm, *, alias_id: UUID | None) -> None:
    if not form.is_valid():
        acts.misunderstood(request)
        return
    try:
        sentence = _done(administrator(request), form, alias_id)
    except ChatError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, str(sentence))


def _done(person: Person, form: AliasForm, alias_id: UUID | None) -> Promise:
    model = form.cleaned_data["model"]
    match form.cleaned_data["act"]:
        case "back" if alias_id is not None:
            aliases.roll_back_alias(person, alias_id=alias_id)
            return _("It stands again for what it stood for before.")
        case "remove" if alias_id is not None:
            aliases.remove_alias(person, alias_id=alias_id)
            return _("The name is gone; the model stays.")
        case _ if alias_id is not None:
            aliases.repoint_alias(person, alias_id=alias_id, model_id=model.id)
        case _:
            aliases.point_alias(person, name=form.cleaned_data["name"], model_id=model.id)
    return acts.POINTED


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:catalog_model_names"))
