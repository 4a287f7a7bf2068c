"""What the library says it has allocated, overheard while a model is loaded. Guesses nothing."""

import re
from dataclasses import dataclass, field

from inference.engine.backend import Sizes

_LINE = re.compile(r"(\S+) +(model|KV|RS|compute|output|LoRA) buffer size += +([0-9.]+) MiB")
_MIB = 1024 * 1024
_BESIDE_THE_PROCESSOR = ("CPU", "AMX", "BLAS", "KLEIDIAI")


@dataclass(slots=True)
class Buffers:
    """Bytes by kind: all of them, and those on accelerators. The last word on a kind counts."""

    _said: dict[tuple[str, str, int], int] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        found = _LINE.search(line)
        if found is None:
            return
        place, kind, mebibytes = found.groups()
        number = 0
        if kind in ("KV", "RS", "model", "LoRA"):  # several of one kind; computing is told anew
            number = self._counts[place, kind] = self._counts.get((place, kind), 0) + 1
        self._said[place, kind, number] = round(float(mebibytes) * _MIB)

    def sizes(self, *, model_bytes: int, context_bytes: int) -> Sizes:
        """`model_bytes` and `context_bytes` are used where nothing was said of it.

        The weights in RAM are what is not elsewhere: some are mapped as well as copied into
        another order, and then only the copies stay.
        """
        context = self._total("KV", "RS") or context_bytes
        compute = self._total("compute", "output")
        vram = sum(size for (place, _, _), size in self._said.items() if not _is_in_ram(place))
        return Sizes(
            model_bytes=model_bytes + self._total("LoRA"),
            context_bytes=context,
            compute_bytes=compute,
            vram_bytes=vram,
        )

    def _total(self, *kinds: str) -> int:
        return sum(size for (_, kind, _), size in self._said.items() if kind in kinds)


def _is_in_ram(place: str) -> bool:
    return place.startswith(_BESIDE_THE_PROCESSOR) or "_Host" in place
