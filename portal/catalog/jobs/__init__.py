"""Long work on models: asked for, done once in the background, watched by many. See each module.

start, cancel, resume   what people do             (acts.py)
works_on, Running       for whoever adds a kind    (kinds.py, running.py)
JobFailed               why it cannot be finished  (failures.py)
follow, watched         what watchers are told     (following.py)
work, sweep             for background workers     (working.py, sweep.py)
"""

from portal.catalog.jobs.acts import cancel, resume, start
from portal.catalog.jobs.failures import JobFailed, sentence_about
from portal.catalog.jobs.following import Ended, Progress, follow, watched
from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.queries import digests_in_use, open_jobs
from portal.catalog.jobs.running import Running
from portal.catalog.jobs.sweep import sweep
from portal.catalog.jobs.working import work
from portal.streams.jobs import Line

__all__ = [
    "Ended",
    "JobFailed",
    "Line",
    "Progress",
    "Running",
    "cancel",
    "digests_in_use",
    "follow",
    "open_jobs",
    "resume",
    "sentence_about",
    "start",
    "sweep",
    "watched",
    "work",
    "works_on",
]
