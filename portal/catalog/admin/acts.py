"""What the buttons of the catalogue's pages do, one act each, and the sentence said after it.

A door: it calls one action and answers. Which page the button stood on does not matter here.
"""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from portal.catalog import access, aliases, retiring, tasks
from portal.catalog.forms import ActForm
from portal.catalog.memory import kept as memory
from portal.catalog.trying import trials
from portal.chat.errors import ChatError, Unavailable
from portal.console import administrator

KEPT = _("Kept loaded while there is room; it makes way for no other model.")
KEPT_NO_LONGER = _("Let go when nobody has used it for a while, as others are.")
UNLOADED = _("Unloaded once running answers are done; asked for, it is back.")
LOADING = _("It is being loaded now. It stays as long as models do that nobody asks.")
TRIED = _("A worker loads it again; the state will say.")
CHECKING = _("Every byte is being read again; the state will say.")
RETIRED = _("Retired. Nobody can choose it any more; conversations with it say who takes over.")
BACK = _("Whoever could use it before can choose it again.")
POINTED = _("The stable name stands for this model from the next question on.")
NO_QUEUE = _("The queue does not answer. Try again soon.")


def do(request: HttpRequest, *, model_id: UUID) -> None:
    """The act that was pressed; afterwards a message says how it went."""
    form = ActForm(request.POST)
    if not form.is_valid():
        misunderstood(request)
        return
    try:
        sentence = _ACTS[form.cleaned_data["act"]](request, model_id, form)
    except ChatError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, str(sentence))


def misunderstood(request: HttpRequest) -> None:
    messages.error(request, _("This was not understood, so nothing was changed. Try again."))


def check_files(request: HttpRequest, model_id: UUID) -> None:
    """In the background: it may take long. Raises `Unavailable` when that is away."""
    access.may_manage_models(administrator(request))
    try:
        tasks.check_bytes.delay(str(model_id))
    except OperationalError:
        raise Unavailable(NO_QUEUE) from None


def _pin(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    memory.keep_loaded(administrator(request), model_id=model_id)
    return KEPT


def _unpin(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    memory.keep_loaded(administrator(request), model_id=model_id, is_pinned=False)
    return KEPT_NO_LONGER


def _load(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    memory.load(administrator(request), model_id=model_id)
    return LOADING


def _unload(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    memory.unload(administrator(request), model_id=model_id)
    return UNLOADED


def _check(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    check_files(request, model_id)
    return CHECKING


def _try_again(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    trials.check_again(administrator(request), model_id=model_id)
    return TRIED


def _retire(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    successor = form.cleaned_data["successor"]
    retiring.retire_model(
        administrator(request),
        model_id=model_id,
        successor_id=successor.id if successor else None,
    )
    return RETIRED


def _bring_back(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    retiring.bring_back(administrator(request), model_id=model_id)
    return BACK


def _point(request: HttpRequest, model_id: UUID, form: ActForm) -> Promise:
    aliases.point_alias(administrator(request), name=form.cleaned_data["name"], model_id=model_id)
    return POINTED


_ACTS: dict[str, Callable[[HttpRequest, UUID, ActForm], Promise]] = {
    "pin": _pin,
    "unpin": _unpin,
    "load": _load,
    "unload": _unload,
    "check": _check,
    "try": _try_again,
    "retire": _retire,
    "bring-back": _bring_back,
    "point": _point,
}
