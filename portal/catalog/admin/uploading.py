"""The page from which files are sent. A door: the sending itself is in portal/catalog/uploads."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern
from django.utils.translation import gettext as _

from portal.catalog.admin import frame
from portal.catalog.converting import tool
from portal.catalog.uploads import acts


def urls(models: Any) -> list[URLPattern]:
    return [frame.route(models, "add/upload/", show, name="upload")]


def show(models: Any, request: HttpRequest) -> HttpResponse:
    frame.must_add(models, request)
    return frame.page(
        models,
        request,
        "model/upload.html",
        title=_("Upload a file"),
        limit=filesizeformat(settings.PORTAL.max_upload_bytes),
        days=acts.KEPT_DAYS,
        can_convert=tool.is_installed(),
        why_not=tool.NOT_INSTALLED,
        words={
            "rate": _("%(size)s a second"),
            "seconds": _("%(count)s s left"),
            "minutes": _("%(count)s min left"),
            "hours": _("%(count)s h left"),
            "away": _("The portal does not answer just now. What was sent is kept; trying again…"),
            "paused": _("Paused. What was sent is kept."),
            "choose": _("To go on, choose the same files and write the same name above."),
            "whole": _("All of it is here. Go on, and a model is made of it."),
        },
    )
