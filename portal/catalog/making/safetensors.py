"""Uploaded safetensors become a GGUF on their way into a model. Not for how they are converted."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from django.utils import translation

from portal.catalog.converting import converter, folder, tool
from portal.catalog.making import parts
from portal.catalog.making.errors import NoSuchBlob, NotMade, refused
from portal.catalog.making.order import digest_of
from portal.catalog.making.parts import Part
from portal.catalog.names import Digest
from portal.catalog.storage import readings
from portal.catalog.storage.manifest import Layer
from portal.catalog.storage.store import Staged, Store, WrongBytes

log = logging.getLogger(__name__)

STATUS = "converting model"


class NoConverter(NotMade):
    """The extra that converts is not installed."""

    sentence = tool.NOT_INSTALLED

    def __init__(self) -> None:
        with translation.override(None):
            super().__init__(str(tool.NOT_INSTALLED), status=400)


class Work(Protocol):
    def tell(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None: ...

    def raise_if_unwanted(self) -> None: ...


def is_among(files: Mapping[str, str]) -> bool:
    return any(path.endswith(".safetensors") for path in files)


def converted(
    store: Store, files: Mapping[str, str], *, work: Work, keep: Callable[[Staged], Staged]
) -> Part:
    """One GGUF of all these files. Raises `NotMade`; nothing of a failure stays."""
    if not tool.is_installed():
        raise NoConverter
    named = {path: _checked(store, digest_of(text)) for path, text in files.items()}
    try:
        seen = folder.checked(named)
    except folder.NotAModelFolder:
        raise refused("no files provided to convert") from None
    staged = keep(_staged(store, seen, work=work))
    header = parts.checked_header(staged.path)
    layer = Layer(
        media_type=parts.role_of(header), digest=staged.digest, size_bytes=staged.size_bytes
    )
    return Part(layer=layer, header=header, staged=staged)


def _staged(store: Store, seen: Mapping[str, Path], *, work: Work) -> Staged:
    size_bytes = sum(path.stat().st_size for path in seen.values())
    store.reserve(converter.result_bytes(size_bytes, kind="auto"))
    work.tell(STATUS)
    target = store.new_staged()
    try:
        with tempfile.TemporaryDirectory(prefix="portal-convert-") as place:
            folder.lay_out(seen, into=Path(place))
            converter.convert(
                Path(place),
                target,
                size_bytes=size_bytes,
                kind="auto",
                told=lambda percent: work.tell(
                    STATUS, total=size_bytes, completed=size_bytes * percent // 100
                ),
                raise_if_unwanted=work.raise_if_unwanted,
            )
        return store.finish_staged(target)
    except converter.ConvertingFailed as error:
        target.unlink(missing_ok=True)
        log.warning("a model could not be converted: %s", error)
        if error.architecture:
            raise NotMade(f'unsupported architecture "{error.architecture}"') from None
        raise NotMade(str(error)[:300]) from None
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _checked(store: Store, digest: Digest) -> Path:
    """In a folder that others fill too, a name alone proves nothing (threat E9)."""
    size_bytes = parts.size_of(store, digest)
    if not readings.is_known(store, digest, size_bytes=size_bytes):
        try:
            store.check_blob(digest)
        except WrongBytes:
            raise NoSuchBlob(f"blob {digest} is not what its name says") from None
        readings.note(digest, size_bytes=size_bytes)
    return store.blob_path(digest)
