"""`manage.py rmmodel NAME…`: models go, and those of their files that no other needs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import actions
from portal.catalog.names import NotAName
from portal.catalog.storage.store import NoSuchManifest
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Remove models. Stops at the first that cannot be removed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="name")

    def handle(self, *args: Any, **options: Any) -> None:
        for name in options["names"]:
            try:
                actions.delete_named(None, name=name)
            except NotAName as error:
                raise CommandError(f"{error} is not the name of a model.") from None
            except NoSuchManifest as error:
                raise CommandError(f"There is no model {error}.") from None
            except ChatError as error:
                raise CommandError(str(error)) from None
            self.stdout.write(f"deleted '{name}'")
