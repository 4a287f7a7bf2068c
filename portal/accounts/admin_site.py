"""The one administration site: signed in to through allauth, like every page (threat A4)."""

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from unfold.sites import UnfoldAdminSite


class PortalAdminSite(UnfoldAdminSite):  # type: ignore[misc] # unfold brings no types
    """No sign-in and no way out of its own, and a second factor where it is asked for."""

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_permission(request)) and not lacks_second_factor(request)

    @method_decorator(secure_admin_login)
    def login(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Reached by staff without a second factor, and by those who are in already."""
        if lacks_second_factor(request):
            return redirect("mfa_activate_totp")
        return redirect("admin:index")

    def logout(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        return redirect("account_logout")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        return redirect("account_change_password")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Read anew at every request, so that turning the factor off closes the site at once."""
    if not settings.IS_ADMIN_SECOND_FACTOR_REQUIRED:
        return False
    return not is_mfa_enabled(request.user)
