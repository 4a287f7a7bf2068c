"""What a file is called: the name it came with, as far as it can be shown. Never a path."""

import unicodedata
from pathlib import PurePosixPath

from portal.files.limits import MAX_NAME_CHARS

_MAX_ENDING_CHARS = 16
# Controls, and marks that turn the direction of what is read; private and unpaired letters.
_UNFIT = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))


def shown(given: str) -> str:
    """Fit for a line of a page and for a header (threat D7). A long one keeps its ending."""
    last = given.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(char for char in last if unicodedata.category(char) not in _UNFIT)
    name = " ".join(plain.split()).strip(". ") or "file"
    if len(name) <= MAX_NAME_CHARS:
        return name
    ending = PurePosixPath(name).suffix
    ending = ending if len(ending) <= _MAX_ENDING_CHARS else ""
    return name[: MAX_NAME_CHARS - len(ending) - 1] + "…" + ending
