"""What people are told when the model folder cannot be changed, before anything is.

Not for jobs: what stops those is kept and told later, by jobs/failures.py.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils.translation import gettext_lazy as _

from portal.catalog import queries
from portal.catalog.storage import reasons
from portal.catalog.storage.store import NoSpace, Store
from portal.chat.errors import Unavailable

UNCHANGEABLE = _(
    "The model folder cannot be changed: %(reason)s. Nothing was changed. Look at the disk and at"
    " the rights on that folder, or ask whoever runs the portal; then try again."
)


def store_for_changing() -> Store:
    """The store, in which something may be changed at this moment. `Unavailable` when not: the
    folder is another user's, everyone's, or on a disk that is full or may only be read."""
    store = queries.open_store()
    with told(), store.locked():
        pass
    return store


@contextmanager
def told() -> Iterator[None]:
    """What the disk refuses becomes a sentence for whoever asked."""
    try:
        yield
    except NoSpace:
        raise _unchangeable(os.strerror(errno.ENOSPC)) from None
    except OSError as error:
        raise _unchangeable(error.strerror or "unknown error") from error


def _unchangeable(reason: str) -> Unavailable:
    return Unavailable(UNCHANGEABLE % {"reason": reasons.shown(reason)})
