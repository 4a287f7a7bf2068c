"""Which models are in memory now, told simply to whoever picks one. Not for administrators: they
read it host by host (portal/catalog/memory/residents.py).
"""

from collections.abc import Sequence

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _

from inference import protocol
from portal.accounts.models import Person
from portal.catalog import access
from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat.errors import Unavailable
from portal.presets.frames import Standing
from portal.streams import awaited, requests
from portal.streams.connection import AWAY


def standings_for(person: Person) -> list[Standing]:
    """Of every model that she may use, by its own name."""
    models = catalog.models_shown_to(person)
    try:
        hosts = requests.host_states()
    except AWAY:
        return [Standing(model_name=model.name, state="unknown") for model in models]
    return [_standing(model, hosts) for model in models]


def load(person: Person, *, model_name: str) -> None:
    """Ask for it to be in memory soon. Asked again before it is there: the same once more.

    It waits as a question does, and makes nothing go that a question would not (threat F22).
    """
    model = access.model_for_answering(person, model_name)
    spec = catalog.spec_of(model, "answer")
    try:
        async_to_sync(awaited.begin)(spec, model_name=model.name)
    except AWAY:
        raise Unavailable(
            _("The model could not be asked for, for a part of the portal is away. Try again.")
        ) from None


def _standing(model: Model, hosts: Sequence[protocol.HostState]) -> Standing:
    queue = catalog.spec_of(model, "answer").queue
    runners = [each for host in hosts for each in host.runners if each.queue == queue]
    ready = [each for each in runners if each.state == "ready"]
    if ready:
        largest = max(each.size_bytes for each in ready)
        return Standing(model_name=model.name, state="loaded", bytes=largest)
    loading = [each.progress for each in runners if each.state == "loading"]
    return Standing(
        model_name=model.name,
        state="loading" if loading else "away",
        progress=max(loading, default=None),
        bytes=model.size_bytes,
        makes_way=not loading and not any(_has_room(host, model.size_bytes) for host in hosts),
    )


def _has_room(host: protocol.HostState, wanted_bytes: int) -> bool:
    """Its files alone are less than it will need: who has not even that must let others go."""
    if host.room is None:
        return True
    used = sum(each.size_bytes for each in host.runners)
    shared = 0 if host.room.is_shared else host.room.vram_bytes
    return used + wanted_bytes <= host.room.memory_bytes + shared
