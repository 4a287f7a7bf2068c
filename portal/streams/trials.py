"""The portal's end of trials: asking a worker to try a model's file, and hearing how it went.

Knows no row and decides nothing: `portal/catalog/trying/trials.py` does.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inference import protocol
from portal import clock
from portal.streams.connection import AWAY, async_client, client

log = logging.getLogger(__name__)

ASKED_SECONDS = 24 * 3600
# While this is there, not one model could answer yet, and the first is on its way.
FIRST_CHECK = "portal:first-check"
FIRST_CHECK_SECONDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a trial stands. `verdict` None: there is none yet."""

    is_waiting: bool
    is_tried_now: bool
    verdict: protocol.Verdict | None


def ask(spec: protocol.ModelSpec) -> bool:
    """Let a worker try this. False while Redis is away: whoever asked will ask again."""
    queue = spec.queue
    try:
        with client().pipeline(transaction=True) as pipeline:
            trial = protocol.encode(protocol.Trial(spec=spec))
            pipeline.set(protocol.trial_key(queue), trial, ex=ASKED_SECONDS)
            pipeline.delete(protocol.verdict_key(queue))
            pipeline.zadd(protocol.TRIALS, {queue: clock.now().timestamp()}, nx=True)
            pipeline.execute()
    except AWAY as error:
        log.warning("a trial is not asked for yet: %s", type(error).__name__)
        return False
    return True


async def is_anybody_there() -> bool:
    """Whether a worker runs, who could try something."""
    redis = async_client()
    hosts = [str(host, "utf-8") for host in await redis.smembers(protocol.HOSTS)]
    return bool(hosts) and bool(await redis.exists(*map(protocol.host_key, hosts)))


def places(queues: Iterable[str]) -> Mapping[str, Place]:
    """One round trip for all of them."""
    wanted = list(queues)
    with client().pipeline(transaction=False) as pipeline:
        for queue in wanted:
            pipeline.zscore(protocol.TRIALS, queue)
            pipeline.exists(protocol.trying_key(queue))
            pipeline.get(protocol.verdict_key(queue))
        answers = iter(pipeline.execute())
    return {
        queue: Place(
            is_waiting=next(answers) is not None,
            is_tried_now=bool(next(answers)),
            verdict=_verdict(next(answers), queue=queue),
        )
        for queue in wanted
    }


def forget(queue: str) -> None:
    """The verdict was acted upon."""
    client().delete(protocol.verdict_key(queue), protocol.trial_key(queue))


def note_first_check(*, is_under_way: bool) -> None:
    """For the health page: nobody can be answered until this is over."""
    if is_under_way:
        client().set(FIRST_CHECK, "1", ex=FIRST_CHECK_SECONDS)
    else:
        client().delete(FIRST_CHECK)


def _verdict(data: bytes | None, *, queue: str) -> protocol.Verdict | None:
    if data is None:
        return None
    try:
        verdict = protocol.decode_verdict(data)
    except protocol.ProtocolError:
        log.warning("a verdict could not be read")
        return None
    return verdict if verdict.queue == queue else None
