"""The portal's connections to Redis, each call with a time limit. Knows no key and no meaning."""

import asyncio
import weakref
from functools import lru_cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

CONNECT_SECONDS = 2.0
# Longer than any block we ask for, or an idle wait would look like a dead server.
ANSWER_SECONDS = 4.0
MAX_BLOCK_SECONDS = 2.0

# What an `except` names when Redis is away, full, loading, or refuses to write.
AWAY = (RedisError, OSError)
Refused = ResponseError

# redis-py's types allow for every protocol version and every decoding at once; ours are fixed, and
# whoever asks knows what comes.
Client = Any
AsyncClient = Any


def client() -> Client:
    """For threads and commands; one pool a process."""
    return _client(settings.PORTAL.redis_url)


def async_client() -> AsyncClient:
    """For coroutines; one pool an event loop."""
    loop = asyncio.get_running_loop()
    of_this_loop = _async_clients.setdefault(loop, {})
    url = settings.PORTAL.redis_url
    if url not in of_this_loop:
        of_this_loop[url] = redis.asyncio.Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            protocol=2,
            # Once more on a connection that died while it lay in the pool. Every script and every
            # numbered XADD of ours may be repeated.
            retry=AsyncRetry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        )
    return of_this_loop[url]


def lone_client() -> AsyncClient:
    """One connection of its own that is never repeated silently, so its CLIENT ID stays true."""
    return redis.asyncio.Redis.from_url(
        settings.PORTAL.redis_url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        protocol=2,
        single_connection_client=True,
        retry=AsyncRetry(NoBackoff(), 0),
    )


async def close() -> None:
    """Give back this loop's connections. The next `async_client` opens new ones."""
    of_this_loop = _async_clients.pop(asyncio.get_running_loop(), {})
    for each in of_this_loop.values():
        await each.aclose()


@lru_cache(maxsize=8)
def _client(url: str) -> Client:
    return redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        protocol=2,
        retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
    )


_async_clients: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncClient]]" = (
    weakref.WeakKeyDictionary()
)
