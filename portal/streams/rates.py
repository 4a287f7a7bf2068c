"""Counting in Redis, by the library `limits`: atomic, and shared by all processes (A2, A3).

For what may be forgotten when Redis is: requests a minute. Not for how many anybody may have, nor
for tokens, which the database counts: those are in accounts/.
"""

import math
import time
from functools import lru_cache

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from portal.streams.connection import client

_PREFIX = "portal:limits"


def take(what: str, who: str, *, most_a_minute: int) -> int | None:
    """Count one more of `what`. None when it was within the limit, else seconds until one is."""
    item = RateLimitItemPerMinute(most_a_minute, namespace=what)
    limiter = SlidingWindowCounterRateLimiter(_storage(settings.PORTAL.redis_url))
    if limiter.hit(item, who):
        return None
    reset_at = limiter.get_window_stats(item, who).reset_time
    return max(1, math.ceil(reset_at - time.time()))


@lru_cache(maxsize=8)
def _storage(_url: str) -> RedisStorage:
    # With our pool, so with our time limits: a Redis that hangs holds up nobody for long.
    return RedisStorage("redis://", connection_pool=client().connection_pool, key_prefix=_PREFIX)
