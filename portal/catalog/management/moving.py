"""What `pull` and `push` have in common. Not a command; those lie in `commands/`."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from portal.catalog.jobs.terminal import carried_out
from portal.catalog.models import JobState
from portal.catalog.names import NotAName
from portal.chat.errors import ChatError


class MovesAModel(BaseCommand):
    """Carries out a job of this kind for a model's name; ends with a sentence if it is not done."""

    kind: ClassVar[str]
    example: ClassVar[str]
    when_cancelled: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help=f"such as {self.example}")
        parser.add_argument(
            "--insecure", action="store_true", help="plain HTTP, for a registry of your own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ended = carried_out(
                self.kind,
                name=options["name"],
                wants={"insecure": options["insecure"]},
                console=Console(stderr=True, highlight=False),
            )
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except ChatError as error:
            raise CommandError(str(error)) from None
        if ended.state == JobState.CANCELLED:
            raise CommandError(f"Cancelled. {self.when_cancelled}")
        if ended.state != JobState.DONE:
            raise CommandError(ended.sentence)
