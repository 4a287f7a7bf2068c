"""What the pages of the administration share, and its first page. Not for rules of access."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from unfold.decorators import action, display

from inference import protocol
from portal.accounts.models import Person
from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat.models import OPEN, Generation, State
from portal.streams import requests
from portal.streams.connection import AWAY

_COMPARISONS = ("", "__exact", "__in", "__isnull", "__gte", "__lt", "__id__exact", "__pk__exact")


F = TypeVar("F", bound=Callable[..., Any])


def administrator(request: HttpRequest) -> Person:
    """Who is asking. The site lets nobody else in; this says so to whoever reads on."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user


def column(
    description: Promise,
    *,
    ordering: str | None = None,
    label: bool | Mapping[Any, str] | None = None,
    boolean: bool | None = None,
) -> Callable[[F], F]:
    """A computed column or field; `label` shows it as a coloured word."""
    decorate = display(description=description, ordering=ordering, label=label, boolean=boolean)
    return cast(Callable[[F], F], decorate)


def button(description: Promise, *, permission: str, icon: str) -> Callable[[F], F]:
    """A button above one object. It is a link: what stands behind it must change nothing."""
    return cast(
        Callable[[F], F], action(description=description, permissions=[permission], icon=icon)
    )


class ClosedLookups:
    """A list answers only to its own filters.

    Django lets an address filter by any column of the model, seen or not: whoever may open the list
    could guess texts and hashes letter by letter (threat B9).
    """

    list_filter: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        names = [item if isinstance(item, str) else item[0] for item in self.list_filter]
        return lookup in {f"{name}{comparison}" for name in names for comparison in _COMPARISONS}


class ReadOnly(ClosedLookups):
    """Looked at, never changed from here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The numbers of the first page, and what is loaded where. No text of anybody."""

    cards: list[tuple[str, str]]
    loaded: dict[str, Any]
    is_redis_away: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by the theme for its first page."""
    return {**context, "overview": overview()}


def overview() -> Overview:
    open_generations = Generation.objects.filter(state__in=OPEN)
    cards = [
        (_("People who may sign in"), str(Person.objects.filter(is_active=True).count())),
        (_("Published models"), str(Model.objects.filter(is_published=True).count())),
        (_("Answers being written"), str(open_generations.filter(state=State.RUNNING).count())),
        (_("Answers waiting"), str(open_generations.filter(state=State.QUEUED).count())),
    ]
    try:
        hosts = requests.host_states()
    except AWAY:
        return Overview(cards=cards, loaded=_table([]), is_redis_away=True)
    return Overview(cards=cards, loaded=_table(hosts), is_redis_away=False)


def _table(hosts: list[protocol.HostState]) -> dict[str, Any]:
    return {
        "headers": [
            _("Host"),
            _("Model"),
            _("State"),
            _("Running"),
            _("Context length"),
            _("Memory"),
            _("On the GPU"),
        ],
        "rows": _rows(hosts),
    }


def _rows(hosts: list[protocol.HostState]) -> list[list[str]]:
    # A model made for chat is loaded a second time for its vectors.
    twins = {
        spec.queue
        for model in Model.objects.all()
        for spec in catalog.specs_of(model)
        if spec.task != catalog.task_of(model)
    }
    return [_row(host, runner, twins) for host in hosts for runner in host.runners]


def _row(
    host: protocol.HostState, runner: protocol.RunnerState, twins: Collection[str]
) -> list[str]:
    name = runner.model_name
    return [
        host.host,
        _("%(model)s, for embeddings") % {"model": name} if runner.queue in twins else name,
        _state(runner),
        f"{runner.running} / {runner.slots}",
        str(runner.context_length),
        filesizeformat(runner.size_bytes),
        filesizeformat(runner.vram_bytes),
    ]


def _state(runner: protocol.RunnerState) -> str:
    if runner.state == "loading":
        return _("loading, %(percent)d %%") % {"percent": round(runner.progress * 100)}
    return {"ready": _("ready"), "draining": _("finishing")}[runner.state]
