"""A Modelfile and the files it names, as a request to create a model. Not for what a server makes.

Local paths are read here, on the machine of whoever types; the server only ever sees digests.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import modelfile
from cli import values
from cli.errors import Failed
from modelfile.parameters import DEPRECATED, BadParameter

_VERSION = re.compile(r"v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)")
# The first kind that is there is what a folder is taken for.
_KINDS = (
    ("model*.safetensors", "*/model*.safetensors"),
    ("consolidated*.safetensors",),
    ("pytorch_model*.bin",),
    ("consolidated*.pth",),
    ("*.gguf",),
    ("*.bin",),
)
_BESIDE = ("*.json", "*/*.json", "chat_template.jinja", "tokenizer.model")

Upload = Callable[[Path], str]


@dataclass(slots=True)
class _Wanted:
    fields: dict[str, Any]
    files: list[Path] = field(default_factory=list)
    adapters: list[Path] = field(default_factory=list)
    drafts: list[Path] = field(default_factory=list)


def request(
    model: str, *, file: Path | None, upload: Upload, quantize: str = "", draft_quantize: str = ""
) -> dict[str, Any]:
    """The body of a request to create `model`. `upload` sends a file and returns its digest."""
    commands, folder = _commands(file)
    wanted = _Wanted({"model": model})
    for field_name, kind in (("quantize", quantize), ("draft_quantize", draft_quantize)):
        if kind:
            wanted.fields[field_name] = kind
    for command in commands:
        _take(command, wanted, folder=folder)
    for name, paths in (
        ("files", wanted.files),
        ("adapters", wanted.adapters),
        ("draft_files", wanted.drafts),
    ):
        if paths:
            wanted.fields[name] = _sent(paths, upload=upload)
    return wanted.fields


def _commands(file: Path | None) -> tuple[Iterable[modelfile.Command], Path]:
    path = file or Path("Modelfile")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        # As in Ollama: a folder with a model and no Modelfile is a model.
        return [modelfile.Command("from", ".")], Path.cwd()
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from None
    try:
        return modelfile.parse(data), path.resolve().parent
    except modelfile.BadModelfile as error:
        raise Failed(str(error)) from None


def _take(command: modelfile.Command, wanted: _Wanted, *, folder: Path) -> None:
    fields, value = wanted.fields, command.value
    match command.word:
        case "from":
            _take_source(value, wanted, folder=folder)
        case "adapter":
            wanted.adapters = _files_of(_existing(value, folder=folder))
        case "draft":
            wanted.drafts = _files_of(_existing(value, folder=folder))
            if set(wanted.drafts) & set(wanted.files):
                raise Failed(f"DRAFT must not reference the same local path as FROM: {value}")
        case "template" | "system" | "renderer" | "parser":
            fields[command.word] = value
        case _:
            _take_setting(command, fields)


def _take_setting(command: modelfile.Command, fields: dict[str, Any]) -> None:
    match command.word:
        case "license":
            fields.setdefault("license", []).append(command.value)
        case "parameter":
            _take_parameter(command.key, command.value, fields.setdefault("parameters", {}))
        case "message":
            said = {"role": command.key, "content": command.value}
            fields.setdefault("messages", []).append(said)
        case "requires":
            fields["requires"] = _version(command.value)


def _take_source(value: str, wanted: _Wanted, *, folder: Path) -> None:
    path = _place(value, folder=folder)
    if path.exists():
        wanted.files += _files_of(path)
    else:
        wanted.fields["from"] = value


def _take_parameter(name: str, value: str, parameters: dict[str, Any]) -> None:
    if name in DEPRECATED:
        sys.stderr.write(f"warning: parameter {name} is deprecated\n")
        return
    try:
        typed = values.parameter(name, [value])
    except BadParameter as error:
        raise Failed(str(error)) from None
    if isinstance(typed, list):
        typed = [*parameters.get(name, []), *typed]
    parameters[name] = typed


def _version(value: str) -> str:
    found = _VERSION.fullmatch(value)
    if not found:
        raise Failed("requires must be a valid semver (e.g. 0.14.0)")
    return found.group(1)


def _place(value: str, *, folder: Path) -> Path:
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:  # `~somebody` who does not exist
        return folder / value


def _existing(value: str, *, folder: Path) -> Path:
    path = _place(value, folder=folder)
    if not path.exists():
        raise Failed(f"{value}: no such file or directory")
    return path


def _files_of(path: Path) -> list[Path]:
    """The file, or of a folder those files that make a model."""
    if path.is_file():
        return [path.resolve()]
    for patterns in _KINDS:
        found = _found(path, patterns)
        if found:
            is_gguf = patterns == ("*.gguf",)
            return found if is_gguf else [*found, *_found(path, _BESIDE)]
    raise Failed("no Modelfile or safetensors files found")


def _found(folder: Path, patterns: Iterable[str]) -> list[Path]:
    root = folder.resolve()
    found = []
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            real = path.resolve()
            if not real.is_relative_to(root):
                raise Failed(f"insecure path: {path}")
            if real.is_file():
                found.append(real)
    return found


def _sent(paths: list[Path], *, upload: Upload) -> dict[str, str]:
    """Names relative to the folder they have in common, with the digests the server gave."""
    common = paths[0].parent
    while any(not path.is_relative_to(common) for path in paths):
        common = common.parent
    return {path.relative_to(common).as_posix(): upload(path) for path in paths}
