"""Which kinds of jobs there are, and the function that does each. Not for running them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from portal.catalog.jobs.running import Running

Verb = Literal["add", "change", "delete"]
Work = Callable[["Running"], None]

# Where the function of a kind stands. Imported when the first job of that kind is asked for.
MODULES = {
    "import": "portal.catalog.coming.taking_in",
    "pull": "portal.catalog.jobs.pulling",
    "push": "portal.catalog.jobs.pushing",
    "create": "portal.catalog.making.working",
    "upload": "portal.catalog.uploads.taking_in",
    "convert": "portal.catalog.converting.taking_in",
}


class NoSuchKind(LookupError):
    """A job of a kind that nobody can do."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is done, and the right that asking for it takes."""

    name: str
    work: Work
    verb: Verb


def works_on(name: str, *, verb: Verb = "add") -> Callable[[Work], Work]:
    """Registers `def work(running: Running) -> None` for jobs of this kind.

    It is called in a background process, again after each death of its worker, so every step must
    be safe to repeat. Returning means done; raising `JobFailed`, or an error that
    `failures.failure_of` knows, means failed. It calls `running.raise_if_unwanted()` every second
    or so, and lets what that raises pass through. The module's path goes into `MODULES`.
    """

    def register(work: Work) -> Work:
        _KINDS[name] = Kind(name, work, verb)
        return work

    return register


def kind_of(name: str) -> Kind:
    if name not in _KINDS and name in MODULES:
        import_module(MODULES[name])
    if name not in _KINDS:
        raise NoSuchKind(name)
    return _KINDS[name]


_KINDS: dict[str, Kind] = {}
