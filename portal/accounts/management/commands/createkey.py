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
        parser.add_argument(
            "--days", type=_positive, help="the key works for so many days (default: until revoked)"
        )
        parser.add_argument(
            "--path",
            action="store_true",
            dest="for_path",
            help="the key is for an address only, /u/KEY: chat and embeddings, and nothing else",
        )
        parser.add_argument(
            "--requests-a-minute", type=_positive, help="a limit of this key (default: none)"
        )
        parser.add_argument(
            "--tokens-a-day", type=_positive, help="a limit of this key (default: none)"
        )

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        person = queries.active_person_with_email(email)
        if person is None:
            raise CommandError(f"there is no active person with the address {email}")
        try:
            _, secret = keys.make_key(
                person,
                name=options["name"],
                scopes=options["scopes"],
                for_path=options["for_path"],
                expires_at=keys.in_days(options["days"]),
                limits=keys.Limits(
                    requests_a_minute=options["requests_a_minute"],
                    tokens_a_day=options["tokens_a_day"],
                ),
            )
        except keys.NotAllowed as reason:
            raise CommandError(f"{email} may not have this key: {reason}") from reason
        self.stdout.write(secret)


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError(text)
    return number
