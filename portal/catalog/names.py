"""Model names and digests: parsed once, then types. Only these types may become part of a path."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"
# What the database and the contract with the worker hold; the parts alone could make 593 of it.
MAX_NAME_CHARS = 512

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", re.ASCII)


class NotADigest(ValueError):
    """The text is not a lower-case sha256 in hex."""


class NotAName(ValueError):
    """The text is not the name of a model."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256 that has been checked, and so may become part of a path."""

    hex: str

    def __post_init__(self) -> None:
        # fullmatch, since `$` would let a trailing newline through.
        if not _HEX_SHA256.fullmatch(self.hex):
            raise NotADigest(self.hex)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From 64 hexadecimal digits, alone or after `sha256:` as in manifests."""
        return cls(text.removeprefix("sha256:"))

    @classmethod
    def of_file_name(cls, name: str) -> Self:
        """From the name of a blob file, `sha256-…`."""
        prefix, dash, hexadecimal = name.partition("-")
        if prefix != "sha256" or not dash:
            raise NotADigest(name)
        return cls(hexadecimal)

    @property
    def file_name(self) -> str:
        return f"sha256-{self.hex}"

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


@dataclass(frozen=True, slots=True, order=True)
class ModelName:
    """`host/namespace/model:tag`, every part checked. Case is kept, and means nothing."""

    host: str
    namespace: str
    model: str
    tag: str

    def __post_init__(self) -> None:
        parts = (
            (_HOST, self.host),
            (_NAMESPACE, self.namespace),
            (_MODEL, self.model),
            (_MODEL, self.tag),
        )
        is_good = all(pattern.fullmatch(part) for pattern, part in parts)
        if not is_good or len(self.short) > MAX_NAME_CHARS:
            raise NotAName("/".join((self.host, self.namespace, self.model)) + f":{self.tag}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From any form a person may write. A scheme is read over: it decides nothing."""
        rest, tag = text, DEFAULT_TAG
        if rest.rfind(":") > rest.rfind("/"):
            rest, _, tag = rest.rpartition(":")
        rest, slash, model = rest.rpartition("/")
        if not slash:
            return cls(DEFAULT_HOST, DEFAULT_NAMESPACE, model, tag)
        rest, slash, namespace = rest.rpartition("/")
        if not slash:
            return cls(DEFAULT_HOST, namespace, model, tag)
        scheme, has_scheme, host = rest.partition("://")
        return cls(host if has_scheme and scheme else rest, namespace, model, tag)

    @classmethod
    def of_path(cls, path: PurePosixPath) -> Self:
        """From the place of a manifest below `manifests/`: exactly four parts."""
        parts = path.parts
        if len(parts) != 4:
            raise NotAName(str(path))
        return cls(*parts)

    @property
    def short(self) -> str:
        """What people see: the tag always, host and namespace only when not the defaults."""
        if self.host != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"
        if self.namespace != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def full(self) -> str:
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def path(self) -> PurePosixPath:
        """Where the manifest lies below `manifests/`."""
        return PurePosixPath(self.host, self.namespace, self.model, self.tag)

    @property
    def folded(self) -> str:
        """Equal for names that Ollama takes for one and the same."""
        return self.full.lower()

    def __str__(self) -> str:
        return self.short
