"""Writing down an end that is already on the stream, without waiting for the recorder.

Somebody who saw the end may act on it at once: her next question must find the whole answer in the
database. Same code, same conditional update as the recorder's; both may come, one wins. Not for
streams with a hole in them: the recorder remembers more than this can read.
"""

import logging
from collections.abc import Iterable

from portal.chat import endings
from portal.chat.models import Generation
from portal.streams import transcript as streams
from portal.streams.connection import AWAY
from portal.streams.transcript import Transcript

log = logging.getLogger(__name__)


def settle(generations: Iterable[Generation]) -> None:
    """End each of these open rows whose stream has ended. When Redis is away, nothing happens."""
    try:
        for generation in generations:
            _settle(generation)
    except AWAY as error:
        log.warning("nothing settled: %s", type(error).__name__)


def transcript_of(generation: Generation) -> Transcript:
    """Where its row left off."""
    return Transcript.at(
        attempt=generation.attempt,
        number=generation.recorded_number,
        text=generation.text,
        thinking=generation.thinking,
    )


def _settle(generation: Generation) -> None:
    transcript = transcript_of(generation)
    streams.read_on(generation.id, transcript)
    if transcript.end is not None and not transcript.is_broken:
        endings.end(generation.id, transcript)
