"""How the administration looks and what its menu holds. Each page asks for its own rights."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def _item(title: Promise, icon: str, *, page: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}_changelist"),
        "permission": _asks(permission),
    }


def _asks(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Portal"),
    "SITE_HEADER": _("Portal"),
    "SITE_SYMBOL": "forum",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
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
                    _item(
                        _("Models"),
                        "deployed_code",
                        page="catalog_model",
                        permission="catalog.view_model",
                    ),
                    _item(
                        _("Running generations"),
                        "pace",
                        page="chat_generation",
                        permission="chat.view_generation",
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
