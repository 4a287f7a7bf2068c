"""Names in Redis: all below `portal:`, made of ids and digests, never of people's text (G12).

Not for what stands under a name.
"""

from uuid import UUID

QUEUES = "portal:queues"  # set of queue names that ever had work
WANTED = "portal:wanted"  # stream {queue}: wakes supervisors; trimmed, a wake-up only
CONTROL = "portal:control"  # stream {stop: generation id}: wakes runners; trimmed, a wake-up only
NEWS = "portal:news"  # stream {generation: id}: wakes the recorder; trimmed, a wake-up only
DEATHS = "portal:deaths"  # stream {death: Death}: acted upon once by the reaper
HOSTS = "portal:hosts"  # set of host names that ever reported
DEAD_LETTERS = "portal:dead-letters"  # stream {from, reason}: what could not be decoded

EVENT_FIELD = b"e"
DEATH_FIELD = b"death"


def queue_key(queue: str) -> str:
    """Sorted set: generation id by virtual time, lowest first (DESIGN decision 4)."""
    return f"portal:queue:{queue}"


def virtual_time_key(queue: str) -> str:
    """String: the virtual time of the request taken last."""
    return f"portal:virtual:{queue}"


def spec_key(queue: str) -> str:
    """String: the ModelSpec of this queue."""
    return f"portal:spec:{queue}"


def request_key(generation_id: UUID) -> str:
    """String: the Request, until the recorder has confirmed the end."""
    return f"portal:request:{generation_id}"


def lease_key(generation_id: UUID) -> str:
    """String `attempt:runner`, expiring: who answers now."""
    return f"portal:lease:{generation_id}"


def stop_key(generation_id: UUID) -> str:
    """String: present when somebody pressed Stop; read at taking and at each renewal."""
    return f"portal:stop:{generation_id}"


def events_key(generation_id: UUID) -> str:
    """Stream of this generation. The id of an entry is `attempt-number`.

    Redis accepts only growing ids, so an attempt that was given up cannot write behind the one that
    replaced it: the portal closes attempt N with the id `(N+1)-0`, and a new attempt counts from
    `(N+1)-1`. That is the fence of threat F17.
    """
    return f"portal:events:{generation_id}"


def host_key(host: str) -> str:
    """String: HostState, expiring a few seconds after its supervisor fell silent."""
    return f"portal:host:{host}"


def listening_key(generation_id: UUID) -> str:
    """String, expiring: an API client is still reading. Gone means: stop (threat F13)."""
    return f"portal:listening:{generation_id}"


def awaited_key(queue: str) -> str:
    """String, expiring: the name under which somebody wants this model in memory, and asks nothing.

    It counts as one waiting request. Renewed while she waits.
    """
    return f"portal:awaited:{queue}"


def event_id(attempt: int, number: int) -> str:
    return f"{attempt}-{number}"


def parse_event_id(entry_id: bytes | str) -> tuple[int, int]:
    """(attempt, number). The portal's closing entry of attempt N reads as (N + 1, 0)."""
    text = entry_id.decode("ascii") if isinstance(entry_id, bytes) else entry_id
    attempt, _, number = text.partition("-")
    return int(attempt), int(number)


def lease_value(attempt: int, runner: str) -> str:
    return f"{attempt}:{runner}"
