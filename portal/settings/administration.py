"""How the administration looks and what its menu holds. Each page asks for its own rights."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _item(
    title: Promise, icon: str, *, page: str, permission: str, view: str = "changelist"
) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}_{view}"),
        "permission": _asks(permission),
    }


def _is_about_models(request: HttpRequest) -> bool:
    """The list, or one model's page; the pages with an item of their own are marked there."""
    match = request.resolver_match
    name = (match.url_name if match else None) or ""
    own = ("add", "names", "loaded", "upload", "modelfile")
    return name.startswith("catalog_model_") and not name.startswith(
        tuple(f"catalog_model_{page}" for page in own)
    )


def _asks(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


# The paper and the green of the other pages (static/src/chat/look.css), in the theme's steps.
_PAPER = (
    *("#fcfbf8", "#f4f1ea", "#e3ded2", "#cfc9bb", "#aaa598", "#716c60"),
    *("#56524a", "#403d37", "#2b2a26", "#1c1b19", "#161513"),
)
_GREEN = (
    *("#eff6f3", "#e4efe9", "#bcdccf", "#a2dcc7", "#85ccb3", "#4fa98f"),
    *("#1d6a58", "#155445", "#134439", "#10382f", "#10231c"),
)


def _steps(colours: tuple[str, ...]) -> dict[str, str]:
    """The theme names its steps by weight, from light to dark."""
    weights = ("50", *(str(hundred * 100) for hundred in range(1, 10)), "950")
    return dict(zip(weights, colours, strict=True))


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Portal"),
    "SITE_HEADER": _("Portal"),
    "SITE_SYMBOL": "door_open",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "COLORS": {"base": _steps(_PAPER), "primary": _steps(_GREEN)},
    "DASHBOARD_CALLBACK": "portal.console.dashboard",
    "SIDEBAR": {
        "navigation": [
            {
                "items": [
                    {
                        "title": _("Overview"),
                        "icon": "dashboard",
                        "link": reverse_lazy("admin:index"),
                    },
                ],
            },
            {
                "title": _("Models"),
                "separator": True,
                "items": [
                    {
                        **_item(
                            _("Models"),
                            "deployed_code",
                            page="catalog_model",
                            permission="catalog.view_model",
                        ),
                        "active": _is_about_models,
                    },
                    _item(
                        _("Add a model"),
                        "download",
                        page="catalog_model",
                        permission="catalog.add_model",
                        view="add",
                    ),
                    _item(
                        _("Stable names"),
                        "label",
                        page="catalog_model",
                        permission="catalog.change_model",
                        view="names",
                    ),
                    _item(
                        _("What is loaded where"),
                        "memory",
                        page="catalog_model",
                        permission="catalog.change_model",
                        view="loaded",
                    ),
                    _item(
                        _("Presets"),
                        "tune",
                        page="presets_preset",
                        permission="presets.view_preset",
                    ),
                    _item(
                        _("Prompt templates"),
                        "article",
                        page="presets_prompttemplate",
                        permission="presets.view_prompttemplate",
                    ),
                    _item(
                        _("Running answers"),
                        "pace",
                        page="chat_generation",
                        permission="chat.view_generation",
                    ),
                    _item(
                        _("Ratings of answers"),
                        "thumbs_up_down",
                        page="chat_rating",
                        permission="chat.view_rating",
                    ),
                ],
            },
            {
                "title": _("People"),
                "separator": True,
                "items": [
                    _item(
                        _("People"),
                        "person",
                        page="accounts_person",
                        permission="accounts.view_person",
                    ),
                    _item(_("Groups"), "group", page="auth_group", permission="auth.view_group"),
                    _item(
                        _("API keys"),
                        "key",
                        page="accounts_apikey",
                        permission="accounts.view_apikey",
                    ),
                    _item(
                        _("Usage"),
                        "bar_chart",
                        page="accounts_usage",
                        permission="accounts.view_usage",
                    ),
                    _item(
                        _("Audit"),
                        "receipt_long",
                        page="audit_entry",
                        permission="audit.view_entry",
                    ),
                ],
            },
        ],
    },
}
