"""Tabs that stop reading in mid-answer, before the real server: memory stays flat, others go on.

The worker is played by hand, so that ten megabytes cost nobody's processor anything.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.browser.house import PASSWORD, House
from tests.doubles.worker import Worker

PEOPLE = Path(__file__).parents[1] / "browser" / "people.py"
PIECE = "0123456789abcdef" * 64
PIECES = 10 * 1024
PAUSED_TABS = 5
PAUSED_LINES = 4
TOKEN = "t" * 32
# The answer is 10 MiB; tabs without a bound would keep one of them each, with a socket or without.
MAX_GROWTH_BYTES = 30 * 1024 * 1024
A_FRAME_WITHIN_SECONDS = 60.0


@pytest.fixture
def house() -> Iterator[House]:
    house = House.build([])
    try:
        house.open(people=PEOPLE)
        house.kill("inference")
        yield house
    finally:
        house.close()


class Tab:
    """A socket of the kernel's smallest size, so that what is not read stands at the server."""

    def __init__(self, house: House, *, session: str) -> None:
        self._connection = connect(
            f"ws://{urlsplit(house.address).netloc}/ws/chat/",
            sock=_narrow(house),
            origin=Origin(house.address),
            additional_headers={"Cookie": f"sessionid={session}"},
            compression=None,
            ping_interval=None,
            max_size=None,
            max_queue=1,  # beyond this the library stops reading, as a frozen tab does
            close_timeout=0.1,
            open_timeout=A_FRAME_WITHIN_SECONDS,
        )
        self._ref = 0
        self.texts: list[str] = []
        self.number = 0

    def __enter__(self) -> Self:
        self._socket: ClientConnection = self._connection.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._connection.__exit__(*error)

    def frame(self) -> Any:
        return json.loads(self._socket.recv(timeout=A_FRAME_WITHIN_SECONDS))

    def says(self, type_: str, **fields: Any) -> Any:
        self._ref += 1
        self._socket.send(json.dumps({"type": type_, "ref": self._ref, **fields}))
        while (frame := self.frame()).get("ref") != self._ref:
            pass
        assert frame["type"] != "refusal", frame
        return frame

    def follows(self, generation_id: str) -> None:
        self.says("follow", generation_id=generation_id, attempt=1, number=self.number)

    def goes_on_from(self, other: Self) -> None:
        self.texts, self.number = other.texts, other.number

    def reads_to_the_end(self) -> str:
        """The text by the page's rules: each number once, none left out."""
        while True:
            frame = self.frame()
            if frame["type"] != "delta" or frame["last"] <= self.number:
                continue
            assert frame["first"] <= self.number + 1, "a gap"
            self.number = frame["last"]
            self.texts.append(frame["text"])
            if frame["end"]:
                return "".join(self.texts)


class Line:
    """The same for a tab that can have no socket: one response, read when she pleases."""

    def __init__(self, house: House, *, session: str, generation_id: str) -> None:
        follow = {"type": "follow", "ref": 1, "generation_id": generation_id}
        headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Origin": house.address,
        }
        self._connection = HTTPConnection(urlsplit(house.address).netloc)
        self._connection.sock = _narrow(house)
        body = json.dumps({**follow, "attempt": 1, "number": 0})
        self._connection.request("POST", "/page/line/", body, headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def close(self) -> None:
        self._connection.close()

    def reads_on(self) -> str:
        """To the end of the answer, or of this line, whose time is up within a minute."""
        texts = []
        for line in self._response:
            frame = json.loads(line[6:]) if line.startswith(b"data: {") else {"type": ""}
            if frame["type"] == "delta":
                texts.append(frame["text"])
                if frame["end"]:
                    break
        return "".join(texts)


def _narrow(house: House) -> socket.socket:
    """Of the kernel's smallest size."""
    address = urlsplit(house.address)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect((address.hostname, address.port))
    return line


def signed_in(house: House, name: str) -> str:
    with httpx.Client(
        base_url=house.address, headers={"Referer": house.address}, timeout=60
    ) as client:
        page = client.get("/accounts/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        fields = {"login": f"{name}@example.com", "password": PASSWORD}
        client.post("/accounts/login/", data={**fields, "csrfmiddlewaretoken": token.group(1)})
        return client.cookies["sessionid"]


@pytest.mark.fault
@pytest.mark.threat("C8")
def test_tabs_that_stop_reading_cost_no_memory_and_nobody_elses_time(house: House) -> None:
    session = signed_in(house, "alice")
    web = psutil.Process(house.running["web"].pid)
    with ExitStack() as closing:

        def open_tab() -> Tab:
            return closing.enter_context(Tab(house, session=session))

        reader, paused = open_tab(), [open_tab() for _ in range(PAUSED_TABS)]
        sent = reader.says(
            "message.send",
            conversation_id=None,
            text="Everything, please",
            client_key=str(uuid4()),
            model_name="smollm2:135m",
        )
        generation_id = sent["message"]["answers"][0]["id"]
        for tab in [*paused, reader]:
            tab.follows(generation_id)
        lines = [
            Line(house, session=session, generation_id=generation_id) for _ in range(PAUSED_LINES)
        ]
        for line in lines:
            closing.callback(line.close)
        worker = Worker(house.configuration.redis_url)
        closing.callback(worker.close)
        held = worker.takes()
        before_bytes = web.memory_info().rss

        for _ in range(PIECES):
            held.says(PIECE)
        held.ends()

        # The others still stand where they stood: nobody waited for them.
        assert reader.reads_to_the_end() == PIECE * PIECES
        assert web.memory_info().rss - before_bytes < MAX_GROWTH_BYTES
        # Awake again it goes on from where it was, to the same end.
        awake = paused[0]
        try:
            text = awake.reads_to_the_end()
        except ConnectionClosed:  # on a slow machine it slept too long; the page does the same
            again = open_tab()
            again.goes_on_from(awake)
            again.follows(generation_id)
            text = again.reads_to_the_end()
        assert text == PIECE * PIECES
        text = lines[0].reads_on()
        assert text
        assert (PIECE * PIECES).startswith(text)
