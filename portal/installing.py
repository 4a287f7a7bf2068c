"""The portal as an app: its manifest, its service worker, the page it shows without a connection.

The same for everybody, whoever asks: what a browser keeps of them holds nothing of a person (threat
C18, docs/decisions/0035). Not for the icons: static/icons/.
"""

import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal import built
from portal.accounts.language import is_spoken

ONE_HOUR_SECONDS = 3600
# The paper of palette.css, in light: what is painted before the page is there.
PAPER = "#fcfbf8"
SIDE = "#f4f1ea"


async def manifest(request: HttpRequest, language: str) -> HttpResponse:
    """What a browser needs to know to install it."""
    _check(language)
    with translation.override(language):
        words = {
            "name": _("Portal"),
            "short_name": _("Portal"),
            "description": _("Chat with the models of your company."),
            "lang": language,
            "dir": "rtl" if translation.get_language_bidi() else "ltr",
        }
    icons = [
        _icon("icon.svg", "any", "image/svg+xml"),
        _icon("icon-192.png", "192x192", "image/png"),
        _icon("icon-512.png", "512x512", "image/png"),
        {**_icon("maskable-512.png", "512x512", "image/png"), "purpose": "maskable"},
    ]
    shown = {"display": "standalone", "background_color": PAPER, "theme_color": SIDE}
    where = {"id": "/", "start_url": "/", "scope": "/"}
    response = JsonResponse({**words, **where, **shown, "icons": icons})
    response["Content-Type"] = "application/manifest+json"
    response["Cache-Control"] = f"public, max-age={ONE_HOUR_SECONDS}"
    return response


async def worker(request: HttpRequest) -> HttpResponse:
    """What Vite built, behind the list of the files it may keep: another build, another worker."""
    language = request.GET.get("language", settings.LANGUAGE_CODE)
    _check(language)
    entries = built.entries()
    key = built.key_of(entries, name="worker")
    if key is None:
        raise Http404
    own = entries[key]["file"]
    shell = {
        "files": [built.address_of(file) for file in built.files(entries) if file != own],
        "offline": reverse("offline", args=[language]),
        "offlineFiles": _offline_files(entries),
    }
    script = _script(Path(settings.BASE_DIR) / built.FOLDER / own)
    content = f"self.shell={json.dumps(shell, sort_keys=True)};\n{script}"
    response = HttpResponse(content, content_type="text/javascript; charset=utf-8")
    # Asked for anew each time a page is opened: that is how an update is found.
    response["Cache-Control"] = "no-cache"
    return response


async def offline(request: HttpRequest, language: str) -> HttpResponse:
    """Kept by the worker, so without a word about who is here: no request in its context."""
    _check(language)
    with translation.override(language):
        page = loader.get_template("errors/offline.html").render({})
    response = HttpResponse(page)
    response["Cache-Control"] = f"public, max-age={ONE_HOUR_SECONDS}"
    return response


def _check(language: str) -> None:
    if not is_spoken(language):
        raise Http404


def _icon(name: str, sizes: str, kind: str) -> dict[str, str]:
    return {"src": static(f"icons/{name}"), "sizes": sizes, "type": kind}


def _offline_files(entries: built.Entries) -> list[str]:
    styles = built.styles_of(entries, built.key_of(entries, name="pages"))
    scripts = built.scripts_of(entries, built.key_of(entries, name="offline"))
    return [built.address_of(file) for file in (*styles, *scripts)]


@cache
def _script(path: Path) -> str:
    """Read once: its name carries the hash of its content."""
    return path.read_text(encoding="utf-8")
