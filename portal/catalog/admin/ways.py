"""The other ways in: a Modelfile, a file on the server, a folder that Ollama filled. A door."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from portal.catalog import access, tasks
from portal.catalog.admin import acts, frame
from portal.catalog.coming import laid_down, written
from portal.catalog.forms import LaidDownForm, ModelfileForm
from portal.chat.errors import ChatError
from portal.console import administrator


def urls(models: Any) -> list[URLPattern]:
    return [
        frame.route(models, "add/modelfile/", from_modelfile, name="modelfile"),
        frame.route(models, "add/file/", from_server, name="add_file"),
        frame.route(models, "add/folder/", from_ollama, name="add_folder"),
    ]


def from_modelfile(models: Any, request: HttpRequest) -> HttpResponse:
    """A model out of another one. What was written comes again when it was refused."""
    frame.must_add(models, request)
    form = ModelfileForm(request.POST or {"text": written.EXAMPLE})
    if request.method == "POST":
        try:
            if form.is_valid():
                written.make(administrator(request), **form.cleaned_data)
                return HttpResponseRedirect(f"{reverse('admin:catalog_model_add')}#jobs")
            acts.misunderstood(request)
        except ChatError as error:
            messages.error(request, str(error))
    return frame.page(
        models,
        request,
        "model/modelfile.html",
        title=_("Write a Modelfile"),
        form=form,
        kinds=written.QUANTISATIONS,
    )


def from_server(models: Any, request: HttpRequest) -> HttpResponse:
    """One of the files that an operator laid into the folder for it; no other place is read."""
    frame.must_add(models, request)
    if request.method == "POST":
        form = LaidDownForm(request.POST)
        try:
            if form.is_valid():
                laid_down.take_in(administrator(request), **form.cleaned_data)
                return HttpResponseRedirect(f"{reverse('admin:catalog_model_add')}#jobs")
            acts.misunderstood(request)
        except ChatError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(request.path)
    return frame.page(
        models,
        request,
        "model/add_file.html",
        title=_("Take in a file that lies on the server"),
        files=laid_down.files(),
        folder=laid_down.folder(),
    )


def from_ollama(models: Any, request: HttpRequest) -> HttpResponse:
    """A look into the model folder now, instead of within the hour."""
    frame.must_add(models, request)
    if request.method == "POST":
        access.may_manage_models(administrator(request), verb="add")
        try:
            tasks.sync.delay()
        except OperationalError:
            messages.error(request, acts.NO_QUEUE)
        else:
            messages.success(
                request,
                _("The folder is being read. What is whole appears in the list of models."),
            )
        return HttpResponseRedirect(reverse("admin:catalog_model_changelist"))
    return frame.page(
        models,
        request,
        "model/add_folder.html",
        title=_("Take over a folder of Ollama"),
        store=laid_down.store_folder(),
    )
