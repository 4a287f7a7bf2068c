"""The pieces of a streamed answer, written as they come. Not for what stands in them.

Twisted keeps what it is given, asks the kernel whether there is room, and writes at the next turn
of its loop: three calls to the kernel for each piece. Nearly always there is room, so here a piece
goes at once; whatever finds none goes Twisted's way, behind what waits already.
"""

from collections.abc import Mapping
from typing import Any

from twisted.internet.tcp import Connection


def at_once(request: Any, message: Mapping[str, Any]) -> bool:
    """Whether this was a piece from the middle of a streamed answer; then it is written.

    `request` is Twisted's, `message` the application's.
    """
    piece = message.get("body")
    if not piece or not message.get("more_body", False):
        return False
    if request.finished or request.channel is None or not request.chunked:
        return False  # its beginning and its end, and what is not cut into pieces
    request.sentLength += len(piece)
    _write(request.channel.transport, b"%x\r\n%b\r\n" % (len(piece), piece))
    return True


def _write(transport: Any, data: bytes) -> None:
    sent = transport.writeSomeData(data) if _is_free(transport) else 0
    if not isinstance(sent, int):
        sent = 0  # the connection is lost: Twisted finds that out with the same bytes
    if sent < len(data):
        transport.write(data[sent:])


def _is_free(transport: Any) -> bool:
    """Whether nothing waits there that must go first. Only the kernel's own sockets are known."""
    if not isinstance(transport, Connection) or transport.TLS:
        return False
    if transport.disconnecting or not transport.connected:
        return False
    return not transport.dataBuffer and not transport._tempDataLen
