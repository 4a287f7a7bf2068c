"""How many bytes a tab has not taken yet. Daphne never says; this file alone knows where to look.

Decides nothing: consumers.py holds back and, in the end, closes (threat C8).
"""

from typing import Any

# Where the scope says it: for what looks like a socket and is none (fallback_line.py).
UNSENT = "portal.unsent"


class Unsent:
    """The unsent bytes of one socket. 0 under a server (or a test) whose transport is out of
    reach."""

    def __init__(self, send: Any) -> None:
        self._transport = getattr(_protocol_behind(send), "transport", None)

    @property
    def is_known(self) -> bool:
        return self._transport is not None

    def bytes_now(self) -> int:
        # Twisted's FileDescriptor: what is being written, less what is written of it, and what
        # waits.
        buffer = getattr(self._transport, "dataBuffer", b"")
        offset = getattr(self._transport, "offset", 0)
        waiting = getattr(self._transport, "_tempDataLen", 0)
        return len(buffer) - int(offset) + int(waiting)


def _protocol_behind(send: Any) -> Any:
    """Daphne gives each application `partial(handle_reply, protocol)`; middleware may wrap it."""
    for _depth in range(8):
        if getattr(send, "args", None):
            return send.args[0]
        wrapper = getattr(send, "__self__", None)
        send = getattr(wrapper, "real_send", None)
        if send is None:
            return None
    return None
