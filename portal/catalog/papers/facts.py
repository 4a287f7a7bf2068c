"""What an administrator reads of one model: its papers and its files. Reads the store, not rights.

Everything in it was written by strangers: shown as text, cut to a length, never as part of a page.
"""

from dataclasses import dataclass

from portal.catalog import queries
from portal.catalog.making import printing
from portal.catalog.models import Model
from portal.catalog.names import ModelName
from portal.catalog.storage.manifest import (
    ADAPTER_TYPE,
    CONFIG_TYPE,
    LICENSE_TYPE,
    MESSAGES_TYPE,
    PARAMETERS_TYPE,
    PROJECTOR_TYPE,
    SYSTEM_TYPE,
    TEMPLATE_TYPES,
    WEIGHTS_TYPE,
    Layer,
)
from portal.catalog.storage.store import NoSuchManifest, Store, WrongBytes

MAX_SHOWN_CHARS = 60_000
_KINDS = {
    WEIGHTS_TYPE: "weights",
    PROJECTOR_TYPE: "projector",
    ADAPTER_TYPE: "adapter",
    SYSTEM_TYPE: "system",
    PARAMETERS_TYPE: "parameters",
    MESSAGES_TYPE: "messages",
    LICENSE_TYPE: "license",
    CONFIG_TYPE: "configuration",
    **dict.fromkeys(TEMPLATE_TYPES, "template"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One blob of the model. `kind` is a word of ours; `is_whole` says that its size is right."""

    kind: str
    digest: str
    size_bytes: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Empty texts are not there. `is_readable` False: the files are not whole, so nothing is."""

    is_readable: bool
    license_text: str = ""
    template: str = ""
    system: str = ""
    modelfile: str = ""
    files: tuple[File, ...] = ()


def facts_of(model: Model) -> Facts:
    """Whatever can be read; a store that lies or is away gives less, never an error."""
    store = queries.open_store()
    try:
        stored = store.manifest(ModelName.parse(model.name))
        papers = printing.papers_of(store, stored)
        return Facts(
            is_readable=True,
            license_text=_cut("\n\n".join(papers.licenses)),
            template=_cut(papers.template),
            system=_cut(papers.system),
            modelfile=_cut(printing.modelfile_of(store, stored)),
            files=tuple(_file(store, layer) for layer in stored.manifest.all_layers),
        )
    except (NoSuchManifest, WrongBytes, OSError, ValueError):
        return Facts(is_readable=False)


def _file(store: Store, layer: Layer) -> File:
    return File(
        kind=_KINDS.get(layer.media_type, layer.media_type[:100]),
        digest=layer.digest.hex,
        size_bytes=layer.size_bytes,
        is_whole=store.has_blob(layer.digest, size_bytes=layer.size_bytes),
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "…"
