"""Makes grammars for wanted formats in a limited child, and keeps them, refusals as well.

Making one takes up to a second: it is done beside everything else, one after the other. Not for
what a schema means: see `schemas.py`, which only the child runs.
"""

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from inference.engine.grammar.network import EVERY_BYTE, Network, NotKeepable
from inference.engine.grammar.thoughts import Thoughts
from inference.engine.grammar.walking import Walk
from inference.engine.limited import ChildDied, LimitedChild

_CHILD = "inference.engine.grammar.child"
_MAX_KEPT = 32


class Job(msgspec.Struct, frozen=True, kw_only=True):
    schema: str | None
    thoughts: Thoughts | None = None
    spelt: bytes = EVERY_BYTE


class Made(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    network: Network


class Refused(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    reason: str


Making = Future[Walk | Refused]


class Compiler:
    """The child starts with the first format that anybody wants.

    `spelt` are the bytes that the model can write: grammars lead nowhere else.
    """

    def __init__(self, *, spelt: bytes = EVERY_BYTE) -> None:
        self._spelt = spelt
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grammars")
        self._child: LimitedChild | None = None
        self._kept: OrderedDict[Job, Making] = OrderedDict()

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def begin(self, schema: str | None, *, thoughts: Thoughts | None = None) -> Making:
        """The grammar of a schema, there at once or later; None is any JSON object."""
        job = Job(schema=schema, thoughts=thoughts, spelt=self._spelt)
        if job not in self._kept:
            self._kept[job] = self._beside.submit(self._made, job)
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(job)
        return self._kept[job]

    def walk(self, schema: str | None, *, thoughts: Thoughts | None = None) -> Walk:
        """The same, waited for. Raises NotKeepable."""
        return walk_of(self.begin(schema, thoughts=thoughts))

    def close(self) -> None:
        """Nothing is begun any more; what is being made just now is waited for."""
        self._beside.shutdown(wait=True, cancel_futures=True)
        if self._child is not None:
            self._child.close()
            self._child = None

    def _made(self, job: Job) -> Walk | Refused:
        if self._child is None:
            self._child = LimitedChild(_CHILD)
        try:
            data = self._child.ask(msgspec.msgpack.encode(job))
        except ChildDied:
            return Refused(reason="the schema takes too long to read")
        answer = msgspec.msgpack.decode(data, type=Made | Refused)
        return answer if isinstance(answer, Refused) else Walk(answer.network)


def walk_of(making: Making) -> Walk:
    """What was made, waited for if it must be. Raises NotKeepable."""
    found = making.result()
    if isinstance(found, Refused):
        raise NotKeepable(found.reason)
    return found
