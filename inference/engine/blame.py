"""Who could be to blame if the process died now, said before anything native is done for them."""

from collections.abc import Callable, Iterable
from uuid import UUID

from inference.engine.sequence import Sequence


class Blame:
    """Tells `about_to_run` whenever it falls on others than before."""

    def __init__(self, about_to_run: Callable[[tuple[UUID, ...]], None]) -> None:
        self._about_to_run = about_to_run
        self._falls_on: frozenset[UUID] = frozenset()

    def falls_on(self, ids: tuple[UUID, ...], *, beside: Iterable[Sequence | None]) -> None:
        """On these, and on those for whom something is done beside the engine meanwhile."""
        also = (sequence.id for sequence in beside if sequence is not None)
        everyone = tuple(dict.fromkeys((*ids, *also)))
        if self._falls_on != frozenset(everyone):
            self._falls_on = frozenset(everyone)
            self._about_to_run(everyone)
