"""What files with these names are together, and what is wrong with them. Pure: looks at names only.

A name that passes may become part of a path: at most one folder, no dots at its beginning.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from portal.chat.errors import BadCommand

MAX_FILES = 1_000
_PART_OF_A_PATH = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,119}"
_NAME = re.compile(rf"(?:{_PART_OF_A_PATH}/)?{_PART_OF_A_PATH}", re.ASCII)
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.ASCII | re.DOTALL | re.IGNORECASE)

Kind = Literal["gguf", "safetensors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """`weights` is the only file, or the first part, or a file of the folder to convert."""

    kind: Kind
    weights: str
    projector: str = ""


def chosen(names: Sequence[str]) -> Chosen:
    """Raises `BadCommand` with a sentence for whatever is not one model."""
    if not names:
        raise BadCommand(_("Choose a file first; nothing was sent."))
    if len(names) > MAX_FILES or len({name.lower() for name in names}) != len(names):
        raise BadCommand(_("These are too many files, or one twice. Nothing was sent."))
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadCommand(
                _(
                    "The file “%(name)s” has a name that cannot be kept. Use letters, digits,"
                    " dots and dashes, and choose it again; nothing was sent."
                )
                % {"name": name[:80]}
            )
    tensors = [name for name in names if name.lower().endswith(".safetensors")]
    if tensors:
        return _folder(names, tensors)
    return _gguf(names)


def stored_name(name: str) -> str:
    """As it lies on our disk: ours recognise endings in lower case."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}{dot}{ending.lower()}" if ending.lower() == "gguf" else name


def _folder(names: Sequence[str], tensors: Sequence[str]) -> Chosen:
    if "config.json" not in names:
        raise BadCommand(
            _(
                "Weights in safetensors need the files beside them, above all config.json and the"
                " tokenizer. Choose the whole folder; nothing was sent."
            )
        )
    return Chosen(kind="safetensors", weights=min(tensors))


def _gguf(names: Sequence[str]) -> Chosen:
    strangers = [name for name in names if "/" in name or not name.lower().endswith(".gguf")]
    if strangers:
        raise BadCommand(
            _(
                "“%(name)s” is neither a GGUF nor part of a folder with safetensors. Nothing was"
                " sent; choose .gguf files, or the whole folder."
            )
            % {"name": strangers[0][:80]}
        )
    projectors = [name for name in names if "mmproj" in name.lower()]
    weights = sorted(set(names) - set(projectors))
    if len(projectors) > 1 or not weights or (len(weights) > 1 and not _are_parts(weights)):
        raise BadCommand(
            _(
                "These are not the files of one model: choose one GGUF, or all parts of one"
                " (…-00001-of-00003.gguf and so on), and at most one mmproj file with it. Nothing"
                " was sent."
            )
        )
    return Chosen(kind="gguf", weights=weights[0], projector=projectors[0] if projectors else "")


def _are_parts(weights: Sequence[str]) -> bool:
    found = [_SPLIT.fullmatch(name) for name in weights]
    stems = {match[1] for match in found if match}
    expected = [(number, len(weights)) for number in range(1, len(weights) + 1)]
    numbers = [(int(match[2]), int(match[3])) for match in found if match]
    return len(stems) == 1 and sorted(numbers) == expected
