"""`firstadmin`: makes sure that somebody can become, or is, the administrator."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from portal.accounts import first, queries
from portal.accounts.forms import password_problems


class Command(BaseCommand):
    help = (
        "When there is no administrator: make one from PORTAL_ADMIN_EMAIL and "
        "PORTAL_ADMIN_PASSWORD, or print a link that makes one, once, within a day. "
        "Otherwise do nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if queries.is_there_an_administrator():
            return
        email, password = settings.PORTAL.admin_email, settings.PORTAL.admin_password
        if not email and not password:
            path = reverse("first_administrator", args=[first.make_link()])
            self.stdout.write(f"{settings.PORTAL.address}{path}")
            return
        if not email or not password:
            raise CommandError("PORTAL_ADMIN_EMAIL and PORTAL_ADMIN_PASSWORD go together: set both")
        if problems := password_problems(password, email=email):
            self._weak(" ".join(problems))
        first.make_administrator(email=email, name="", password=password)
        self.stdout.write(f"administrator {email} made")

    def _weak(self, problems: str) -> None:
        # On a trial the operator's word counts: whoever sets it there guards nothing but a trial.
        if settings.MUST_BE_SAFE:
            raise CommandError(f"PORTAL_ADMIN_PASSWORD is refused: {problems}")
        self.stderr.write(f"PORTAL_ADMIN_PASSWORD is weak: {problems}")
