"""`manage.py showmodel NAME`: what a model says of itself, as `ollama show` prints it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog.making.printing import parameters_text
from portal.catalog.papers import showing
from portal.catalog.papers.blocks import blocks_of
from portal.chat.errors import NotFound


class Command(BaseCommand):
    help = "Show a model: its parts, or one of its papers whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="such as qwen2.5:0.5b")
        papers = parser.add_mutually_exclusive_group()
        for paper in ("license", "modelfile", "parameters", "system", "template"):
            papers.add_argument(
                f"--{paper}", dest="paper", action="store_const", const=paper, default=""
            )
        parser.add_argument("--all", action="store_true", help="with all metadata and tensors")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = showing.shown(None, options["name"], with_arrays=options["all"])
        except NotFound:
            raise CommandError(f"There is no whole model {options['name']}.") from None
        if not options["paper"]:
            self.stdout.write(blocks_of(found, is_verbose=options["all"]), ending="")
            return
        ending = "" if options["paper"] in ("system", "template") else "\n"
        self.stdout.write(_paper(found, options["paper"]) + ending, ending="")


def _paper(found: showing.Shown, name: str) -> str:
    match name:
        case "license":
            return "\n".join(found.papers.licenses)
        case "modelfile":
            return found.modelfile
        case "parameters":
            return parameters_text(found.papers.parameters)
        case "system":
            return found.papers.system
    return found.template
