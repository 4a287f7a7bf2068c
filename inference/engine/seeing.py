"""Pictures on their way into prompts: one thread looks at them while the engine goes on.

First a look, which tells the tokens that stand for a picture, so that the prompt can be made; later
a close one, which takes long, of those that are not remembered from before. Not for picture files
or projectors, nor for who runs.
"""

from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as List
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from inference.engine.pictures.reading import BadPicture, PictureReader
from inference.engine.pictures.seen import Eyes, Seen, Span, Unseeable
from inference.engine.sequence import Sequence

_MOMENT_SECONDS = 0.05
_BLIND = "this model sees no pictures"


@dataclass(frozen=True, slots=True)
class Unseen:
    """A sequence that must end, and in which words."""

    sequence: Sequence
    words: str


@dataclass(frozen=True, slots=True)
class _Work:
    """`span` None: a first look at all pictures of the sequence."""

    sequence: Sequence
    span: Span | None
    result: "Future[tuple[Seen, ...]]"


class Seeing:
    """`eyes` None: whoever brings pictures is refused.

    `about_to_look` hears whose picture is looked at, before anything is done for it.
    """

    def __init__(self, eyes: Eyes | None, *, about_to_look: Callable[[Sequence], None]) -> None:
        self._eyes = eyes
        self._about_to_look = about_to_look
        self._reader = PictureReader()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="seeing")
        self._work: _Work | None = None
        self._is_unwanted = False
        self._served: Counter[str] = Counter()

    @property
    def sequence(self) -> Sequence | None:
        """Whose picture is being looked at: if the process dies now, it may be to blame."""
        return None if self._work is None else self._work.sequence

    def is_awaited(self, sequence: Sequence) -> bool:
        """Whether its prompt cannot be made yet."""
        return not sequence.pictures and any(m.images for m in sequence.request.messages)

    def runnable(self, running: List[Sequence]) -> list[Sequence]:
        """Who may run beside what is being looked at. A suspect is always alone with its fault."""
        doing = self.sequence
        if doing is not None and (doing.is_suspect or any(s.is_suspect for s in running)):
            return []
        return [sequence for sequence in running if not sequence.is_blocked]

    def go_on(self, waiting: List[Sequence], *, running: List[Sequence]) -> list[Unseen]:
        """Take what is done and begin what is next: first looks first, they are quick.

        Returns who cannot be answered.
        """
        failed = self._finished()
        if self._eyes is None:
            return [*failed, *(Unseen(s, _BLIND) for s in waiting if self.is_awaited(s))]
        if self._work is None:
            gone = [unseen.sequence for unseen in failed]
            suspects = [s for s in running if s.is_suspect and not s.is_blocked]
            self._begin_next(
                [
                    s
                    for s in [*waiting, *running]
                    if s not in gone and (s.is_suspect or not suspects)
                ]
            )
        return failed

    def wait(self) -> None:
        """Until what is being looked at is done, a moment at most: news from outside is heard."""
        if self._work is not None:
            wait([self._work.result], timeout=_MOMENT_SECONDS)

    def forget(self, sequence: Sequence) -> None:
        """It leaves. What is being looked at cannot be interrupted, and is thrown away then."""
        if self._work is not None and self._work.sequence is sequence:
            self._is_unwanted = True
        else:
            _close(sequence)

    def close(self) -> None:
        """Returns when nothing is being looked at any more."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._finished()
        self._reader.close()

    def _begin_next(self, aboard: List[Sequence]) -> None:
        looks = [s for s in aboard if self.is_awaited(s)]
        closer = [s for s in aboard if s.slot is not None and s.awaited_span is not None]
        chosen = looks or closer
        if not chosen:
            self._served.clear()
            return
        best = min(chosen, key=lambda s: (s.lane, self._served[s.person], s.order))
        self._served[best.person] += 1
        span = None if looks else best.awaited_span
        job = partial(self._look, best) if span is None else partial(_look_closely, span)
        self._about_to_look(best)
        self._work = _Work(best, span, self._thread.submit(job))

    def _finished(self) -> list[Unseen]:
        """What was being looked at, if that is over, goes to its sequence."""
        work = self._work
        if work is None or not work.result.done():
            return []
        self._work, is_unwanted, self._is_unwanted = None, self._is_unwanted, False
        try:
            seen = work.result.result()
        except (BadPicture, Unseeable) as error:
            if not is_unwanted:
                return [Unseen(work.sequence, str(error))]
            seen = ()
        work.sequence.pictures = seen or work.sequence.pictures
        if is_unwanted:
            _close(work.sequence)
        return []

    def _look(self, sequence: Sequence) -> tuple[Seen, ...]:
        if self._eyes is None:
            raise Unseeable(_BLIND)
        found: list[Seen] = []
        try:
            for message in sequence.request.messages:
                for image in message.images:
                    found.append(self._eyes.look(self._reader.read(image)))
        except (BadPicture, Unseeable):
            for seen in found:
                seen.close()
            raise
        return tuple(found)


def _look_closely(span: Span) -> tuple[Seen, ...]:
    span.encode()
    return ()


def _close(sequence: Sequence) -> None:
    for seen in sequence.pictures:
        seen.close()
