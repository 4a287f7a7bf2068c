"""`createkey EMAIL`: prints a new API key once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.accounts import keys, queries
from portal.accounts.models import KeyScope


class Command(BaseCommand):
    help = "Make an API key for a person and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--scope",
            action="append",
            choices=KeyScope.values,
            dest="scopes",
            help="what the key may be used for; may be repeated (default: all the person may)",
        )
        parser.add_argument(
            "--name", default="command line", help="what the key is called in lists"
        )

    def handle(
        self, *args: Any, email: str, scopes: list[str] | None, name: str, **options: Any
    ) -> None:
        person = queries.active_person_with_email(email)
        if person is None:
            raise CommandError(f"there is no active person with the address {email}")
        try:
            _, secret = keys.make_key(person, name=name, scopes=scopes)
        except keys.NotAllowed as reason:
            raise CommandError(f"{email} may not have this key: {reason}") from reason
        self.stdout.write(secret)
