"""How many processor cores this process may compute on."""

import os

import psutil

from inference import quotas


def physical_cores() -> int:
    """Real cores, not their second threads, as far as this process is allowed on them.

    Threads beyond the time that a container is given would stop all the others again and again.
    """
    allowed = len(os.sched_getaffinity(0))
    cores = min(psutil.cpu_count(logical=False) or allowed, allowed)
    return max(1, int(min(cores, quotas.processors() or cores)))
