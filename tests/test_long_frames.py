"""What goes out by a socket is not held to the limit of what comes in."""

from typing import Any

import pytest
from autobahn.exception import PayloadExceededError
from autobahn.websocket.protocol import TrafficStats
from daphne import ws_protocol

import portal.asgi
from portal import long_frames

LIMIT_BYTES = 10


@pytest.fixture
def sent() -> list[bytes]:
    return []


@pytest.fixture
def line(sent: list[bytes]) -> Any:
    """An open socket with the limit, as Daphne makes it; what it sends is kept."""
    made: Any = ws_protocol.WebSocketProtocol()
    made.maxMessagePayloadSize = LIMIT_BYTES
    made.state, made.trafficStats = made.STATE_OPEN, TrafficStats()
    made._perMessageCompress = made.trackedTimings = None
    made.autoFragmentSize, made.client_addr = 0, None
    made.sendFrame = lambda *, payload, **_: sent.append(payload)
    return made


@pytest.mark.threat("C3")
def test_a_frame_of_ours_may_be_longer_than_any_that_we_take(line: Any, sent: list[bytes]) -> None:
    long = b"x" * (LIMIT_BYTES + 1)
    with pytest.raises(PayloadExceededError):
        long_frames._send_within_limit(line, long)

    line.serverSend(long.decode())

    assert sent == [long]
    assert line.maxMessagePayloadSize == LIMIT_BYTES, "what comes in is limited as before"


def test_the_application_makes_sockets_send_so() -> None:
    assert portal.asgi.application is not None
    assert ws_protocol.WebSocketProtocol.sendMessage is long_frames.send_whole
