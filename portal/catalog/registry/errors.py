"""Why nothing came from a registry, or went there. Not for faults of our disk: those are `store`'s.

RegistryError
  NotAllowed     the name, the host or the address behind it is not one we speak to
  Unreachable    no connection or no answer, after every try
  Stalled        it answers and then sends nothing, again and again
  NotFound       the registry has no such model, or no such file
  Denied         it wants a sign-in we do not have, or asks for it in a way we do not trust
  TooMany        it wants us to wait longer than we do
  Failed         any other answer that says no
  BadAnswer      what came breaks the protocol: too long, packed, another range, no manifest
  WrongBytes     all came, twice, and is not what its digest says
  InUse          another process fetches this very file at this moment
  Cancelled      nobody wants it any more

`contract_text` is what Ollama's clients are told. `str(error)` is a sentence in the language active
at that moment; whoever keeps the error for later keeps `code` and `details` and asks `sentence_of`.
"""

from collections.abc import Mapping
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACCESS_DENIED = "unauthorized: access denied"
NO_SUCH_FILE = "file does not exist"
MAX_TOLD_CHARS = 500


class RegistryError(Exception):
    """See above. `details` are plain texts that the sentence mentions."""

    code: ClassVar[str]

    def __init__(self, contract_text: str, **details: str) -> None:
        super().__init__(contract_text)
        self.contract_text = contract_text
        self.details = details

    def __str__(self) -> str:
        return sentence_of(self.code, self.details)


class NotAllowed(RegistryError):
    """`why` is one of the keys of `_NOT_ALLOWED`."""

    code = "not-allowed"

    def __init__(self, why: str, *, host: str) -> None:
        super().__init__(f"{host}: {_NOT_ALLOWED_TEXTS[why]}", host=host, why=why)


class Unreachable(RegistryError):
    code = "unreachable"

    def __init__(self, what: str, *, host: str) -> None:
        super().__init__(f"{host}: {what}", host=host)


class Stalled(RegistryError):
    code = "stalled"

    def __init__(self, *, host: str) -> None:
        super().__init__(f"{host}: no bytes came", host=host)


class NotFound(RegistryError):
    code = "not-found"

    def __init__(self) -> None:
        super().__init__(NO_SUCH_FILE)


class Denied(RegistryError):
    """`contract_text` may name the realm that was refused."""

    code = "denied"

    def __init__(self, contract_text: str = ACCESS_DENIED, *, host: str) -> None:
        super().__init__(contract_text, host=host)


class TooMany(RegistryError):
    code = "too-many"

    def __init__(self, contract_text: str, *, host: str) -> None:
        super().__init__(contract_text, host=host)


class Failed(RegistryError):
    """`said` is what the registry wrote, shortened."""

    code = "failed"

    def __init__(self, *, status: int, said: str, host: str) -> None:
        super().__init__(f"{status}: {said}", host=host, status=str(status), said=_short(said))


class BadAnswer(RegistryError):
    """With `is_whole` Ollama has words of its own for it, and `what` is these."""

    code = "bad-answer"

    def __init__(self, what: str, *, host: str, is_whole: bool = False) -> None:
        super().__init__(what if is_whole else f"{host}: {what}", host=host)


class WrongBytes(RegistryError):
    code = "wrong-bytes"

    def __init__(self, *, want: str, got: str, host: str) -> None:
        super().__init__(
            f"digest mismatch, file must be downloaded again: want {want}, got {got}", host=host
        )


class InUse(RegistryError):
    code = "in-use"

    def __init__(self) -> None:
        super().__init__("this file is being downloaded by another process")


class Cancelled(RegistryError):
    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("context canceled")


def sentence_of(code: str, details: Mapping[str, str]) -> str:
    """What a person is told, in the language active now."""
    if code == NotAllowed.code:
        sentence: str | Promise = _NOT_ALLOWED.get(details.get("why", ""), _NOT_ALLOWED["unlisted"])
    else:
        sentence = _SENTENCES.get(code, _SENTENCES[Failed.code])
    known = {"host": "?", "status": "?", "said": "", **details}
    return str(sentence) % known


def _short(said: str) -> str:
    line = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    return line if len(line) <= MAX_TOLD_CHARS else line[:MAX_TOLD_CHARS] + "…"


_NOT_ALLOWED_TEXTS = {
    "unlisted": "this host is not on the list of allowed registries",
    "private": "this address is inside the network, and not on the list of allowed ones",
    "plain": "plain HTTP is not allowed here",
    "spelling": "this is not the plain name of a host",
}
_NOT_ALLOWED: dict[str, Promise] = {
    "unlisted": _(
        "%(host)s is not on this portal's list of registries, so it was not asked and nothing"
        " has changed. If you trust it, an operator can add it to PORTAL_REGISTRIES, or to"
        " PORTAL_REGISTRY_STORES if a registry only sends us there for its files."
    ),
    "private": _(
        "%(host)s has an address inside a network, which could be anything in your company, so it"
        " was not asked and nothing has changed. If that is where your own registry is, an operator"
        " can add the address to PORTAL_REGISTRY_NETWORKS."
    ),
    "plain": _(
        "%(host)s wanted to go on without encryption, so nothing more was asked and nothing has"
        " changed. If this is your own registry without https, an operator can add it to"
        " PORTAL_REGISTRY_PLAIN."
    ),
    "spelling": _(
        "%(host)s is not how the name of a host is written, so it was not asked and nothing has"
        " changed. Write the name of the registry, and its port if it has an unusual one."
    ),
}
_SENTENCES: dict[str, Promise] = {
    Unreachable.code: _(
        "%(host)s does not answer. What has come so far is kept, and nothing else has changed. Look"
        " whether this machine may reach it, then resume."
    ),
    Stalled.code: _(
        "%(host)s stopped sending, again and again. What has come so far is kept, and nothing else"
        " has changed. Resume later, or look at the network between."
    ),
    NotFound.code: _(
        "The registry has no model of this name. Nothing has changed. Look at the spelling of name"
        " and tag; some models can only be seen after a sign-in."
    ),
    Denied.code: _(
        "%(host)s wants to know who asks, and refused us. Nothing has changed. An operator can put"
        " a name and password for this registry into the file of PORTAL_REGISTRY_AUTH; they are"
        " only ever sent to that host, and encrypted."
    ),
    TooMany.code: _(
        "%(host)s says that we ask too often. What has come so far is kept, and nothing else has"
        " changed. Resume in an hour."
    ),
    Failed.code: _(
        "%(host)s answered with an error (%(status)s: %(said)s). What has come so far is kept, and"
        " nothing else has changed. Try again later, or ask whoever runs it."
    ),
    BadAnswer.code: _(
        "What %(host)s sent does not follow the rules for registries, so nothing of it was used and"
        " nothing has changed. Look whether the address is that of a registry, and whether a proxy"
        " stands between."
    ),
    WrongBytes.code: _(
        "The file came twice from %(host)s and both times was not what its checksum says. It was"
        " deleted, and nothing has changed. The registry holds a damaged file, or something between"
        " changes it: ask whoever runs it before you try again."
    ),
    InUse.code: _(
        "The same file is being fetched at this moment. Nothing has changed. Wait until that is"
        " over; what it brings is shared."
    ),
    Cancelled.code: _(
        "Cancelled. What has come so far is kept for when you resume, and nothing else has changed."
    ),
}
