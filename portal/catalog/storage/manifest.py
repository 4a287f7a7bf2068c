"""Manifests and configurations as Ollama writes them, byte for byte. Not for where they lie."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from portal.api.go import gojson
from portal.catalog.names import Digest, NotADigest

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
_LAYER_PREFIX = "application/vnd.ollama.image."
WEIGHTS_TYPE = f"{_LAYER_PREFIX}model"
PROJECTOR_TYPE = f"{_LAYER_PREFIX}projector"
ADAPTER_TYPE = f"{_LAYER_PREFIX}adapter"
TEMPLATE_TYPES = (f"{_LAYER_PREFIX}template", f"{_LAYER_PREFIX}prompt")
SYSTEM_TYPE = f"{_LAYER_PREFIX}system"
PARAMETERS_TYPE = f"{_LAYER_PREFIX}params"
MESSAGES_TYPE = f"{_LAYER_PREFIX}messages"
LICENSE_TYPE = f"{_LAYER_PREFIX}license"
DRAFT_TYPE = f"{_LAYER_PREFIX}draft"

MAX_LAYERS = 10_000
# Texts of a configuration that are passed on as they are, in the order they are written.
_OTHERS = ("renderer", "parser", "requires", "remote_host", "remote_model")


class BadManifest(ValueError):
    """The bytes are not a manifest, a configuration or parameters. Never carries them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One blob and what it is for. `source` is the field `from`: a file name or the base model."""

    media_type: str
    digest: Digest
    size_bytes: int
    source: str = ""
    name: str = ""

    @classmethod
    def read(cls, fields: object) -> Self:
        if not isinstance(fields, dict):
            raise BadManifest("a layer is not an object")
        size = fields.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
            raise BadManifest("a layer without a size")
        try:
            digest = Digest.parse(_text(fields, "digest"))
        except NotADigest:
            raise BadManifest("a layer without a digest") from None
        return cls(
            media_type=_text(fields, "mediaType"),
            digest=digest,
            size_bytes=size,
            source=_text(fields, "from"),
            name=_text(fields, "name"),
        )

    def as_fields(self) -> dict[str, object]:
        fields: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size_bytes,
        }
        if self.source:
            fields["from"] = self.source
        if self.name:
            fields["name"] = self.name
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A model: its configuration and its layers, in order."""

    config: Layer
    layers: tuple[Layer, ...]

    @classmethod
    def read(cls, data: bytes) -> Self:
        fields = _object(data)
        # Ollama writes null for a model that has none, such as one on another server.
        layers = [] if fields.get("layers") is None else fields["layers"]
        if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
            raise BadManifest("no list of layers")
        return cls(
            config=Layer.read(fields.get("config")),
            layers=tuple(Layer.read(layer) for layer in layers),
        )

    def as_bytes(self) -> bytes:
        fields = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.config.as_fields(),
            "layers": [layer.as_fields() for layer in self.layers],
        }
        return _line(fields)

    @property
    def all_layers(self) -> tuple[Layer, ...]:
        """The layers, and the configuration last: all blobs this model needs."""
        return (*self.layers, self.config)

    @property
    def size_bytes(self) -> int:
        """As lists show it: every layer and the configuration, a blob named twice counted twice."""
        return sum(layer.size_bytes for layer in self.all_layers)

    @property
    def weights(self) -> Layer | None:
        """The GGUF that is loaded. Of several, the last one, as in Ollama."""
        found = self.of_type(WEIGHTS_TYPE)
        return found[-1] if found else None

    def of_type(self, *media_types: str) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.media_type in media_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a model says about itself in its configuration blob, as far as we write or read it."""

    model_format: str = "gguf"
    model_family: str = ""
    model_families: tuple[str, ...] = ()
    model_type: str = ""
    file_type: str = ""
    capabilities: tuple[str, ...] = ()
    context_length: int = 0
    embedding_length: int = 0
    others: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> Self:
        fields = _object(data)
        return cls(
            model_format=_text(fields, "model_format"),
            model_family=_text(fields, "model_family"),
            model_families=_texts(fields, "model_families"),
            model_type=_text(fields, "model_type"),
            file_type=_text(fields, "file_type"),
            capabilities=_texts(fields, "capabilities"),
            context_length=_count(fields, "context_length"),
            embedding_length=_count(fields, "embedding_length"),
            others={key: _text(fields, key) for key in _OTHERS},
        )

    def as_bytes(self) -> bytes:
        optional: dict[str, object] = {
            **{key: self.others.get(key, "") for key in _OTHERS},
            "capabilities": list(self.capabilities),
            "context_length": self.context_length,
            "embedding_length": self.embedding_length,
        }
        fields: dict[str, object] = {
            "model_format": self.model_format,
            "model_family": self.model_family,
            "model_families": list(self.model_families) or None,
            "model_type": self.model_type,
            "file_type": self.file_type,
            **{key: value for key, value in optional.items() if value},
            # Ollama writes these two for every model it makes, on every machine.
            "architecture": "amd64",
            "os": "linux",
        }
        return _line(fields)


def read_parameters(data: bytes) -> dict[str, Any]:
    """The options of a `params` layer. Those of an early Ollama may say null."""
    return {} if data.strip() == b"null" else _object(data)


def write_parameters(parameters: Mapping[str, object]) -> bytes:
    """A `params` layer: keys sorted, as every free-form map in that dialect."""
    return _line(dict(sorted(parameters.items())))


def read_messages(data: bytes) -> list[dict[str, Any]]:
    """The conversation of a `messages` layer: what it began with."""
    messages = _object(b'{"messages":' + data + b"}")["messages"] or []
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise BadManifest("not a list of messages")
    return messages


def write_messages(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """A `messages` layer: role and content always, the other fields of a message if they say
    something, in the order of the original."""
    return _line([_message(each) for each in messages])


def _message(fields: Mapping[str, Any]) -> dict[str, Any]:
    rare = ("thinking", "images", "tool_calls", "tool_name", "tool_call_id")
    return {
        "role": fields.get("role", ""),
        "content": fields.get("content", ""),
        **{name: fields[name] for name in rare if fields.get(name)},
    }


def _line(value: object) -> bytes:
    return (gojson.dumps(value) + "\n").encode()


def _object(data: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(data)
        # Infinities, halves of characters and NUL are refused here, or a database would later.
        written = json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise BadManifest("not JSON") from None
    if b"\\u0000" in written:
        raise BadManifest("a text with NUL")
    if not isinstance(fields, dict):
        raise BadManifest("not an object")
    return fields


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key) or ""
    if not isinstance(value, str):
        raise BadManifest(f"{key} is not a text")
    return value


def _texts(fields: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = fields.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadManifest(f"{key} is not a list of texts")
    return tuple(values)


def _count(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key) or 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise BadManifest(f"{key} is not a count")
    return value
