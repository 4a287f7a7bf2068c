"""What a stored model is: from its manifest, its configuration and the header of its weights.

Reads the store; decides nothing about who may use the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from portal.catalog.names import Digest
from portal.catalog.papers import capabilities, gguf
from portal.catalog.storage.manifest import (
    ADAPTER_TYPE,
    MESSAGES_TYPE,
    PARAMETERS_TYPE,
    PROJECTOR_TYPE,
    SYSTEM_TYPE,
    TEMPLATE_TYPES,
    BadManifest,
    Config,
    Manifest,
    read_messages,
    read_parameters,
)
from portal.catalog.storage.store import Store, Stored

# Counts up when rows must be filled anew: they remember by which edition they were.
EDITION = 1

MAX_WORD_CHARS = 100
MAX_EMBEDDING_LENGTH = 2**31 - 1
MAX_ADAPTERS = 16
# Why no worker can load it, though it is listed: weights in another format, on another server, or
# none at all.
OBSTACLES = ("format", "remote", "weights")
_GGUF = "gguf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What people and clients are told of a model. A length of 0 is unknown.

    `projector` and `adapters` are loaded with the weights, the adapters in order. `obstacle` is
    empty, or one of `OBSTACLES`; then there are no weights. `listing` is what lists say besides.
    `go_template` is where `template` lies, if that is what writes the prompts.
    """

    weights: Digest | None
    obstacle: str
    projector: Digest | None
    adapters: tuple[Digest, ...]
    size_bytes: int
    family: str
    parameter_size: str
    quantization: str
    context_length: int
    embedding_length: int
    capabilities: tuple[str, ...]
    parameters: dict[str, Any]
    system: str
    template: str
    go_template: Digest | None
    messages: tuple[dict[str, Any], ...]
    listing: dict[str, Any]


def of(store: Store, stored: Stored) -> Details:
    """Everything that can be said. Raises what the store and the readers raise for bad files."""
    return of_manifest(store, stored.manifest)


def of_manifest(store: Store, manifest: Manifest) -> Details:
    """As `of`, of a manifest that has no name yet, when its blobs are published."""
    config = Config.read(store.read_document(manifest.config.digest))
    adapters = manifest.of_type(ADAPTER_TYPE)
    if len(adapters) > MAX_ADAPTERS:
        raise BadManifest("too many adapters")
    weights = manifest.weights
    obstacle = "" if weights else _obstacle(config, manifest)
    header = _header(store, weights.digest) if weights else _NO_HEADER
    projectors = manifest.of_type(PROJECTOR_TYPE)
    template = _text(store, manifest, *TEMPLATE_TYPES)
    able, listed = _able(
        config,
        manifest,
        header=header,
        template=template,
        projector=_header_or_none(store, projectors[0].digest) if projectors else None,
    )
    return Details(
        weights=weights.digest if weights else None,
        obstacle=obstacle,
        projector=projectors[0].digest if projectors else None,
        adapters=tuple(layer.digest for layer in adapters),
        size_bytes=manifest.size_bytes,
        family=_word(config.model_family or header.architecture),
        parameter_size=_word(config.model_type)[:20],
        quantization=_quantization(config, header)[:20],
        context_length=config.context_length or min(header.context_length, 2**63 - 1),
        embedding_length=min(
            config.embedding_length or header.embedding_length, MAX_EMBEDDING_LENGTH
        ),
        capabilities=_words(able),
        parameters=_parameters(store, manifest),
        system=_text(store, manifest, SYSTEM_TYPE),
        template=template,
        go_template=_go_template(config, manifest, header=header, template=template),
        messages=_messages(store, manifest),
        listing=_listing(config, manifest, header=header, capabilities=_words(listed)),
    )


def edition() -> int:
    """What a row remembers: filled by this code, under this setting."""
    wish = settings.PORTAL.go_template
    return EDITION * 3 + (0 if wish is None else 1 + wish)


def config_of(header: gguf.Header) -> Config:
    """The configuration Ollama writes for a GGUF file that somebody brought."""
    family = header.architecture
    return Config(
        model_family=family,
        model_families=(family,),
        model_type=human_count(header.parameter_count),
        file_type=header.quantization,
    )


def human_count(count: int) -> str:
    """`7B`, `7.2B`, `137M`, `136.73M`, `12K`, `999`: as Ollama shows numbers of parameters."""
    for unit, letter, digits in ((10**9, "B", 1), (10**6, "M", 2)):
        if count >= unit:
            return f"{count / unit:.{0 if count % unit == 0 else digits}f}{letter}"
    return f"{count / 1000:.0f}K" if count >= 1000 else str(count)


_NO_HEADER = gguf.Header(version=3, metadata={}, tensors=(), tensor_bytes=0, parameter_count=0)


def _able(
    config: Config,
    manifest: Manifest,
    *,
    header: gguf.Header,
    template: str,
    projector: gguf.Header | None,
) -> tuple[Sequence[str], Sequence[str]]:
    """What it can do: as `show` tells it, and as lists do."""
    if manifest.weights is None:
        return config.capabilities, config.capabilities
    return (
        capabilities.of(config, header=header, template=template, projector=projector),
        capabilities.as_listed(config, header=header, template=template, projector=projector),
    )


def _obstacle(config: Config, manifest: Manifest) -> str:
    if config.others.get("remote_host"):
        return "remote"
    is_foreign = config.model_format not in ("", _GGUF) or any(
        layer.media_type.endswith(".tensor") for layer in manifest.layers
    )
    return "format" if is_foreign else "weights"


def _header(store: Store, digest: Digest) -> gguf.Header:
    with store.open_blob(digest) as file:
        return gguf.read_open(file)


def _header_or_none(store: Store, digest: Digest) -> gguf.Header:
    """One that cannot be read says nothing; the worker will tell why it cannot be loaded."""
    try:
        return _header(store, digest)
    except gguf.NotAGguf:
        return _NO_HEADER


def _quantization(config: Config, header: gguf.Header) -> str:
    is_known = config.file_type not in ("", "unknown")
    return _word(config.file_type if is_known else header.quantization)


def _listing(
    config: Config, manifest: Manifest, *, header: gguf.Header, capabilities: Sequence[str]
) -> dict[str, Any]:
    """Of `file_type` 0 lists say F32, where everything else says unknown."""
    quantization = _quantization(config, header)
    if quantization == "unknown" and header.metadata.get("general.file_type") == 0:
        quantization = "F32"
    parents = [layer.source for layer in manifest.layers if layer.source]
    return {
        "format": _word(config.model_format),
        "families": [_word(each) for each in config.model_families] or None,
        "parent": _parent(parents),
        "quantization": quantization[:20],
        "capabilities": list(capabilities),
        "remote_host": _word(config.others.get("remote_host", "")),
        "remote_model": _word(config.others.get("remote_model", "")),
    }


def _parent(sources: Sequence[str]) -> str:
    return _word(sources[-1]) if sources else ""


def _go_template(
    config: Config, manifest: Manifest, *, header: gguf.Header, template: str
) -> Digest | None:
    """The layer whose template writes the prompts; None where that of the weights does."""
    if not capabilities.layer_writes(config, header=header, template=template):
        return None
    return manifest.of_type(*TEMPLATE_TYPES)[-1].digest


def _parameters(store: Store, manifest: Manifest) -> dict[str, Any]:
    layers = manifest.of_type(PARAMETERS_TYPE)
    return read_parameters(store.read_document(layers[-1].digest)) if layers else {}


def _messages(store: Store, manifest: Manifest) -> tuple[dict[str, Any], ...]:
    layers = manifest.of_type(MESSAGES_TYPE)
    return tuple(read_messages(store.read_document(layers[-1].digest))) if layers else ()


def _text(store: Store, manifest: Manifest, *media_types: str) -> str:
    layers = manifest.of_type(*media_types)
    if not layers:
        return ""
    return _storable(store.read_document(layers[-1].digest).decode("utf-8", errors="replace"))


def _words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_word(each) for each in words))


def _word(text: str) -> str:
    """Short and printable, whatever the file said: it goes into rows, pages and answers."""
    return "".join(letter for letter in text if letter.isprintable())[:MAX_WORD_CHARS]


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd")
