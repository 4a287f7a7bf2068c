"""What the newest request of a program says about its settings, in a sentence. Pure."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from portal.accounts.models import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    sentence: str
    is_good: bool


def verdict_of(key: ApiKey) -> Verdict | None:
    """None while nothing has come."""
    if key.last_used_at is None or key.last_status is None:
        return None
    words = _good(key.last_act) if key.last_status < 400 else _bad(key.last_status)
    client = key.last_client or _("a program")
    return Verdict(sentence=words % {"client": client}, is_good=key.last_status < 400)


def _good(act: str) -> str:
    if act == "models":
        return _("It works: %(client)s read the list of your models. Pick one there and ask.")
    if act in ("chat", "embeddings"):
        return _("It works: %(client)s asked, and was answered.")
    return _("It works: %(client)s has reached the portal.")


def _bad(status: int) -> str:
    if status == 403:
        return _("%(client)s asked for something that this key is not for.")
    if status == 404:
        return _(
            "%(client)s asked for something that is not here: most often a model that does not"
            " exist, or that you may not use. Let it fetch the list of models again."
        )
    if status in (429, 503):
        return _(
            "%(client)s has reached the portal, which is busy or wants a pause. Try again soon."
        )
    if status >= 500:
        return _("%(client)s has reached the portal, but a part of us failed. Try again soon.")
    return _(
        "%(client)s has reached the portal, but asked for something that it cannot do. The program"
        " shows the reason."
    )
