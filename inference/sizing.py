"""How much memory this host has, and how each model would be loaded into it.

Reads headers, remembers what loaded models turned out to need. The arithmetic is in
`gguffile/memory.py`, the decision in `residency.py`.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from gguffile import header, memory
from gguffile.memory import Shape, Way
from gguffile.size import Size
from inference import protocol, quotas
from inference.demand import Want
from inference.devices import Device
from inference.measured import Measured
from inference.protocol import ModelSpec
from inference.residency import Resident, Room
from inference.settings import Settings

log = logging.getLogger(__name__)

MEMORY_SHARE = 0.8
MODELS_PER_DEVICE = 3
MOST_HOPE = 2.0  # what seems larger than so many times the room is not tried
REMEMBERED = 256
# What a runner says of itself is believed within these bounds: by now it may be hostile.
_LEAST_SHARE, _MOST_SHARE = 0.5, 4.0

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """How a model is, or would be, loaded here, and what that is expected to need."""

    want: Want
    way: Way
    size: Size

    @property
    def shape(self) -> Shape | None:
        return self.want.measured.shape if self.want.measured else None


class Sizing:
    """`measure` is for the thread that follows demand; everything else is for the main one."""

    def __init__(self, config: Settings, *, memory_bytes: Callable[[], int] | None = None) -> None:
        self._config = config
        self._memory_bytes = config.memory_bytes or (memory_bytes or machine_bytes)()
        self._devices: tuple[Device, ...] | None = () if config.backend == "scripted" else None
        self._measured: OrderedDict[tuple[tuple[str, int, int], ...], Measured] = OrderedDict()
        self._ratios: OrderedDict[str, tuple[float, float]] = OrderedDict()  # real by expected

    # ── The host ────────────────────────────────────────────────────────────────────────────────

    def learn_devices(self, devices: tuple[Device, ...]) -> None:
        """Until then nothing is loaded: nobody knows yet where it would go."""
        for device in devices:
            log.info("accelerator %s: %d MiB free", device.name, device.free_bytes // 2**20)
        self._devices = devices

    @property
    def is_ready(self) -> bool:
        return self._devices is not None

    @property
    def room(self) -> Room:
        devices = self._devices or ()
        overhead = self._config.gpu_overhead_bytes
        return Room(
            max_models=self._config.max_loaded_models or MODELS_PER_DEVICE * max(1, len(devices)),
            memory=Size(
                ram_bytes=self._memory_bytes,
                vram_bytes=sum(max(0, one.free_bytes - overhead) for one in devices),
            ),
            keep_alive_seconds=self._config.keep_alive_seconds,
        )

    @property
    def told(self) -> protocol.Room | None:
        """As the portal hears of it; nothing until the accelerators are known."""
        if self._devices is None:
            return None
        room = self.room.memory
        return protocol.Room(
            memory_bytes=room.ram_bytes,
            vram_bytes=room.vram_bytes,
            accelerators=len(self._devices),
            is_shared=any(device.is_shared for device in self._devices),
            parallel=self._config.slots,
            cache_type=self._config.cache_type,
        )

    def could_hold(self, size: Size) -> bool:
        """Whether it is worth a try: estimates may be wrong, but not so much."""
        return size.fits(self.room.memory.times(MOST_HOPE, MOST_HOPE))

    # ── A model before it is loaded ─────────────────────────────────────────────────────────────

    def measure(self, spec: ModelSpec) -> Measured:
        """From the files' headers; asked often, read once for each state of the files."""
        if self._config.backend == "scripted":
            return Measured()
        try:
            key = tuple(self._marks(spec))
            if key not in self._measured:
                _keep(self._measured, key, self._read(spec))
            return self._measured[key]
        except OSError:
            return Measured()

    def _read(self, spec: ModelSpec) -> Measured:
        beside = (*spec.adapters, *((spec.projector,) if spec.projector else ()))
        extra_bytes = sum(self._config.blob_path(one).stat().st_size for one in beside)
        try:
            read = header.read(self._config.blob_path(spec.weights))
        except header.NotAGguf as error:
            log.warning("the file of queue %s is not loaded: %s", spec.queue, error)
            return Measured(trouble="BadHeader")
        return Measured(shape=memory.shape(read, extra_bytes=extra_bytes))

    def fitting(
        self, want: Want, residents: Sequence[Resident], *, is_alone: bool = False
    ) -> Fitting:
        """The best way when all but the pinned models are gone, for one answer when `is_alone`.

        Nobody need go for the sake of parking: all stay where less of that makes it fit.
        """
        if want.spec is None:
            raise ValueError(want.queue)
        wish = self._wish(want.spec)
        if is_alone:
            wish = replace(wish, slots=1)
        shape = want.measured.shape if want.measured else None
        if shape is None:
            return Fitting(want=want, way=wish, size=Size())
        pinned = [one.size for one in residents if one.is_pinned]
        way = self._fit(want.spec, shape, wish, beside=pinned)
        free = self._room_for(want.spec, [one.size for one in residents])
        least = memory.need(shape, replace(way, park_bytes=0), devices=self._devices or ())
        if least.fits(free):
            left_bytes = memory.parkable_bytes(free.less(least))
            way = replace(way, park_bytes=min(way.park_bytes, left_bytes))
        need = memory.need(shape, way, devices=self._devices or ())
        return Fitting(want=want, way=way, size=need.times(*self._ratio(want.spec)))

    def _wish(self, spec: ModelSpec) -> Way:
        length = spec.context_length
        if spec.task != "answer":  # one context for all inputs, and nothing of them is kept
            return Way(slots=1, context_length=length)
        return Way(
            slots=self._config.slots,
            context_length=length,
            park_bytes=self._config.park_bytes,
            cache_type=self._config.cache_type,
        )

    def _fit(self, spec: ModelSpec, shape: Shape, wish: Way, *, beside: Iterable[Size]) -> Way:
        """Where nothing fits beside the pinned ones, what would fit without them."""
        layers = self._config.gpu_layers if spec.gpu_layers is None else spec.gpu_layers
        devices = self._devices or ()
        for room in (self._room_for(spec, beside), self._room_for(spec)):
            way = memory.fit(shape, wish, room=room, devices=devices, gpu_layers=layers)
            if memory.need(shape, way, devices=devices).fits(room):
                break
        return way

    def _room_for(self, spec: ModelSpec, others: Iterable[Size] = ()) -> Size:
        """In the formula's own bytes."""
        ram, vram = self._ratio(spec)
        return self.room.memory.less(Size.total(others)).times(1 / ram, 1 / vram)

    def _ratio(self, spec: ModelSpec) -> tuple[float, float]:
        return self._ratios.get(spec.weights, (1.0, 1.0))

    # ── A model that is loaded ──────────────────────────────────────────────────────────────────

    def found(self, fitting: Fitting, size_bytes: int, *, vram_bytes: int) -> Size:
        """As its runner told, with what the runner does not count: itself, and what it may park."""
        expected = fitting.size
        if not size_bytes:
            return expected
        vram = vram_bytes + (memory.DEVICE_BYTES * len(self._devices or ()) if vram_bytes else 0)
        ram = max(0, size_bytes - vram_bytes) + memory.PROCESS_BYTES + fitting.way.park_bytes
        return Size(
            ram_bytes=_within(ram, expected.ram_bytes),
            vram_bytes=_within(vram, expected.vram_bytes),
        )

    def learn(self, fitting: Fitting, *, found: Size) -> None:
        """The next load of these weights is expected to need what this one did."""
        if fitting.shape is None or fitting.want.spec is None:
            return
        need = memory.need(fitting.shape, fitting.way, devices=self._devices or ())
        ram = _believable(found.ram_bytes / need.ram_bytes)
        vram = _believable(found.vram_bytes / max(1, need.vram_bytes))
        _keep(self._ratios, fitting.want.spec.weights, (ram, vram))

    def _marks(self, spec: ModelSpec) -> Iterable[tuple[str, int, int]]:
        for sha256 in (spec.weights, spec.projector, *spec.adapters):
            if sha256 is not None:
                status = self._config.blob_path(sha256).stat()
                yield sha256, status.st_size, status.st_mtime_ns


def machine_bytes() -> int:
    """Four fifths of the machine, or of the group of processes that we are confined to."""
    return int(quotas.memory_bytes() * MEMORY_SHARE)


def _believable(ratio: float) -> float:
    return min(max(ratio, _LEAST_SHARE), _MOST_SHARE) if ratio else 1.0


def _within(told: int, expected: int) -> int:
    return round(min(max(told, _LEAST_SHARE * expected), _MOST_SHARE * expected))


def _keep(known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
