"""What is loaded where, in the administration, with the buttons to load and to let go. A door."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.translation import gettext as _

from portal.catalog.admin import acts, frame
from portal.catalog.forms import LoadForm
from portal.catalog.memory import residents


def urls(models: Any) -> list[URLPattern]:
    return [frame.route(models, "loaded/", loaded, name="loaded")]


def loaded(models: Any, request: HttpRequest) -> HttpResponse:
    frame.must_change(models, request)
    if request.method == "POST":
        form = LoadForm(request.POST)
        if form.is_valid():
            acts.do(request, model_id=form.cleaned_data["model"].id)
        else:
            acts.misunderstood(request)
        return HttpResponseRedirect(request.path)
    return frame.page(
        models,
        request,
        "model/loaded.html",
        title=_("What is loaded where"),
        hosts=residents.hosts(),
        loadable=residents.loadable(),
    )
