"""`manage.py importmodel PATH NAME`: take a GGUF file of this machine into the store."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import actions
from portal.catalog.names import NotADigest, NotAName
from portal.catalog.papers.gguf import NotAGguf
from portal.catalog.storage.store import NoSpace, WrongBytes


class Command(BaseCommand):
    help = "Import a GGUF file into the model store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path",
            type=Path,
            help="the GGUF file, or the first of its parts (…-00001-of-0000N.gguf)",
        )
        parser.add_argument("name", help="such as qwen2.5:0.5b")
        parser.add_argument("--sha256", help="refuse the file unless its sha256 is this")
        parser.add_argument("--projector", type=Path, help="a GGUF file that lets it see pictures")
        parser.add_argument(
            "--adapter",
            type=Path,
            action="append",
            default=[],
            help="a GGUF file laid over the weights; several are laid in order",
        )
        parser.add_argument("--publish-to-everyone", action="store_true")
        parser.add_argument(
            "--link",
            action="store_true",
            help="share the file instead of copying it; whoever changes it breaks the model",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        projector = options["projector"]
        try:
            model = actions.import_file(
                None,
                source=actions.LocalFile(
                    path=options["path"].resolve(strict=True), may_link=options["link"]
                ),
                name=options["name"],
                sha256=options["sha256"],
                projector=projector and actions.LocalFile(path=projector.resolve(strict=True)),
                adapters=[
                    actions.LocalFile(path=adapter.resolve(strict=True))
                    for adapter in options["adapter"] or ()
                ],
            )
        except NotAName as error:
            raise CommandError(f"{error} is not the name of a model.") from None
        except NotADigest as error:
            raise CommandError(f"{error} is not a sha256.") from None
        except WrongBytes as error:
            raise CommandError(f"Refused: the sha256 of the file is {error}.") from None
        except NotAGguf as error:
            raise CommandError(f"Refused: not a usable GGUF file: {error}.") from None
        except NoSpace as error:
            raise CommandError(f"No room: {error.missing_bytes} more bytes are needed.") from None
        except OSError as error:
            raise CommandError(f"{error.filename or options['path']}: {error.strerror}.") from None
        if options["publish_to_everyone"]:
            actions.publish_model(None, model_id=model.id)
        self.stdout.write(f"{model.name} {model.digest[:12]} {model.size_bytes} bytes")
