"""What a stored model is: from its manifest, its configuration and the header of its weights.

Reads the store; decides nothing about who may use the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portal.catalog import gguf
from portal.catalog.manifest import (
    ADAPTER_TYPE,
    PARAMETERS_TYPE,
    PROJECTOR_TYPE,
    SYSTEM_TYPE,
    TEMPLATE_TYPES,
    BadManifest,
    Config,
    read_parameters,
)
from portal.catalog.names import Digest
from portal.catalog.store import Store, Stored

MAX_WORD_CHARS = 100
MAX_EMBEDDING_LENGTH = 2**31 - 1
MAX_ADAPTERS = 16
# Of families that think aloud between tags of their own: gpt-oss, gemma, mistral, cohere, seed.
_THINKING_TAGS = ("<|channel|>", "<|channel>", "[THINK]", "<|START_THINKING|>", "<seed:think>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What people and clients are told of a model. A length of 0 is unknown.

    `projector` and `adapters` are loaded with the weights, the adapters in order.
    """

    weights: Digest
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


def of(store: Store, stored: Stored) -> Details:
    """Everything that can be said. Raises what the store and the readers raise for bad files."""
    manifest = stored.manifest
    weights = manifest.weights
    if weights is None:
        raise BadManifest("no weights")
    adapters = manifest.of_type(ADAPTER_TYPE)
    if len(adapters) > MAX_ADAPTERS:
        raise BadManifest("too many adapters")
    projectors = manifest.of_type(PROJECTOR_TYPE)
    config = Config.read(store.read_document(manifest.config.digest))
    with store.open_blob(weights.digest) as file:
        header = gguf.read_open(file)
    quantization = config.file_type
    if quantization in ("", "unknown"):
        quantization = header.quantization
    return Details(
        weights=weights.digest,
        projector=projectors[0].digest if projectors else None,
        adapters=tuple(layer.digest for layer in adapters),
        size_bytes=manifest.size_bytes,
        family=_word(config.model_family or header.architecture),
        parameter_size=_word(config.model_type)[:20],
        quantization=_word(quantization)[:20],
        context_length=config.context_length or min(header.context_length, 2**63 - 1),
        embedding_length=min(
            config.embedding_length or header.embedding_length, MAX_EMBEDDING_LENGTH
        ),
        capabilities=_capabilities(
            config,
            header=header,
            has_template=bool(manifest.of_type(*TEMPLATE_TYPES)),
            has_projector=bool(projectors),
        ),
        parameters=_parameters(store, stored),
        system=_system(store, stored),
    )


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


def _capabilities(
    config: Config, *, header: gguf.Header, has_template: bool, has_projector: bool
) -> tuple[str, ...]:
    found = [*config.capabilities]
    if not has_template:
        found += _from_template(header.chat_template)
    found.append("embedding" if header.is_embedding_model else "completion")
    if header.is_ranking_model:
        found.append("rerank")
    if has_projector or header.number(f"{header.architecture}.vision.block_count") is not None:
        found.append("vision")
    if header.number(f"{header.architecture}.audio.block_count") is not None:
        found.append("audio")
    return tuple(dict.fromkeys(_word(capability) for capability in found))


def _from_template(template: str) -> Iterable[str]:
    """What a model's own chat template shows that it can."""
    if "tools" in template or "tool_call" in template:
        yield "tools"
    has_tags = "<think>" in template and "</think>" in template
    splits = "split('</think>')" in template or 'split("</think>")' in template
    is_foreign = "reasoning_content" in template or "<SPECIAL_12>" in template
    if has_tags or (splits and not is_foreign) or any(tag in template for tag in _THINKING_TAGS):
        yield "thinking"


def _parameters(store: Store, stored: Stored) -> dict[str, Any]:
    layers = stored.manifest.of_type(PARAMETERS_TYPE)
    return read_parameters(store.read_document(layers[-1].digest)) if layers else {}


def _system(store: Store, stored: Stored) -> str:
    layers = stored.manifest.of_type(SYSTEM_TYPE)
    if not layers:
        return ""
    return _storable(store.read_document(layers[-1].digest).decode("utf-8", errors="replace"))


def _word(text: str) -> str:
    """Short and printable, whatever the file said: it goes into rows, pages and answers."""
    return "".join(letter for letter in text if letter.isprintable())[:MAX_WORD_CHARS]


def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd")
