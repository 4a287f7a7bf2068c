"""New models are tried by a worker before anybody may choose them (threat E17).

Asked for as a file comes in, and again until it is answered, so that a Redis or a worker that is
away only delays. Not for trying: that is the worker's.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference import protocol
from portal import clock as wall
from portal.accounts.models import Person
from portal.audit.record import record
from portal.catalog import access, notices, queries
from portal.catalog.models import Model, ModelState
from portal.streams import trials as stream

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# While nothing is tried: whoever brings in a model asks at once, and this is for what was lost.
IDLE_LOOK_SECONDS = 1.0
# After a host that had no such file, or could not hold a trial.
AGAIN_SECONDS = 30.0
# So long the portal may say that it is not ready because its first model is not.
FIRST_CHECK_SECONDS = 15.0

_NOTHING_HARMED = gettext_lazy(
    "It was only loaded in a process of its own, so nothing was harmed and no chat was disturbed."
)
_OUTCOMES: dict[str, Promise] = {
    "refused": gettext_lazy(
        "The engine cannot load this file: it is not a model that this version knows, or it is"
        " damaged. Fetch it again, or choose another file."
    ),
    "crashed": gettext_lazy(
        "Loading this file ended the process that tried it. The file is damaged, made to do harm,"
        " or meets a fault of the engine. Fetch it again from a source you trust."
    ),
    "hung": gettext_lazy(
        "This file was not loaded in the time it was given. Check the disk, then check the model"
        " again; if it is the same then, the file is not sound."
    ),
    "memory": gettext_lazy(
        "This file wanted more memory than a model of its size needs. It may be damaged or made to"
        " do harm. Fetch it again, or choose a smaller one."
    ),
}
# Of what is listed, so that nobody wonders where it went, and can never be loaded here.
_OBSTACLES: dict[str, Promise] = {
    "format": gettext_lazy(
        "Its weights are not in the GGUF format, the only one that can be loaded here. Its files"
        " were left as they are. Fetch it as a GGUF, or convert it."
    ),
    "remote": gettext_lazy(
        "It is only a name for a model on another server, and nothing is sent there. Its files were"
        " left as they are. Delete it, or fetch a model that runs here."
    ),
    "weights": gettext_lazy(
        "It has no weights, so there is nothing to load. Its files were left as they are. Delete"
        " it, or fetch it again."
    ),
}


class Trials:
    """Call `step` again and again; it looks twice a second. `clock` is monotonic."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next_look = self._began = clock()
        self._ask_again_at: dict[str, float] = {}
        self._is_first_check_noted = False

    def step(self) -> None:
        if self._clock() < self._next_look:
            return
        waiting = being_checked()
        self._next_look = self._clock() + (LOOK_SECONDS if waiting else IDLE_LOOK_SECONDS)
        self._note_first_check(waiting)
        self._ask_again_at = {
            queue: at for queue, at in self._ask_again_at.items() if queue in waiting
        }
        if not waiting:
            return
        for queue, place in stream.places(waiting).items():
            if place.verdict is not None:
                self._hear(place.verdict, waiting[queue])
            elif not (place.is_waiting or place.is_tried_now or self._is_too_soon(queue)):
                stream.ask(queries.spec_of(waiting[queue][0]))

    def _hear(self, verdict: protocol.Verdict, models: Sequence[Model]) -> None:
        if verdict.outcome in protocol.SETTLED:
            for model in models:
                settle(model, verdict)
        else:
            log.warning("host %s could not try a model: %s", verdict.host, verdict.outcome)
            self._ask_again_at[verdict.queue] = self._clock() + AGAIN_SECONDS
        # Only now: killed before this line, it is heard again and changes nothing.
        stream.forget(verdict.queue)

    def _is_too_soon(self, queue: str) -> bool:
        return self._clock() < self._ask_again_at.get(queue, 0.0)

    def _note_first_check(self, waiting: Mapping[str, Sequence[Model]]) -> None:
        is_under_way = (
            bool(waiting)
            and self._clock() - self._began < FIRST_CHECK_SECONDS
            and not Model.objects.filter(state=ModelState.READY).exists()
        )
        if is_under_way or self._is_first_check_noted:
            stream.note_first_check(is_under_way=is_under_way)
        self._is_first_check_noted = is_under_way


def being_checked() -> dict[str, list[Model]]:
    """Models whose trial is not over, by the name of what is tried: two names may be one file."""
    found: dict[str, list[Model]] = {}
    for model in Model.objects.filter(state=ModelState.ADDED):
        found.setdefault(queries.spec_of(model).queue, []).append(model)
    return found


def ask_after_commit(model: Model) -> None:
    """For a model that has just come in. Not heard by anybody: `Trials` asks again."""
    if model.state == ModelState.ADDED:
        transaction.on_commit(partial(stream.ask, queries.spec_of(model)))


@transaction.atomic
def settle(model: Model, verdict: protocol.Verdict) -> bool:
    """What the verdict says, is so. False when the model has moved on since it was asked for."""
    state = ModelState.READY if verdict.outcome == "passed" else ModelState.UNLOADABLE
    told = {
        "outcome": verdict.outcome,
        "detail": verdict.detail,
        "seconds": verdict.seconds,
        "walls": list(verdict.walls),
        "facts": msgspec.to_builtins(verdict.facts) if verdict.facts else {},
        "at": wall.now().isoformat(),
    }
    unsettled = Model.objects.filter(id=model.id, digest=model.digest, state=ModelState.ADDED)
    if not unsettled.update(state=state, trial=told):
        return False
    record(None, "model.tried", model, name=model.name, outcome=verdict.outcome)
    model.refresh_from_db()
    notices.models_changed(model)
    return True


@transaction.atomic
def check_again(person: Person | None, *, model_id: UUID) -> Model:
    """Let a worker try the model anew; nobody can choose it until that is over."""
    model = access.model_for_managing(person, model_id)
    if model.weights and model.state in (ModelState.READY, ModelState.UNLOADABLE):
        model.state, model.trial = ModelState.ADDED, {}
        model.save(update_fields=["state", "trial"])
        notices.models_changed(model)
    record(person, "model.check_asked", model, name=model.name)
    ask_after_commit(model)
    return model


def sentence_about(model: Model) -> str:
    """What an administrator reads of the check: what happened, what it means, what to do."""
    match model.state:
        case ModelState.ADDED:
            return _(
                "A worker loads it for the first time, in a process that may be lost. Nobody can"
                " choose it until that is over. If it stays so, see that a worker is running."
            )
        case ModelState.READY:
            return _("It loaded and answered.") if model.trial else _("It was loaded before.")
        case ModelState.BROKEN:
            return _("Its files are not whole. Check the files, or fetch it again.")
    obstacle = _OBSTACLES.get(model.trial.get("outcome", ""))
    if obstacle is not None:
        return str(obstacle)
    what = _OUTCOMES.get(model.trial.get("outcome", ""), _OUTCOMES["refused"])
    detail = model.trial.get("detail", "")
    return f"{what} {_NOTHING_HARMED}" + (f" ({detail})" if detail else "")
