"""Our answers to allauth's questions, and its seams for what an account's change must start."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from portal.accounts import actions
from portal.accounts.language import is_spoken, remember
from portal.accounts.models import Person

logger = logging.getLogger(__name__)


class Adapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth brings no types
    """Everything allauth writes to an account passes here; so no signal is needed to hear of it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.PORTAL.is_sign_up_open

    def is_safe_url(self, url: str | None) -> bool:
        """Own paths only, never a host, not even ours (threat A14)."""
        is_path = bool(url) and str(url).startswith("/")
        return is_path and url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def post_login(self, request: HttpRequest, user: Person, **how: Any) -> HttpResponseBase:
        """A new device speaks the person's language from the first page on."""
        response: HttpResponseBase = super().post_login(request, user, **how)
        return remember(response, user.language) if is_spoken(user.language) else response

    def logout(self, request: HttpRequest) -> None:
        person: Person | AnonymousUser = request.user
        super().logout(request)
        if isinstance(person, Person):
            actions.signed_out(person.pk)

    def set_password(self, user: Person, password: str) -> None:
        """Change, reset and first setting of a password all end here."""
        actions.set_password(user, user, password=password)

    def send_mail(
        self, template_prefix: str, email: str | list[str], context: dict[str, Any]
    ) -> None:
        # Without a mail server the answer, and its time, must still be the same for every address.
        if not settings.HAS_MAIL_SERVER:
            logger.warning("no mail was sent: PORTAL_SMTP_URL is not set")
            return
        super().send_mail(template_prefix, email, context)


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth brings no types
    """The second factor: nothing of ours but its name in the authenticator app."""

    def get_totp_issuer(self) -> str:
        return "Portal"
