"""`manage.py pull NAME`: fetch a model from a registry into the store."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from portal.catalog.jobs.terminal import carried_out
from portal.catalog.models import JobState
from portal.catalog.names import NotAName
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Fetch a model from a registry; interrupted, it goes on from where it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as qwen2.5:0.5b or hf.co/user/repo:Q4_K_M")
        parser.add_argument(
            "--insecure", action="store_true", help="plain HTTP, for a registry of your own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True, highlight=False)
        try:
            ended = carried_out(
                "pull",
                name=options["name"],
                wants={"insecure": options["insecure"]},
                console=console,
            )
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except ChatError as error:
            raise CommandError(str(error)) from None
        if ended.state == JobState.CANCELLED:
            raise CommandError("Cancelled. What has come is kept; pull it again to go on.")
        if ended.state != JobState.DONE:
            raise CommandError(ended.sentence)
