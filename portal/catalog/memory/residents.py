"""What is loaded where, as administrators see it: host by host, with size and how long it stays."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from inference import protocol
from portal.catalog import queries
from portal.catalog.models import Model, ModelState
from portal.streams import requests
from portal.streams.connection import AWAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One loaded model. `model` is None when its row is gone, and then it goes by itself."""

    name: str
    model: Model | None
    state: str
    running: str
    context_length: int
    size_bytes: int
    vram_bytes: int
    stays: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine that runs models. With a trouble it can load nothing."""

    name: str
    trouble: str
    residents: tuple[Resident, ...]

    @property
    def size_bytes(self) -> int:
        return sum(each.size_bytes for each in self.residents)


def hosts() -> list[Host] | None:
    """None: the queue does not answer, so nothing is known."""
    try:
        states = requests.host_states()
    except AWAY:
        return None
    known = _by_queue()
    return [
        Host(
            name=state.host,
            trouble=_("Its graphics card was lost. Restart the model server on this host.")
            if state.trouble
            else "",
            residents=tuple(_resident(runner, known=known) for runner in state.runners),
        )
        for state in states
    ]


def residents_of(model: Model) -> list[tuple[str, Resident]] | None:
    """Where this model is loaded: (host, how)."""
    found = hosts()
    if found is None:
        return None
    return [
        (host.name, each)
        for host in found
        for each in host.residents
        if each.model is not None and each.model.id == model.id
    ]


def loadable() -> list[Model]:
    """What could be loaded now, by name."""
    return list(Model.objects.filter(state=ModelState.READY, retired_at=None).order_by("name"))


def _by_queue() -> dict[str, tuple[Model, bool]]:
    """Queue → the model, and whether it is loaded a second time for its vectors."""
    return {
        spec.queue: (model, spec.task != queries.task_of(model))
        for model in Model.objects.all()
        for spec in queries.specs_of(model)
    }


def _resident(runner: protocol.RunnerState, *, known: dict[str, tuple[Model, bool]]) -> Resident:
    model, is_twin = known.get(runner.queue, (None, False))
    name = runner.model_name
    return Resident(
        name=_("%(model)s, for embeddings") % {"model": name} if is_twin else name,
        model=model,
        state=_state(runner),
        running=f"{runner.running} / {runner.slots}",
        context_length=runner.context_length,
        size_bytes=runner.size_bytes,
        vram_bytes=runner.vram_bytes,
        stays=_stays(runner, model=model),
        until=_until(runner),
    )


def _state(runner: protocol.RunnerState) -> str:
    if runner.state == "loading":
        return _("loading, %(percent)d %%") % {"percent": round(runner.progress * 100)}
    return {"ready": _("ready"), "draining": _("finishing")}[runner.state]


def _stays(runner: protocol.RunnerState, *, model: Model | None) -> str:
    """Empty when there is a moment to show instead."""
    if model is not None and model.is_pinned:
        return _("kept loaded")
    if runner.running:
        return _("in use")
    return "" if _until(runner) else _("until room is needed")


def _until(runner: protocol.RunnerState) -> datetime | None:
    if runner.expires_at is None or runner.running:
        return None
    return datetime.fromtimestamp(runner.expires_at, tz=UTC)
