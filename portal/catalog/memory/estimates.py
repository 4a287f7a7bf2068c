"""How much memory a model will need, told before anything is loaded (threat E21).

From the header of its file and the worker's own formula (`gguffile/memory.py`), for the context and
the number of answers at once that somebody thinks of; and what the hosts would make of it. Loads
nothing, decides nothing: the worker looks again when it loads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gguffile import memory
from gguffile.memory import CacheType, Shape, Way
from gguffile.size import Size
from inference import protocol
from portal.accounts.models import Person
from portal.catalog import access, queries
from portal.catalog.models import Model
from portal.catalog.names import Digest
from portal.catalog.papers import gguf
from portal.streams import requests
from portal.streams.connection import AWAY

MAX_AT_ONCE = 256
CACHE_TYPES: tuple[CacheType, ...] = ("f16", "q8_0", "q4_0")
TEMPLATE = "admin/catalog/model/estimate.html"
# What reading the files of a model can say against them.
UNREADABLE = (gguf.NotAGguf, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One graphics card, as the formula asks for it."""

    is_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFit:
    """What one host has for all its models together, and what it would make of this wish.

    `most_at_once` answers of this context fit there; 0: not one. `fits` is the wish as asked.
    """

    host: str
    memory_bytes: int
    vram_bytes: int
    most_at_once: int
    fits: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`need_bytes` is everything beside the processor: weights, the conversations, and the rest.

    `hosts` is None while the queue does not answer, and empty while no worker reports.
    """

    model_name: str
    context_length: int
    at_once: int
    cache_type: CacheType
    need_bytes: int
    weights_bytes: int
    conversation_bytes: int
    hosts: tuple[HostFit, ...] | None
    template: str = TEMPLATE

    @property
    def sentences(self) -> list[str]:
        """Needs X; each host has Y, and N conversations of M tokens fit."""
        first = _(
            "It needs about %(need)s: %(weights)s for its weights, and %(each)s for each of"
            " %(count)s conversations of %(tokens)s tokens."
        ) % {
            "need": filesizeformat(self.need_bytes),
            "weights": filesizeformat(self.weights_bytes),
            "each": filesizeformat(self.conversation_bytes),
            "count": self.at_once,
            "tokens": self.context_length,
        }
        if self.hosts is None:
            return [first, _("The queue does not answer, so nothing is known of the hosts.")]
        if not self.hosts:
            return [first, _("No worker reports now, so nothing is known of the hosts.")]
        return [first, *(host.sentence for host in self.hosts)]


def estimate(
    person: Person | None,
    *,
    model: Model,
    context_length: int | None = None,
    at_once: int | None = None,
    cache_type: CacheType | None = None,
) -> Estimate:
    """For this context, so many answers at once, and this kind of cache.

    What is not said is as the model and the first host have it. Raises one of `UNREADABLE` when the
    files say nothing, `Forbidden` for people who may not look after models.
    """
    access.may_manage_models(person)
    return of_shape(
        shape_of(model),
        name=model.name,
        context_length=context_length or queries.context_length_of(model),
        at_once=at_once,
        cache_type=cache_type,
        is_answering=queries.task_of(model) == "answer",
    )


def shape_of(model: Model) -> Shape:
    """Read off the header of the weights; projector and adapters count with their length."""
    store = queries.open_store()
    with store.open_blob(Digest(model.weights)) as file:
        header = gguf.read_open(file)
    beside = [*model.adapters, *([model.projector] if model.projector else [])]
    extra_bytes = sum(store.blob_path(Digest(each)).lstat().st_size for each in beside)
    return memory.shape(header, extra_bytes=extra_bytes)


def of_shape(
    shape: Shape,
    *,
    name: str,
    context_length: int,
    at_once: int | None = None,
    cache_type: CacheType | None = None,
    is_answering: bool = True,
) -> Estimate:
    """As `estimate`, for a file that is no model yet."""
    rooms = _rooms()
    usual = rooms[0][1] if rooms else protocol.Room(parallel=1)
    slots = min(at_once or (usual.parallel if is_answering else 1) or 1, MAX_AT_ONCE)
    kind = cache_type or usual.cache_type
    length = max(1, min(context_length, shape.trained_context or context_length))
    way = Way(
        slots=slots,
        context_length=length,
        cache_type=kind if shape.can_quantise_cache else "f16",
    )
    need = memory.need(shape, way).ram_bytes
    more = memory.need(shape, replace(way, slots=way.slots + 1)).ram_bytes
    return Estimate(
        model_name=name,
        context_length=way.context_length,
        at_once=way.slots,
        cache_type=way.cache_type,
        need_bytes=need,
        weights_bytes=_weights_bytes(shape),
        conversation_bytes=more - need,
        hosts=None
        if rooms is None
        else tuple(_fit(shape, way, host, room) for host, room in rooms),
    )


def _rooms() -> list[tuple[str, protocol.Room]] | None:
    """Of every host that reports; None when the queue is away."""
    try:
        states = requests.host_states()
    except AWAY:
        return None
    return [(state.host, state.room) for state in states if state.room is not None]


def _fit(shape: Shape, way: Way, host: str, room: protocol.Room) -> HostFit:
    most = memory.most_at_once(
        shape,
        replace(way, slots=MAX_AT_ONCE),
        room=Size(ram_bytes=room.memory_bytes, vram_bytes=room.vram_bytes),
        devices=_devices(room),
    )
    return HostFit(
        host=host,
        memory_bytes=room.memory_bytes,
        vram_bytes=room.vram_bytes,
        most_at_once=most,
        fits=most >= way.slots,
        sentence=_sentence(host, room, most=most, way=way),
    )


def _devices(room: protocol.Room) -> Sequence[Accelerator]:
    return (Accelerator(is_shared=room.is_shared),) * min(room.accelerators, 64)


def _sentence(host: str, room: protocol.Room, *, most: int, way: Way) -> str:
    words = {
        "host": host,
        "memory": filesizeformat(room.memory_bytes),
        "graphics": filesizeformat(room.vram_bytes),
        "count": most,
        "tokens": way.context_length,
    }
    has = _("%(host)s has %(memory)s for models") % words
    if room.accelerators:
        has = _("%(host)s has %(memory)s for models, and %(graphics)s on graphics cards") % words
    if not most:
        fit = _("that is too little for one conversation of %(tokens)s tokens")
    else:
        fit = ngettext(
            "%(count)d conversation of %(tokens)s tokens fits",
            "%(count)d conversations of %(tokens)s tokens fit",
            most,
        )
    return _("%(has)s: %(fit)s.") % {"has": has, "fit": fit % words}


def _weights_bytes(shape: Shape) -> int:
    layers = sum(layer.weight_bytes for layer in shape.layers)
    return layers + shape.input_bytes + shape.output_bytes + shape.extra_bytes
