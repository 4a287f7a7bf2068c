"""Putting a generation on the fair queue of its model, and taking it back. Not for reading
answers."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from inference import protocol
from portal import faults
from portal.streams.connection import AWAY, Client, async_client, client

log = logging.getLogger(__name__)

LISTENING_SECONDS = 15
STOP_SECONDS = 24 * 3600
# Lanes never mix: every person's turn comes before any API turn (in one queue, at one moment).
LANE_WIDTH = 10**12
# What one request costs in virtual time. Below one whole unit, the order of arrival decides; so
# much of it, and no more, survives beside a lane in the score's 53 bits.
TURN = 1_000

# Start-time fair queueing. A person's next request begins at the later of "now" (the virtual time
# of the request taken last) and the end of her last one, so ten requests of one person stand
# behind the first of each of nine others (threat F11). Refuses, by returning 0, an attempt that
# somebody holds or that has already written: so it may be called again at any time.
_SUBMIT = """
if tonumber(ARGV[10]) > 0 then redis.call('SET', KEYS[11], '1', 'EX', ARGV[10]) end
local attempt = tonumber(ARGV[5])
local lease = redis.call('GET', KEYS[6])
if lease then
  local held = tonumber(string.match(lease, '^(%d+):'))
  if held and held >= attempt then return 0 end
end
local newest = redis.call('XREVRANGE', KEYS[7], '+', '-', 'COUNT', 1)[1]
if newest then
  local a, n = string.match(newest[1], '^(%d+)-(%d+)$')
  a, n = tonumber(a), tonumber(n)
  if a > attempt or (a == attempt and n > 0) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('SADD', KEYS[8], ARGV[3])
if not redis.call('ZSCORE', KEYS[3], ARGV[4]) then
  if redis.call('ZCARD', KEYS[3]) == 0 then redis.call('DEL', KEYS[5]) end
  local start = math.floor(tonumber(redis.call('GET', KEYS[4]) or '0') % tonumber(ARGV[9]))
  local tie = 0
  if attempt == 1 then
    local finish = tonumber(redis.call('HGET', KEYS[5], ARGV[7]) or '0')
    if finish > start then start = finish end
    redis.call('HSET', KEYS[5], ARGV[7], string.format('%.0f', start + tonumber(ARGV[8])))
    tie = redis.call('HINCRBY', KEYS[5], 'arrivals', 1) % 4000 * 0.00025
  end
  local score = string.format('%.17g', tonumber(ARGV[6]) + start + tie)
  redis.call('ZADD', KEYS[3], score, ARGV[4])
end
redis.call('XADD', KEYS[9], 'MAXLEN', '~', 1000, '*', 'queue', ARGV[3])
redis.call('XADD', KEYS[10], 'MAXLEN', '~', 10000, '*', 'generation', ARGV[4])
return 1
"""


def submit(request: protocol.Request, *, is_listened_to: bool = False) -> bool:
    """Queue this attempt and wake a supervisor. False when it is already held or has begun.

    `is_listened_to` also says that an API client is there, as `begin_listening` does.

    Called after the commit, and again by the sweep whenever a row looks forgotten. When Redis is
    away this raises nothing: the row is the truth, and the sweep will come back.
    """
    try:
        return submit_or_raise(request, is_listened_to=is_listened_to)
    except AWAY as error:
        log.warning("request %s not queued yet: %s", request.generation_id, type(error).__name__)
        return False


def submit_or_raise(request: protocol.Request, *, is_listened_to: bool = False) -> bool:
    queue = request.model.queue
    keys = [
        protocol.request_key(request.generation_id),
        protocol.spec_key(queue),
        protocol.queue_key(queue),
        protocol.virtual_time_key(queue),
        _finishes_key(queue),
        protocol.lease_key(request.generation_id),
        protocol.events_key(request.generation_id),
        protocol.QUEUES,
        protocol.WANTED,
        protocol.NEWS,
        protocol.listening_key(request.generation_id),
    ]
    arguments = [
        protocol.encode(request),
        protocol.encode(request.model),
        queue,
        str(request.generation_id),
        request.attempt,
        protocol.LANES.index(request.lane) * LANE_WIDTH,
        request.person,
        TURN / request.weight,
        LANE_WIDTH,
        LISTENING_SECONDS if is_listened_to else 0,
    ]
    queued = bool(client().eval(_SUBMIT, len(keys), *keys, *arguments))
    faults.at("request.published")
    return queued


def withdraw(generation_id: UUID, *, queue: str) -> bool:
    """Take it out of the queue. True when it was still there, so nobody has it and nobody will."""
    with client().pipeline(transaction=True) as pipeline:
        pipeline.zrem(protocol.queue_key(queue), str(generation_id))
        pipeline.delete(protocol.request_key(generation_id))
        removed, _ = pipeline.execute()
    return bool(removed)


def request_stop(generation_id: UUID) -> None:
    """Ask whoever holds it, now or later, to stop. Harmless when nobody does, or twice."""
    with client().pipeline(transaction=False) as pipeline:
        pipeline.set(protocol.stop_key(generation_id), "1", ex=STOP_SECONDS)
        pipeline.xadd(protocol.CONTROL, {"stop": str(generation_id)}, maxlen=1000, approximate=True)
        pipeline.execute()


def waiting(queue: str) -> int:
    """How many requests stand in this queue."""
    return int(client().zcard(protocol.queue_key(queue)))


def position(generation_id: UUID, *, queue: str) -> int | None:
    """1 is next. None when it is not in the queue."""
    rank = client().zrank(protocol.queue_key(queue), str(generation_id))
    return None if rank is None else int(rank) + 1


async def keep_listening(generation_id: UUID) -> None:
    """An API client is still there; say so at least every few seconds (threat F13)."""
    await async_client().set(protocol.listening_key(generation_id), "1", ex=LISTENING_SECONDS)


def begin_listening(generation_id: UUID) -> None:
    """As `keep_listening`, from a thread; nothing happens when Redis is away."""
    try:
        client().set(protocol.listening_key(generation_id), "1", ex=LISTENING_SECONDS)
    except AWAY as error:
        log.warning("listening %s not marked: %s", generation_id, type(error).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Who has a generation, as far as Redis knows."""

    is_queued: bool
    is_leased: bool
    is_stopping: bool
    is_listened_to: bool


def holds(queues: Mapping[UUID, str]) -> dict[UUID, Hold]:
    """For each generation id with the name of its queue. One round trip."""
    with client().pipeline(transaction=False) as pipeline:
        for generation_id, queue in queues.items():
            pipeline.zscore(protocol.queue_key(queue), str(generation_id))
            pipeline.exists(protocol.lease_key(generation_id))
            pipeline.exists(protocol.stop_key(generation_id))
            pipeline.exists(protocol.listening_key(generation_id))
        answers = iter(pipeline.execute())
    return {
        generation_id: Hold(
            is_queued=next(answers) is not None,
            is_leased=bool(next(answers)),
            is_stopping=bool(next(answers)),
            is_listened_to=bool(next(answers)),
        )
        for generation_id in queues
    }


def release(generation_id: UUID) -> None:
    """Drop the lease of a runner that is gone, so that the next attempt can be taken at once."""
    client().delete(protocol.lease_key(generation_id))


def host_states() -> list[protocol.HostState]:
    """Every supervisor that reported in the last few seconds."""
    hosts = [str(host, "utf-8") for host in client().smembers(protocol.HOSTS)]
    if not hosts:
        return []
    return decode_hosts(client().mget([protocol.host_key(host) for host in sorted(hosts)]))


def decode_hosts(answers: Iterable[bytes | None]) -> list[protocol.HostState]:
    """What can be read; a host that speaks another version is passed over."""
    states = []
    for answer in answers:
        if answer is None:
            continue
        try:
            states.append(protocol.decode_host(answer))
        except protocol.ProtocolError:
            log.warning("a worker is passed over: it speaks another version of the contract")
    return states


class Deaths:
    """The reaper's end of the deaths stream: each entry is forgotten once it has been acted
    upon."""

    def __init__(self, redis: Client | None = None) -> None:
        self._redis = redis

    def unread(self, *, at_most: int = 100) -> list[tuple[bytes, protocol.Death]]:
        """Oldest first. What cannot be decoded goes to the dead letters and is not returned."""
        redis = self._redis or client()
        deaths = []
        for entry_id, fields in redis.xrange(protocol.DEATHS, count=at_most):
            try:
                deaths.append((entry_id, protocol.decode_death(fields[protocol.DEATH_FIELD])))
            except (protocol.ProtocolError, KeyError):
                self._bury(entry_id)
        return deaths

    def forget(self, entry_id: bytes) -> None:
        (self._redis or client()).xdel(protocol.DEATHS, entry_id)

    def _bury(self, entry_id: bytes) -> None:
        redis = self._redis or client()
        redis.xadd(
            protocol.DEAD_LETTERS,
            {"from": protocol.DEATHS, "reason": "undecodable"},
            maxlen=1000,
            approximate=True,
        )
        redis.xdel(protocol.DEATHS, entry_id)


def _finishes_key(queue: str) -> str:
    # Hash: person → the virtual time at which her last request here ends. Emptied with the queue.
    return f"portal:finishes:{queue}"
