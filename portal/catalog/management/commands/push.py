"""`manage.py push NAME`: send a model of the store to a registry."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from portal.catalog.jobs.terminal import carried_out
from portal.catalog.models import JobState
from portal.catalog.names import ModelName, NotAName
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Send a model to the registry that its name says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as registry.example.com/team/model:tag")
        parser.add_argument(
            "--insecure", action="store_true", help="plain HTTP, for a registry of your own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True, highlight=False)
        try:
            ended = carried_out(
                "push",
                name=options["name"],
                wants={"insecure": options["insecure"]},
                console=console,
            )
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except ChatError as error:
            raise CommandError(str(error)) from None
        if ended.state == JobState.CANCELLED:
            raise CommandError("Cancelled. The registry keeps what has come; push it again.")
        if ended.state != JobState.DONE:
            raise CommandError(ended.sentence)
        where = ModelName.parse(options["name"]).full
        self.stdout.write(f"\nYou can find your model at:\n\n\t{where}")
