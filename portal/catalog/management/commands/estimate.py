"""`manage.py estimate NAME`: how much memory a model will need, before anything is loaded."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import access
from portal.catalog.memory import estimates
from portal.chat.errors import NotFound


class Command(BaseCommand):
    help = "Tell how much memory a model will need, and how many conversations fit on each host."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as qwen2.5:0.5b")
        parser.add_argument("--context", type=int, help="tokens of one conversation")
        parser.add_argument("--parallel", type=int, help="answers at once")
        parser.add_argument("--cache", choices=estimates.CACHE_TYPES, help="how it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        for option in ("context", "parallel"):
            if options[option] is not None and options[option] < 1:
                raise CommandError(f"--{option} must be at least 1.")
        try:
            found = estimates.estimate(
                None,
                model=access.model_for_showing(None, options["name"]),
                context_length=options["context"],
                at_once=options["parallel"],
                cache_type=options["cache"],
            )
        except NotFound:
            raise CommandError(f"There is no model {options['name']}.") from None
        except estimates.UNREADABLE as error:
            raise CommandError(f"The files of {options['name']} cannot be read: {error}.") from None
        for sentence in found.sentences:
            self.stdout.write(sentence)
