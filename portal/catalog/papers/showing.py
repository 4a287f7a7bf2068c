"""Everything that a model says of itself, for whoever may use it. Reads the store; changes nothing.

The words of the answer are those of the doors; how a capability is found is in capabilities.py.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from portal.accounts.models import Person
from portal.catalog import access, queries
from portal.catalog.making.printing import DEFAULT_TEMPLATE, Papers, modelfile_of, papers_of
from portal.catalog.models import Model
from portal.catalog.names import ModelName
from portal.catalog.papers import capabilities, gguf
from portal.catalog.papers.entries import entries
from portal.catalog.storage.manifest import PROJECTOR_TYPE, BadManifest, Config, Layer
from portal.catalog.storage.store import NoSuchManifest, Store, Stored, WrongBytes
from portal.chat.errors import NotFound

# A file whose arrays fill more than this shows none of them: an answer is held in memory.
MAX_ARRAY_BYTES = 64 * 1024 * 1024
_NOT_SHOWN = ("general.name", "tokenizer.chat_template")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A model from the inside. `info` and `projector_info` are the metadata of the files."""

    model: Model
    config: Config
    papers: Papers
    modelfile: str
    template: str
    info: Mapping[str, Any]
    projector_info: Mapping[str, Any]
    tensors: tuple[gguf.Tensor, ...]


def shown(
    person: Person | None,
    name: str,
    *,
    system: str = "",
    options: Mapping[str, Any] | None = None,
    with_arrays: bool = False,
) -> Shown:
    """The model, if this person may use it, or could if it were ready; else `NotFound`.

    `system` and `options` stand over the model's own in the printed description. None is somebody
    at the command line.
    """
    model = access.model_for_showing(person, name)
    store = queries.open_store()
    try:
        stored = store.manifest(ModelName.parse(model.name))
        return _shown(
            model, store, stored, system=system, options=options or {}, with_arrays=with_arrays
        )
    except (NoSuchManifest, BadManifest, WrongBytes, gguf.NotAGguf, OSError):
        raise NotFound("model") from None


def _shown(
    model: Model,
    store: Store,
    stored: Stored,
    *,
    system: str,
    options: Mapping[str, Any],
    with_arrays: bool,
) -> Shown:
    manifest = stored.manifest
    config = Config.read(store.read_document(manifest.config.digest))
    papers = papers_of(store, stored)
    header, info = _inside(store, manifest.weights, with_arrays=with_arrays)
    projectors = manifest.of_type(PROJECTOR_TYPE)
    _, projector_info = _inside(
        store, projectors[0] if projectors else None, with_arrays=with_arrays
    )
    template = papers.template or DEFAULT_TEMPLATE
    if header and capabilities.jinja_renders(config, header=header, template=papers.template):
        template = header.chat_template
    return Shown(
        model=model,
        config=config,
        papers=papers,
        modelfile=modelfile_of(store, stored, system=system, options=options),
        template=template,
        info={key: value for key, value in info.items() if key not in _NOT_SHOWN},
        projector_info=projector_info,
        tensors=header.tensors if header else (),
    )


def _inside(
    store: Store, layer: Layer | None, *, with_arrays: bool
) -> tuple[gguf.Header | None, dict[str, Any]]:
    """Header and metadata of a file, by key; a list that is not shown is None."""
    if layer is None:
        return None, {}
    with store.open_blob(layer.digest) as file:
        header = gguf.read_open(file)
        info = _metadata(file, with_arrays=with_arrays)
    info["general.parameter_count"] = header.parameter_count
    return header, dict(sorted(info.items()))


def _metadata(file: BinaryIO, *, with_arrays: bool) -> dict[str, Any]:
    found = {entry.key: _shortest(entry.value) for entry in entries(file, with_arrays=False)}
    if with_arrays and file.tell() <= MAX_ARRAY_BYTES:
        found = {entry.key: _shortest(entry.value) for entry in entries(file, with_arrays=True)}
    return found


def _shortest(value: Any) -> Any:
    """Numbers of 32 bits with as many digits as tell them apart; what JSON cannot say is None."""
    if isinstance(value, list):
        return [_shortest(each) for each in value] if _has_floats(value) else value
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if not _is_single(value):
        return value
    for digits in range(1, 10):
        shorter = float(f"{value:.{digits}g}")
        if _is_single_of(shorter, value):
            return shorter
    return value


def _has_floats(values: list[Any]) -> bool:
    return bool(values) and isinstance(values[0], float)


def _is_single(value: float) -> bool:
    return _is_single_of(value, value)


def _is_single_of(value: float, single: float) -> bool:
    """Whether the nearest number of 32 bits to `value` is this one."""
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == single)
    except OverflowError:
        return False
