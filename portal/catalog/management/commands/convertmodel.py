"""`manage.py convertmodel FOLDER NAME`: a folder of safetensors of this machine becomes a model."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from portal.catalog.converting import converter, tool
from portal.catalog.jobs.terminal import carried_out
from portal.catalog.models import JobState
from portal.catalog.names import NotAName
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Convert a folder of safetensors to GGUF and take it into the model store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="as its makers publish it")
        parser.add_argument("name", help="such as all-minilm:l6")
        parser.add_argument(
            "--type", choices=converter.KINDS, default="auto", help="of the weights"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not tool.is_installed():
            raise CommandError(str(tool.NOT_INSTALLED))
        try:
            folder = options["folder"].resolve(strict=True)
            ended = carried_out(
                "convert",
                name=options["name"],
                wants={"folder": str(folder), "type": options["type"]},
                console=Console(stderr=True, highlight=False),
            )
        except OSError as error:
            raise CommandError(f"{options['folder']}: {error.strerror}.") from None
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except ChatError as error:
            raise CommandError(str(error)) from None
        if ended.state == JobState.CANCELLED:
            raise CommandError("Cancelled. Nothing was changed.")
        if ended.state != JobState.DONE:
            raise CommandError(ended.sentence)
