"""How many processor cores this process may compute on."""

import os

import psutil


def physical_cores() -> int:
    """Real cores, not their second threads, as far as this process is allowed on them."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))
