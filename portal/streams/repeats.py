"""Equal requests that come while the first still waits are one (threat F25). Not for rights.

A client that heard nothing for a while asks again, and what stands before us may have hung up on it
without a word. Redis knows which press of a button a place belongs to, and how many read what came
of it. Losing that costs work done twice, and nothing else.
"""

import logging
from dataclasses import dataclass
from uuid import UUID, uuid4

from inference import protocol
from portal.streams.connection import AWAY, client
from portal.streams.transcript import read_event

log = logging.getLogger(__name__)

# How long after the first one a repeat may come.
REPEATS_SECONDS = 300
# Longer than any answer is waited for and written.
READERS_SECONDS = 3 * 3600

# The press that stands at this place, unless it is `ARGV[2]`: then, as where nothing stands, ours.
_JOIN = """
local press = redis.call('GET', KEYS[1])
if not press or press == ARGV[2] then
  press = ARGV[1]
  redis.call('SET', KEYS[1], press, 'EX', ARGV[3])
end
local readers = 'portal:readers:' .. press
redis.call('INCR', readers)
redis.call('EXPIRE', readers, ARGV[4])
return press
"""

# 1 when nobody reads it any more; nobody joins it then.
_LEAVE = """
if redis.call('DECR', KEYS[2]) > 0 then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press of a button, which several requests may share. `place` is what they asked."""

    place: str
    key: UUID
    is_first: bool = True


def join(place: str, *, after: Press | None = None) -> Press:
    """The press that waits at this place, or a new one. `after` is one that cannot be joined."""
    new = uuid4()
    try:
        found = client().eval(
            _JOIN,
            1,
            _place_key(place),
            *(str(new), str(after.key) if after else ""),
            *(REPEATS_SECONDS, READERS_SECONDS),
        )
    except AWAY as error:
        log.warning("a request is not looked for among others: %s", type(error).__name__)
        return Press(place=place, key=new)
    key = UUID(str(found, "ascii"))
    return Press(place=place, key=key, is_first=key == new)


def leave(press: Press) -> bool:
    """One reader less. True when that was the last."""
    keys = (_place_key(press.place), f"portal:readers:{press.key}")
    try:
        return bool(client().eval(_LEAVE, len(keys), *keys, str(press.key)))
    except AWAY as error:
        log.warning("a reader who left is still counted: %s", type(error).__name__)
        return True


def has_said_something(generation_id: UUID) -> bool:
    """Whether anybody could have read a word of it. Unknown counts as yes."""
    try:
        newest = client().xrevrange(protocol.events_key(generation_id), count=1)
    except AWAY:
        return True
    if not newest:
        return False
    return not isinstance(read_event(newest[0][1]), protocol.Taken | protocol.Reading)


def _place_key(place: str) -> str:
    return f"portal:repeat:{place}"
