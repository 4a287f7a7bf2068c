"""The page where models come in: by name, and by the other ways; and how far each is. A door."""

import contextlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseNotAllowed
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.translation import gettext as _

from portal.catalog import jobs
from portal.catalog.admin import acts, frame
from portal.catalog.coming import arrivals
from portal.catalog.forms import JobForm, PullForm
from portal.chat.errors import ChatError
from portal.console import administrator


def urls(models: Any) -> list[URLPattern]:
    return [
        frame.route(models, "jobs/", state, name="jobs"),
        frame.route(models, "jobs/act/", act, name="job_act"),
    ]


def add(models: Any, request: HttpRequest) -> HttpResponse:
    frame.must_add(models, request)
    written = ""
    if request.method == "POST":
        form = PullForm(request.POST)
        written = request.POST.get("name", "")[:512]
        if _pulled(request, form):
            return HttpResponseRedirect(f"{request.path}#jobs")
    return frame.page(
        models,
        request,
        "model/add.html",
        title=_("Add a model"),
        written=written,
        plain_hosts=arrivals.plain_hosts(),
        ways=_ways(),
        rows=arrivals.rows(),
        words=_words(),
    )


def state(models: Any, request: HttpRequest) -> HttpResponse:
    """The list of jobs as the page's script asks for it, once a second while it is looked at."""
    frame.must_add(models, request)
    return JsonResponse({"rows": [row.as_fields() for row in arrivals.rows()]})


def act(models: Any, request: HttpRequest) -> HttpResponse:
    frame.must_add(models, request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = JobForm(request.POST)
    if not form.is_valid():
        acts.misunderstood(request)
        return _back()
    verb = jobs.cancel if form.cleaned_data["act"] == "cancel" else jobs.resume
    try:
        verb(administrator(request), form.cleaned_data["job"])
    except ChatError as error:
        messages.error(request, str(error))
    return _back()


def _pulled(request: HttpRequest, form: PullForm) -> bool:
    """Whether it was asked for; else the page comes again with what was written, and why."""
    if not form.is_valid():
        messages.error(request, _("Write the name of a model first; nothing was fetched."))
        return False
    try:
        arrivals.pull(
            administrator(request),
            written=form.cleaned_data["name"],
            insecure=form.cleaned_data["insecure"],
        )
    except ChatError as error:
        messages.error(request, str(error))
        return False
    return True


def _back() -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('admin:catalog_model_add')}#jobs")


def _ways() -> list[dict[str, str]]:
    """Pages of other ways in; one that is not installed is left out."""
    known = (
        ("upload", _("Upload a file"), _("A GGUF from this computer, of any size.")),
        ("modelfile", _("Write a Modelfile"), _("From a model that is here, with other words.")),
        ("add_file", _("A file on the server"), _("What an operator laid into its folder.")),
        ("add_folder", _("A folder of Ollama"), _("As it is, with everything in it.")),
    )
    ways = []
    for page, title, about in known:
        with contextlib.suppress(NoReverseMatch):
            address = reverse(f"admin:catalog_model_{page}")
            ways.append({"title": title, "about": about, "address": address})
    return ways


def _words() -> dict[str, str]:
    """What the script says besides what the rows say."""
    return {
        "rate": _("%(size)s a second"),
        "seconds": _("%(count)s s left"),
        "minutes": _("%(count)s min left"),
        "hours": _("%(count)s h left"),
        "away": _("The portal does not answer just now; the work goes on. Trying again…"),
    }
