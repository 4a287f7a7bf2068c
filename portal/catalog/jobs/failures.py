"""Why a job ended badly: a sentence for people, the contract's text for programs. Decides nothing.

Sentences are kept in English with their values apart, and translated for whoever reads them.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.catalog.models import Job
from portal.catalog.papers.gguf import NotAGguf
from portal.catalog.registry import errors as registry
from portal.catalog.storage import reasons
from portal.catalog.storage.manifest import BadManifest
from portal.catalog.storage.store import NoSpace, WrongBytes
from portal.chat.errors import ChatError, Sentence

NO_ROOM: Sentence = _(
    "The disk has no room: %(missing_bytes)s more are needed. Nothing was changed, and what is"
    " already here is kept. Delete models that nobody uses, or make the disk larger; then resume."
)
DAMAGED: Sentence = _(
    "The bytes of a file are not what its name says, so it was not taken in. Nothing was changed."
    " Try again; if it happens again, the other side has a damaged file."
)
UNREADABLE: Sentence = _(
    "This is not a model that the portal can read. Nothing was changed. Choose another one."
)
DISK: Sentence = _(
    "The disk refused: %(reason)s. Nothing that is in use was changed. Look at the disk and the"
    " rights on the model folder; then resume."
)
OUR_FAULT: Sentence = _(
    "The portal met a fault of its own, which is in its log. Nothing that is in use was changed."
    " Resume it once; if it happens again, tell whoever runs the portal."
)
KEEPS_DYING: Sentence = _(
    "Its worker died %(tries)s times while it was at this, so it is not tried again by itself."
    " Nothing that is in use was changed. Look at the log and at the memory of the machine; then"
    " resume."
)

# A registry's failures bring their own words: kept by their code, under this key.
_OF_REGISTRY = "registry"


class JobFailed(Exception):
    """A job cannot be finished.

    `sentence` says what happened, that nothing was harmed and what to do. It may hold fields such
    as `%(name)s`, filled from `values`; those that end with `_bytes` are shown as sizes.
    """

    def __init__(
        self,
        sentence: Sentence,
        *,
        contract_text: str = "",
        contract_status: int = 500,
        **values: str | int,
    ) -> None:
        super().__init__(contract_text or str(sentence))
        self.sentence = sentence
        self.contract_text = contract_text
        self.contract_status = contract_status
        self.values = values


class KeepsDying(JobFailed):
    """The job ended its worker again and again."""

    def __init__(self, tries: int) -> None:
        super().__init__(KEEPS_DYING, contract_text=f"the worker died {tries} times", tries=tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """As the row keeps it."""

    sentence: str
    values: Mapping[str, Any] = field(default_factory=dict)
    contract_text: str = ""
    contract_status: int = 500


def failure_of(error: Exception) -> Failure | None:
    """What to tell; None for an error that nobody foresaw.

    An error with a `sentence` of its own is asked for `values` and `contract_text` as well.
    """
    match error:
        case registry.RegistryError():
            return _of_registry(error)
        case NoSpace():
            return no_room(error.missing_bytes)
        case WrongBytes():
            return _failure(DAMAGED, contract_text=f"digest mismatch: {error}")
        case BadManifest() | NotAGguf():
            return _failure(UNREADABLE, contract_text=f"invalid model: {error}")
        case ChatError():
            return _failure(error.sentence, contract_status=error.status)
        case OSError() if error.strerror:
            return _of_disk(error)
    sentence = getattr(error, "sentence", None)
    if not sentence:
        return None
    return _failure(
        sentence,
        values=getattr(error, "values", None),
        contract_text=getattr(error, "contract_text", ""),
        contract_status=getattr(error, "contract_status", 500),
    )


def no_room(missing_bytes: int) -> Failure:
    text = "no space left on device"
    if missing_bytes:
        text = f"{text}: {missing_bytes} more bytes are needed"
    # Less than the margin is never the whole answer: the disk was full when somebody looked.
    return _failure(NO_ROOM, contract_text=text, values={"missing_bytes": max(missing_bytes, 1)})


def our_fault() -> Failure:
    return _failure(OUR_FAULT, contract_text="internal error; nothing was changed")


def sentence_about(job: Job) -> str:
    """Why it failed, in the reader's language. Empty for a job that did not."""
    if not job.failure:
        return ""
    if (of_registry := job.failure_values.get(_OF_REGISTRY)) is not None:
        return registry.sentence_of(of_registry["code"], of_registry["details"])
    values = {name: _shown(name, value) for name, value in job.failure_values.items()}
    told = gettext(job.failure)
    return told % values if values else told


def _shown(name: str, value: str | int) -> str | int:
    if name.endswith("_bytes"):
        return filesizeformat(value)
    return reasons.shown(value) if name == "reason" and isinstance(value, str) else value


def _of_disk(error: OSError) -> Failure:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_room(0)
    reason = (error.strerror or "unknown error").lower()
    return _failure(DISK, contract_text=reason, values={"reason": reason})


def _of_registry(error: registry.RegistryError) -> Failure:
    with translation.override(None):
        english = str(error)
    return Failure(
        sentence=english,
        values={_OF_REGISTRY: {"code": error.code, "details": dict(error.details)}},
        contract_text=error.contract_text,
    )


def _failure(
    sentence: Sentence,
    *,
    values: Mapping[str, Any] | None = None,
    contract_text: str = "",
    contract_status: int = 500,
) -> Failure:
    with translation.override(None):
        english = str(sentence)
    return Failure(
        sentence=english,
        values=dict(values or {}),
        contract_text=contract_text or (english % values if values else english),
        contract_status=contract_status,
    )
