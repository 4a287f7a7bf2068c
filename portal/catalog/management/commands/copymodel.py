"""`manage.py copymodel SOURCE DESTINATION`: a second name for the same files."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import actions
from portal.catalog.names import NotAName
from portal.catalog.storage.store import NoSuchManifest
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Give a model a second name. Nobody may use that one before you publish it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source")
        parser.add_argument("destination")

    def handle(self, *args: Any, **options: Any) -> None:
        source, destination = options["source"], options["destination"]
        try:
            actions.copy_model(None, source=source, destination=destination)
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except NoSuchManifest as error:
            raise CommandError(f"There is no model {error}.") from None
        except ChatError as error:
            raise CommandError(str(error)) from None
        except actions.UNUSABLE:
            raise CommandError(f"The files of {source} are not whole: fetch it again.") from None
        self.stdout.write(f"copied '{source}' to '{destination}'")
