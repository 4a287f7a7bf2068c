"""What ends a command with `Error: …` and exit code 1. Not for what a server means by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import ollama

from cli import settings


class Failed(Exception):
    """The command cannot go on. The message is the whole sentence people read."""


class NotFound(Failed):
    """The server does not know this model, for this person."""


class NotAllowed(Failed):
    """The server knows who asks, and that person or that key may not do this."""


def unreachable(address: str) -> Failed:
    return _not_there(f"could not connect to {settings.shown(address)}")


def strange(address: str, *, does: str) -> Failed:
    """Somebody answers who is no portal and no Ollama, or stands before one."""
    return _not_there(f"{settings.shown(address)} {does}")


def _not_there(words: str) -> Failed:
    return Failed(
        f"{words}. Is the portal running there, and is the address right?"
        " 'portal login ADDRESS' sets another one."
    )


@contextmanager
def told(address: str, *, with_status: bool = False) -> Iterator[None]:
    """What goes wrong with the server inside, said as `Failed`.

    Commands that stream put the status in front of a refusal, as people know it from Ollama.
    """
    try:
        yield
    except ollama.ResponseError as error:
        raise _refused(error, with_status=with_status) from None
    except (httpx.TransportError, ConnectionError):
        raise unreachable(address) from None
    except Exception as error:
        # Ctrl-C in the middle of pydantic's work comes out as an error of pydantic's.
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        if isinstance(error, ValueError | httpx.InvalidURL):  # no JSON, or not theirs
            raise strange(address, does="says something that no portal says") from None
        raise


def _refused(error: ollama.ResponseError, *, with_status: bool) -> Failed:
    status, words = error.status_code, error.error or "the server gave no reason"
    if status == HTTPStatus.UNAUTHORIZED:
        return Failed(f"{words}. Sign in with 'portal login', or set PORTAL_KEY.")
    # Ollama's own command reads durations itself, so nobody knows these words with a status.
    if with_status and status > 0 and not words.startswith("time: "):
        words = f"{named(status)}: {words}"
    kinds: dict[int, type[Failed]] = {
        HTTPStatus.NOT_FOUND: NotFound,
        HTTPStatus.FORBIDDEN: NotAllowed,
    }
    return kinds.get(status, Failed)(words)


def named(status: int) -> str:
    """A status as people know it: `404 Not Found`. Some have only a number."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
