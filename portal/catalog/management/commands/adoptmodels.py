"""`manage.py adoptmodels`: what lies in the store becomes models; what is not whole is told."""

from typing import Any

from django.core.management.base import BaseCommand

from portal.catalog import actions


class Command(BaseCommand):
    help = "Look at the store now: take over what others put there, mark what is not whole."

    def handle(self, *args: Any, **options: Any) -> None:
        synced = actions.sync_with_store(None)
        if synced.is_busy:
            self.stdout.write("Somebody is looking already. Ask again in a while.")
            return
        for name in synced.adopted:
            self.stdout.write(f"adopted '{name}'")
        for name in synced.broken:
            self.stderr.write(f"not whole: '{name}'. Fetch it again, or remove it.")
        for name in synced.unreadable:
            self.stderr.write(f"not a manifest: '{name}'. Fetch it again, or remove it.")
        for folder in synced.closed:
            self.stderr.write(
                f"cannot be read: the folder manifests/{folder}. Its models are left out until"
                " whoever runs the portal has the right to read it."
            )
        if not (synced.adopted or synced.broken or synced.unreadable or synced.closed):
            self.stdout.write("Nothing new.")
