"""A Modelfile on this machine becomes an order, as Ollama's own `create` command makes one.

Local files are named by an operator at the command line and by nobody else (threat E24): they are
taken into the store by whoever calls, and the order knows their digests only.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelfile import Command
from modelfile.parameters import DEPRECATED, LISTS, BadParameter, typed
from portal.catalog.converting.folder import NotAModelFolder, seen_in
from portal.catalog.making.errors import NotMade, refused
from portal.catalog.making.order import Order
from portal.catalog.names import Digest

TakeIn = Callable[[Path], Digest]
Warn = Callable[[str], None]

_VERSION = re.compile(
    r"v?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)",
    re.ASCII,
)


@dataclass(slots=True)
class _Collecting:
    """What the commands so far have asked for."""

    folder: Path
    take_in: TakeIn
    warn: Warn
    base: str = ""
    files: dict[str, str] = field(default_factory=dict)
    adapters: dict[str, str] = field(default_factory=dict)
    drafts: dict[str, str] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)
    licenses: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    model_paths: set[Path] = field(default_factory=set)


def order_of(
    name: str,
    commands: Sequence[Command],
    *,
    folder: Path,
    take_in: TakeIn,
    warn: Warn,
    quantisation: str = "",
) -> Order:
    """`folder` is where the Modelfile lies; relative paths begin there.

    `take_in` brings one file into the store. Raises `NotMade`, and OSError for a missing adapter.
    """
    collecting = _Collecting(folder, take_in, warn)
    for command in commands:
        _DOES[command.word](collecting, command)
    return Order(
        name=name,
        base=collecting.base,
        files=collecting.files,
        adapters=collecting.adapters,
        drafts=collecting.drafts,
        is_of_files=bool(collecting.files),
        licenses=tuple(collecting.licenses),
        messages=tuple(collecting.messages),
        parameters=collecting.parameters,
        quantisation=quantisation,
        **collecting.papers,
    )


# ── What each command does ──────────────────────────────────────────────────────────────────────


def _from(collecting: _Collecting, command: Command) -> None:
    path = _path(collecting, command.value)
    if not path.exists():
        collecting.base = command.value
        return
    root = path if path.is_dir() else path.parent
    for each in _files_in(path):
        collecting.model_paths.add(each.resolve())
        name = each.relative_to(root).as_posix()
        collecting.files[name] = str(collecting.take_in(each))


def _adapter(collecting: _Collecting, command: Command) -> None:
    path = _path(collecting, command.value)
    collecting.adapters = {path.name: str(collecting.take_in(path))}


def _draft(collecting: _Collecting, command: Command) -> None:
    path = _path(collecting, command.value)
    if path.resolve() in collecting.model_paths:
        raise refused(f"DRAFT must not reference the same local path as FROM: {command.value}")
    collecting.drafts = {path.name: str(collecting.take_in(path))}


def _paper(collecting: _Collecting, command: Command) -> None:
    collecting.papers[command.word] = command.value


def _license(collecting: _Collecting, command: Command) -> None:
    collecting.licenses.append(command.value)


def _message(collecting: _Collecting, command: Command) -> None:
    collecting.messages.append({"role": command.key, "content": command.value})


def _parameter(collecting: _Collecting, command: Command) -> None:
    name = command.key
    if name in DEPRECATED:
        collecting.warn(f"warning: parameter {name} is deprecated")
        return
    try:
        value = typed(name, command.value)
    except BadParameter as error:
        raise refused(str(error)) from None
    if name in LISTS:
        value = [*collecting.parameters.get(name, []), *value]
    collecting.parameters[name] = value


def _requires(collecting: _Collecting, command: Command) -> None:
    found = _VERSION.fullmatch(command.value)
    if found is None:
        raise refused("requires must be a valid semver (e.g. 0.14.0)")
    collecting.papers["requires"] = found[1]


_DOES: dict[str, Callable[[_Collecting, Command], None]] = {
    "from": _from,
    "adapter": _adapter,
    "draft": _draft,
    "template": _paper,
    "system": _paper,
    "renderer": _paper,
    "parser": _paper,
    "license": _license,
    "message": _message,
    "parameter": _parameter,
    "requires": _requires,
}


def _path(collecting: _Collecting, text: str) -> Path:
    """A name such as `~nobody/x` may be a model's: then there is no such file."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        path = Path(text)
    return path if path.is_absolute() else collecting.folder / path


def _files_in(path: Path) -> list[Path]:
    """The file itself, or those of a folder that make a model: safetensors with what lies beside

    them, or GGUF files. Links that leave the folder are refused.
    """
    if not path.is_dir():
        return [path]
    with suppress(NotAModelFolder):
        return sorted(seen_in(path).values())
    root = path.resolve()
    found = sorted(path.glob("*.gguf"))
    for each in found:
        if root not in each.resolve().parents:
            raise NotMade(f"insecure path: {each.name}", status=400)
    if not found:
        raise refused("no Modelfile or safetensors files found")
    return found
