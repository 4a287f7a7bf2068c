"""Models that somebody wants in memory before she asks anything: saying so, and how it stands.

Not for requests (`requests.py`), and not for who may want what.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from inference import protocol
from portal.streams.connection import AWAY, async_client, client
from portal.streams.requests import decode_hosts

log = logging.getLogger(__name__)

# Longer than anybody needs to say it again, and soon over when nobody does.
WANTED_SECONDS = 10
REFUSAL_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far it is. `refusal` is why no worker can load it, as an `End` would say it, or empty."""

    is_ready: bool = False
    progress: float | None = None
    refusal: str = ""


async def begin(spec: protocol.ModelSpec, *, model_name: str) -> None:
    """What was said of it to others is forgotten: it is tried anew, or said again."""
    await async_client().delete(_refusal_key(spec.queue))
    await want(spec, model_name=model_name)


async def want(spec: protocol.ModelSpec, *, model_name: str) -> None:
    """Somebody still wants it; say so every second or so."""
    async with async_client().pipeline(transaction=True) as pipeline:
        pipeline.set(protocol.spec_key(spec.queue), protocol.encode(spec))
        pipeline.set(protocol.awaited_key(spec.queue), model_name, ex=WANTED_SECONDS)
        pipeline.sadd(protocol.QUEUES, spec.queue)
        pipeline.xadd(protocol.WANTED, {"queue": spec.queue}, maxlen=1000, approximate=True)
        await pipeline.execute()


async def end(queue: str) -> None:
    """One no longer wants it. Others say again that they do; without Redis it ends by itself."""
    with suppress(*AWAY):
        await async_client().delete(protocol.awaited_key(queue))


async def standing(queue: str) -> Standing:
    """How far it is on the host that is furthest."""
    redis = async_client()
    hosts = sorted(str(host, "utf-8") for host in await redis.smembers(protocol.HOSTS))
    keys = [_refusal_key(queue), *(protocol.host_key(host) for host in hosts)]
    refusal, *states = await redis.mget(keys)
    return _standing(decode_hosts(states), queue=queue, refusal=str(refusal or b"", "ascii"))


def note_refusal(queue: str, detail: str) -> None:
    """No worker can load it: tell whoever waits for that. `detail` is one of the protocol's."""
    try:
        client().set(_refusal_key(queue), detail, ex=REFUSAL_SECONDS)
    except AWAY as error:
        log.warning("those who wait for a model are not told: %s", type(error).__name__)


def _standing(states: Iterable[protocol.HostState], *, queue: str, refusal: str) -> Standing:
    runners = [each for state in states for each in state.runners if each.queue == queue]
    if any(each.state == "ready" for each in runners):
        return Standing(is_ready=True)
    loading = [each.progress for each in runners if each.state == "loading"]
    return Standing(progress=max(loading, default=None), refusal=refusal)


def _refusal_key(queue: str) -> str:
    return f"portal:not-loaded:{queue}"
