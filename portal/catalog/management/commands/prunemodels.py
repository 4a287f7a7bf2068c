"""`manage.py prunemodels`: files of the store that nothing needs any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import actions
from portal.catalog.papers import tables
from portal.chat.errors import ChatError


class Command(BaseCommand):
    help = "Remove files that no model, no waiting request and no job needs, older than an hour."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pruned = actions.prune(None)
        except ChatError as error:
            raise CommandError(str(error)) from None
        if pruned.is_off:
            self.stdout.write("OLLAMA_NOPRUNE is set, so nothing was removed.")
            return
        self.stdout.write(f"{pruned.count} files removed, {tables.human_bytes(pruned.size_bytes)}.")
        for name in pruned.unreadable:
            self.stderr.write(
                f"The manifest of {name} cannot be read. While it is there nothing is removed:"
                f" fetch it again, or `manage.py rmmodel {name}`."
            )
        for folder in pruned.closed:
            self.stderr.write(
                f"The folder manifests/{folder} cannot be read. While that is so nothing is"
                " removed: give whoever runs the portal the right to read it."
            )
