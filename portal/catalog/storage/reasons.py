"""Why a disk refuses, in the reader's language. Not for what else happened: callers say that."""

from django.utils.translation import gettext, gettext_noop

# What systems say, in lower case, and what the store says.
_KNOWN = frozenset(
    {
        gettext_noop("a link where a folder should be"),
        gettext_noop("disk quota exceeded"),
        gettext_noop("everyone may write here"),
        gettext_noop("input/output error"),
        gettext_noop("no space left on device"),
        gettext_noop("permission denied"),
        gettext_noop("read-only file system"),
        gettext_noop("too many open files"),
    }
)


def shown(reason: str) -> str:
    """Other words than the known ones stay as they are."""
    lowered = reason.lower()
    return gettext(lowered) if lowered in _KNOWN else reason
