"""Frames that we send may be longer than those we take. Not for how long ours get: each has bounds.

Daphne's limit guards us against what comes in (threat C3). Autobahn below it holds what goes out to
the same limit, and a conversation of many words could never be opened.
"""

from typing import Any

from daphne import ws_protocol

_send_within_limit: Any = ws_protocol.WebSocketProtocol.sendMessage


def send_whole(protocol: Any, *message: Any, **options: Any) -> None:
    """As Daphne's sockets send, with the limit of what comes in lifted for that moment."""
    taken_bytes, protocol.maxMessagePayloadSize = protocol.maxMessagePayloadSize, 0
    try:
        _send_within_limit(protocol, *message, **options)
    finally:
        protocol.maxMessagePayloadSize = taken_bytes


def install() -> None:
    """Daphne's sockets send so from now on. A second time changes nothing."""
    ws_protocol.WebSocketProtocol.sendMessage = send_whole
