"""`manage.py listmodels [PREFIX]`: every model of the store, as `ollama list` shows them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from portal import clock
from portal.catalog import queries
from portal.catalog.models import Model
from portal.catalog.papers import tables
from portal.catalog.trying import trials


class Command(BaseCommand):
    help = "List the models of this portal, the newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", nargs="?", default="", help="names that begin so, any case")
        parser.add_argument(
            "--state", action="store_true", help="say of each whether people can choose it, and why"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        header = ["NAME", "ID", "SIZE", "MODIFIED"]
        models = queries.all_models(options["prefix"])
        rows = [_row(model) for model in models]
        if options["state"]:
            header += ["STATE", "PUBLISHED TO"]
            for row, model in zip(rows, models, strict=True):
                row += [model.get_state_display(), queries.audience_of(model)]
        self.stdout.write(tables.table(header, rows), ending="")
        if options["state"]:
            for model in models:
                if model.state != "ready":
                    self.stdout.write(
                        _("%(name)s: %(sentence)s")
                        % {"name": model.name, "sentence": trials.sentence_about(model)}
                    )


def _row(model: Model) -> list[str]:
    is_here = not model.listing.get("remote_host")
    size = tables.human_bytes(model.size_bytes) if is_here else "-"
    age = (clock.now() - model.modified_at).total_seconds()
    return [model.name, model.digest[:12], size, tables.ago(age)]
