"""Which files of a folder the converter may see: weights without code, and words about them.

The converter would run Python that lies beside the weights, and unpickle weights of another kind
(threats E17, E22): such files are left where they are. Links are not followed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from portal.catalog.storage import files

ENDINGS = frozenset((".safetensors", ".json", ".txt", ".model", ".jinja", ".md", ".tiktoken"))
MAX_FILES = 1_000


class NotAModelFolder(Exception):
    """No weights in safetensors with a config.json beside them."""


def seen_in(folder: Path) -> dict[str, Path]:
    """Name below the folder (at most one folder deep) → file."""
    found = dict(_seen(folder, prefix=""))
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.is_symlink() and not below.name.startswith("."):
            found.update(_seen(below, prefix=f"{below.name}/"))
    return checked(found)


def checked(named: Mapping[str, Path]) -> dict[str, Path]:
    """Those that may be seen. Raises `NotAModelFolder` when they are no model together."""
    found = {name: path for name, path in named.items() if PurePath(name).suffix in ENDINGS}
    has_weights = any(name.endswith(".safetensors") for name in found)
    if not has_weights or "config.json" not in found or len(found) > MAX_FILES:
        raise NotAModelFolder
    return found


def lay_out(named: Mapping[str, Path], *, into: Path) -> None:
    """These files, and no others, under these names in an empty folder: as links."""
    for name, path in named.items():
        target = into / name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(path)


def _seen(folder: Path, *, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if files.is_regular(path):
            yield f"{prefix}{path.name}", path
