"""Asks a portal whether it is healthy, over HTTP, as any monitor would. No Django."""

import asyncio
import contextlib
import http.client
import json
import sys
from collections.abc import Callable, Mapping

from portal import configuration

LOOK_EVERY_SECONDS = 0.1


def reachable(host: str) -> str:
    """The address to type for a bind address: `0.0.0.0` is nowhere one can go."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def health(
    host: str, port: int, *, headers: Mapping[str, str] | None = None, timeout_seconds: float = 2.0
) -> str | None:
    """None when healthy, otherwise the reason in a few words."""
    connection = http.client.HTTPConnection(
        reachable(host).strip("[]"), port, timeout=timeout_seconds
    )
    try:
        connection.request("GET", "/healthz", headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read(10_000)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {type(error).__name__}"
    finally:
        connection.close()
    if answer.status == 200:
        return None
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}"


async def first_health(host: str, port: int, *, within_seconds: float) -> str | None:
    """Wait until it is healthy: None. The last reason when it is not within that time."""
    reason: str | None = "not asked"

    def is_healthy() -> bool:
        nonlocal reason
        reason = health(host, port)
        return reason is None

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_seconds):
            await until(is_healthy, every_seconds=LOOK_EVERY_SECONDS)
    return reason


async def until(is_so: Callable[[], bool], *, every_seconds: float) -> None:
    """Look in a thread, again and again; the caller bounds it with `asyncio.timeout`."""
    while True:
        if await asyncio.to_thread(is_so):
            return
        await asyncio.sleep(every_seconds)


def main() -> int:
    """For a container's health check: asks the web process next door as its proxy would."""
    settings = configuration.read()
    headers = {"X-Forwarded-Proto": "https"}
    if settings.hosts:
        headers["Host"] = settings.hosts[0]
    reason = health("127.0.0.1", settings.bind_port, headers=headers)
    sys.stderr.write(f"{reason}\n" if reason else "")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main())
