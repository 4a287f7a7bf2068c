"""Ending tasks for certain. Not for starting them: whoever starts a task keeps it and ends it."""

import asyncio

AGAIN_SECONDS = 0.05


async def end(*tasks: "asyncio.Task[None] | None") -> None:
    """Cancel these and wait until they are gone. What they raised stays with whoever awaits them.

    More than once, since before Python 3.12 `asyncio.wait_for`, which lies below every call to
    Redis, loses a cancellation that arrives together with the answer.
    """
    pending = {task for task in tasks if task is not None and not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)


def end_if_cancelled() -> None:
    """For loops that ask Redis: its client may have swallowed a cancellation of this task.

    In Python 3.11 `wait_for`, which it sends with, loses one that comes together with its result.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
