"""Makes this checkout ready: `ready.py run` for `make run`, `dev` for check and test, `page` for an
image that has its packages already.

Needs nothing but Python itself. Every step asks first whether it is needed; when nothing changed
the whole of it takes a few hundredths of a second.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from setup import (  # noqa: E402 - the path had to be set first
    client_packages,
    front_end,
    python_packages,
    starter,
)
from setup.commands import SetupFailed, complain, output_of  # noqa: E402 - likewise
from setup.screen import Screen  # noqa: E402 - likewise
from setup.stamps import Stamps  # noqa: E402 - likewise


def ready(kind: str, *, screen: Screen) -> None:
    stamps = Stamps(python_packages.VENV / "ready")
    if kind != "page":
        python_packages.install(kind, stamps=stamps, screen=screen)
    python_packages.write_command()
    compile_words(screen)
    front_end.build(stamps=stamps, screen=screen)
    if kind == "dev":
        front_end.libraries(stamps=stamps, screen=screen)
        client_packages.fetch(stamps=stamps, screen=screen)
    elif kind == "run" and not (starter.folder() / "imported").exists():
        starter.fetch(screen)


def compile_words(screen: Screen) -> None:
    """`.po` to `.mo`, where the `.mo` is older or missing."""
    stale = [
        words
        for words in Path("locale").glob("*/LC_MESSAGES/*.po")
        if not (made := words.with_suffix(".mo")).exists()
        or made.stat().st_mtime < words.stat().st_mtime
    ]
    if stale:
        said = output_of([str(python_packages.PYTHON), "-m", "setup.words", "compile"])
        screen.say(
            said.strip() or "The translations could not be compiled; the page is in English."
        )


def main() -> int:
    os.chdir(ROOT)
    try:
        ready(sys.argv[1], screen=Screen())
    except SetupFailed as error:
        return complain(error)
    except KeyboardInterrupt:
        return complain(SetupFailed("\nInterrupted. Run it again to go on where it stopped."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
