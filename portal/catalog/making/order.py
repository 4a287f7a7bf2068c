"""What somebody wants to be made, checked as far as it can be without looking at any file.

Not for where it comes from: a request, a Modelfile or a form; nor for making it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from inference.protocol.quantising import Quantisation
from portal.catalog.making import quantising
from portal.catalog.making.errors import NotMade, refused
from portal.catalog.names import Digest, ModelName, NotADigest, NotAName
from portal.catalog.storage.manifest import write_messages, write_parameters

NOT_A_NAME = "invalid model name"
NOT_RELATIVE = "file path must be relative"
NOT_A_DIGEST = "invalid digest format"
SUPPORTED = "supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0"
MAX_FILES = 1_000
MAX_DOCUMENT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One model. Files are named by digests of blobs that are in the store, never by places: the
    other half of each pair is only what the file was called (threat E24)."""

    name: str
    base: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)
    drafts: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    system: str = ""
    licenses: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[Mapping[str, Any], ...] = ()
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    quantisation: str = ""
    draft_quantisation: str = ""
    # Files were spoken of, be it none.
    is_of_files: bool = False

    @classmethod
    def of_wants(cls, wants: Mapping[str, Any]) -> Self:
        """As `as_wants` wrote it into a job."""
        lists = {name: tuple(wants.get(name, ())) for name in ("licenses", "messages")}
        return cls(**{**wants, **lists})

    def as_wants(self) -> dict[str, Any]:
        """Plain data, without what says nothing."""
        return {name: value for name, value in asdict(self).items() if value}

    def check(self) -> None:
        """Raises `NotMade` for what is refused before anything is said or done."""
        name_of(self.name)
        for files in (self.files, self.adapters, self.drafts):
            for path, digest in files.items():
                if not is_relative(path):
                    raise refused(NOT_RELATIVE)
                digest_of(digest)
        if sum(map(len, (self.files, self.adapters, self.drafts))) > MAX_FILES:
            raise refused("too many files")
        if self.draft_quantisation and not self.drafts:
            raise refused("--draft-quantize requires a DRAFT model")
        texts = (self.template, self.system, *self.licenses)
        lists = (write_parameters(self.parameters), write_messages(self.messages))
        if max(map(len, (*(text.encode() for text in texts), *lists))) > MAX_DOCUMENT_BYTES:
            raise refused("a text of the model is longer than 1 MiB")


def name_of(text: str) -> ModelName:
    try:
        return ModelName.parse(text.strip())
    except NotAName:
        raise refused(NOT_A_NAME) from None


def digest_of(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except NotADigest:
        raise refused(NOT_A_DIGEST) from None


def quantisation_of(text: str) -> Quantisation:
    """Raises `NotMade` for a kind that is not made here."""
    kind = text.strip().upper()
    if kind not in quantising.KINDS:
        raise NotMade(f"unsupported quantization type {kind} - {SUPPORTED}")
    return quantising.KINDS[kind]


def is_relative(path: str) -> bool:
    """Whether it says where below a folder, and nothing else: no root, no `..`, no empty part."""
    return bool(path) and all(part not in ("", ".", "..") for part in path.split("/"))
