"""What ends a command with `Error: …` and exit code 1. Not for what a server means by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import ollama


class Failed(Exception):
    """The command cannot go on. The message is the whole sentence people read."""


class NotFound(Failed):
    """The server does not know this model, for this person."""


class NotAllowed(Failed):
    """The server knows who asks, and that person or that key may not do this."""


def unreachable(address: str) -> Failed:
    return Failed(
        f"could not connect to {address}. Is the portal running there, and is the address right?"
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
        raise


def _refused(error: ollama.ResponseError, *, with_status: bool) -> Failed:
    status, words = error.status_code, error.error or "the server gave no reason"
    if status == HTTPStatus.UNAUTHORIZED:
        return Failed(f"{words}. Sign in with 'portal login', or set PORTAL_KEY.")
    if with_status and status > 0:
        words = f"{status} {_phrase(status)}: {words}"
    kinds = {HTTPStatus.NOT_FOUND: NotFound, HTTPStatus.FORBIDDEN: NotAllowed}
    return kinds.get(HTTPStatus(status), Failed)(words) if status > 0 else Failed(words)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
