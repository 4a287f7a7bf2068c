"""`manage.py push NAME`: send a model of the store to a registry."""

from typing import Any

from portal.catalog.management.moving import MovesAModel
from portal.catalog.names import ModelName


class Command(MovesAModel):
    help = "Send a model to the registry that its name says."
    kind = "push"
    example = "registry.example.com/team/model:tag"
    when_cancelled = "The registry keeps what has come; push it again."

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        where = ModelName.parse(options["name"]).full
        self.stdout.write(f"\nYou can find your model at:\n\n\t{where}")
