"""Pictures on their way into prompts: one thread looks at them while the engine goes on.

First a look, which tells the tokens that stand for a picture, so that the prompt can be made; later
a close one, which takes long, of those that are not remembered from before. Not for picture files
or projectors, nor for who runs.
"""

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Sequence as List
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from inference.engine.beside import Beside, Done, NewExecutor, one_thread
from inference.engine.pictures.reading import BadPicture, PictureReader
from inference.engine.pictures.seen import Eyes, Seen, Unseeable
from inference.engine.sequence import Sequence

_BLIND = "this model sees no pictures"


@dataclass(frozen=True, slots=True)
class Unseen:
    """A sequence that must end, and in which words."""

    sequence: Sequence
    words: str


class Seeing:
    """`eyes` None: whoever brings pictures is refused.

    `about_to_look` hears whose picture is looked at, before anything is done for it.
    """

    def __init__(
        self,
        eyes: Eyes | None,
        *,
        about_to_look: Callable[[Sequence], None],
        new_executor: NewExecutor = one_thread,
    ) -> None:
        self._eyes = eyes
        self._about_to_look = about_to_look
        self._reader = PictureReader()
        # A first look gives what was seen, a close one nothing that is kept here.
        self._beside: Beside[Seen | None] = Beside(new_executor("seeing"))
        self._served: defaultdict[str, float] = defaultdict(float)

    @property
    def sequence(self) -> Sequence | None:
        """Whose picture is being looked at: if the process dies now, it may be to blame."""
        return self._beside.sequence

    @property
    def results(self) -> List[Future[Any]]:
        """To wait for: what is being looked at, if anything is."""
        return self._beside.results

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
        if self._beside.sequence is None:
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

    def forget(self, sequence: Sequence) -> None:
        """It leaves. What is being looked at cannot be interrupted, and is thrown away then."""
        if not self._beside.forget(sequence):
            _close(sequence)

    def close(self) -> None:
        """Returns when nothing is being looked at any more."""
        self._beside.close()
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
        self._served[best.person] += 1 / best.weight
        image, span = _next_image(best), best.awaited_span
        self._about_to_look(best)
        if image is not None:
            self._beside.begin(best, partial(self._look, image))
        elif span is not None:
            self._beside.begin(best, span.encode)

    def _finished(self) -> list[Unseen]:
        """What was being looked at, if that is over, goes to its sequence."""
        done = self._beside.finished()
        if done is None:
            return []
        unseen = _taken(done)
        if not done.is_wanted:
            _close(done.sequence)
        return unseen if done.is_wanted else []

    def _look(self, image: bytes) -> Seen:
        if self._eyes is None:
            raise Unseeable(_BLIND)
        return self._eyes.look(self._reader.read(image))


def _taken(done: Done[Seen | None]) -> list[Unseen]:
    try:
        seen = done.result.result()
    except (BadPicture, Unseeable) as error:
        return [Unseen(done.sequence, str(error))]
    if seen is not None:
        done.sequence.pictures = (*done.sequence.pictures, seen)
    return []


def _next_image(sequence: Sequence) -> bytes | None:
    """The first of its pictures that nobody has had a look at yet."""
    images = (image for message in sequence.request.messages for image in message.images)
    return next(islice(images, len(sequence.pictures), None), None)


def _close(sequence: Sequence) -> None:
    for seen in sequence.pictures:
        seen.close()
