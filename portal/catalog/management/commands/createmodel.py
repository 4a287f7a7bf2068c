"""`manage.py createmodel NAME -f Modelfile`: make a model out of another one, or of local files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

import modelfile
from portal.catalog.coming import incoming
from portal.catalog.jobs.terminal import carried_out
from portal.catalog.making import local
from portal.catalog.making.errors import NotMade
from portal.catalog.models import JobState
from portal.catalog.names import Digest
from portal.catalog.papers.gguf import NotAGguf
from portal.catalog.storage.store import NoSpace
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Make a model as a Modelfile says: FROM, PARAMETER, TEMPLATE, SYSTEM, ADAPTER …"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as helper:7b")
        parser.add_argument("-f", "--file", type=Path, default=Path("Modelfile"))
        parser.add_argument(
            "-q", "--quantize", default="", help="F16, BF16, Q8_0, Q4_K_M or Q4_K_S"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            order = local.order_of(
                options["name"],
                modelfile.parse(path.read_bytes()),
                folder=path.resolve().parent,
                take_in=_take_in,
                warn=self.stderr.write,
                quantisation=options["quantize"],
            )
            order.check()
            ended = carried_out(
                "create",
                name=order.name,
                wants=order.as_wants(),
                console=Console(stderr=True, highlight=False),
            )
        except modelfile.BadModelfile as error:
            raise CommandError(f"{path}: {error}") from None
        except NotAGguf as error:
            raise CommandError(f"Refused: not a usable GGUF file: {error}.") from None
        except NoSpace as error:
            raise CommandError(f"No room: {error.missing_bytes} more bytes are needed.") from None
        except (NotMade, ChatError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}.") from None
        if ended.state == JobState.CANCELLED:
            raise CommandError("Cancelled. Nothing was made.")
        if ended.state != JobState.DONE:
            raise CommandError(ended.sentence)


def _take_in(path: Path) -> Digest:
    return incoming.take_in_blob(incoming.LocalFile(path=path))
