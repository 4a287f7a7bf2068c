"""Whether the portal can answer people at this moment. Looks only; repairs nothing."""

import asyncio
from dataclasses import dataclass
from typing import cast

from inference import protocol
from portal.streams import requests
from portal.streams.connection import AWAY, async_client
from portal.streams.news import BEAT
from portal.streams.trials import FIRST_CHECK

LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`reason` is empty when all is well. `hosts` are the worker hosts that reported lately."""

    reason: str = ""
    detail: str = ""
    hosts: tuple[protocol.HostState, ...] = ()

    @property
    def is_well(self) -> bool:
        return not self.reason


async def look() -> Health:
    """Answers within `LOOK_SECONDS`, whatever hangs (threat G7)."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _look()
    except AWAY as error:
        return Health(reason="queue", detail=f"Redis does not answer: {type(error).__name__}")


async def _look() -> Health:
    redis = async_client()
    beat, first_check = await redis.mget([BEAT, FIRST_CHECK])
    if not beat:
        return Health(reason="recorder", detail="the recorder has not reported for some seconds")
    names = sorted(str(cast(bytes, name), "utf-8") for name in await redis.smembers(protocol.HOSTS))
    answers = await redis.mget([protocol.host_key(name) for name in names]) if names else []
    hosts = tuple(requests.decode_hosts(cast(list[bytes | None], answers)))
    if not hosts:
        return Health(reason="worker", detail="no worker host has reported for some seconds")
    if all(host.trouble for host in hosts):
        return Health(reason="gpu", detail="the graphics card does not answer", hosts=hosts)
    if first_check:
        return Health(reason="model", detail="the first model is being checked", hosts=hosts)
    return Health(hosts=hosts)
