"""The portal's connections to Redis, each call with a time limit. Knows no key and no meaning."""

import asyncio
import math
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import hiredis
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


class Line:
    """One connection, for one coroutine at a time, that is never opened again silently: after any
    failure it is of no more use, and its CLIENT ID stays true until then.

    Without redis-py's client around it, which makes a task of every call, and times, counts and
    repeats it: for whoever asks the same again and again, many times a second.
    """

    def __init__(self) -> None:
        pool: Any = redis.asyncio.ConnectionPool.from_url(
            settings.PORTAL.redis_url,
            socket_connect_timeout=CONNECT_SECONDS,
            protocol=2,
            retry=AsyncRetry(NoBackoff(), 0),
        )
        self._connection = pool.make_connection()
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._connection.connect()

    async def ask(self, *words: str | bytes | int) -> Any:
        """The answer as the server wrote it; raises what `AWAY` names."""
        if not (self._is_open and self._connection.is_connected):
            raise NotConnected("this line was closed")
        packed = _packed(words)
        async with asyncio.timeout(ANSWER_SECONDS):
            # Its own time limits make a task of every call; one limit around both is enough.
            await self._connection.send_packed_command(packed, check_health=False)
            return await self._connection.read_response(timeout=math.inf)

    async def close(self) -> None:
        """Again is harmless."""
        self._is_open = False
        await self._connection.disconnect(nowait=True)


async def close() -> None:
    """Give back this loop's connections. The next `async_client` opens new ones."""
    of_this_loop = _async_clients.pop(asyncio.get_running_loop(), {})
    for each in of_this_loop.values():
        await each.aclose()


# Its types know of commands of one word only.
_packed: Callable[[tuple[str | bytes | int, ...]], bytes] = cast(Any, hiredis.pack_command)


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
