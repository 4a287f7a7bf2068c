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
from itertools import islice

from inference.engine.pictures.reading import BadPicture, PictureReader
from inference.engine.pictures.seen import Eyes, Seen, Unseeable
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
    """A first look gives what was seen, a close one nothing that is kept here."""

    sequence: Sequence
    result: "Future[Seen | None]"


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
        return _next_image(sequence) is not None

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
        # One picture at a time, so that somebody with many holds nobody up.
        chosen = looks or closer
        if not chosen:
            self._served.clear()
            return
        best = min(chosen, key=lambda s: (s.lane, self._served[s.person], s.order))
        self._served[best.person] += 1
        image, span = _next_image(best), best.awaited_span
        self._about_to_look(best)
        if image is not None:
            self._work = _Work(best, self._thread.submit(self._look, image))
        elif span is not None:
            self._work = _Work(best, self._thread.submit(span.encode))

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
            seen = None
        if seen is not None:
            work.sequence.pictures = (*work.sequence.pictures, seen)
        if is_unwanted:
            _close(work.sequence)
        return []

    def _look(self, image: bytes) -> Seen:
        if self._eyes is None:
            raise Unseeable(_BLIND)
        return self._eyes.look(self._reader.read(image))


def _next_image(sequence: Sequence) -> bytes | None:
    """The first of its pictures that nobody has had a look at yet."""
    images = (image for message in sequence.request.messages for image in message.images)
    return next(islice(images, len(sequence.pictures), None), None)


def _close(sequence: Sequence) -> None:
    for seen in sequence.pictures:
        seen.close()
