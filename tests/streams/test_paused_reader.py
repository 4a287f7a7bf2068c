"""Tabs that stop reading in mid-answer, before the real server: memory stays flat, others go on.

The worker is played by hand, so that ten megabytes cost nobody's processor anything.
"""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.browser.house import PASSWORD, House
from tests.doubles.worker import Worker

PEOPLE = Path(__file__).parents[1] / "browser" / "people.py"
PIECE = "0123456789abcdef" * 64
PIECES = 10 * 1024
PAUSED_TABS = 5
# The answer is 10 MiB; five tabs without a bound would keep five of them.
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
        address = urlsplit(house.address)
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((address.hostname, address.port))
        self._connection = connect(
            f"ws://{address.netloc}/ws/chat/",
            sock=line,
            origin=Origin(house.address),
            additional_headers={"Cookie": f"sessionid={session}"},
            compression=None,
            ping_interval=None,
            max_size=None,
            max_queue=1,  # beyond this the library stops reading, as a frozen tab does
            close_timeout=0.1,
        )
        self._ref = 0

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
        self.says("follow", generation_id=generation_id, attempt=1, number=0)

    def reads_to_the_end(self) -> str:
        """The text by the page's rules: each number once, none left out."""
        texts, number = [], 0
        while True:
            frame = self.frame()
            if frame["type"] != "delta" or frame["last"] <= number:
                continue
            assert frame["first"] <= number + 1, "a gap"
            number = frame["last"]
            texts.append(frame["text"])
            if frame["end"]:
                return "".join(texts)


def signed_in(house: House, name: str) -> str:
    with httpx.Client(base_url=house.address, headers={"Referer": house.address}) as client:
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
        # Awake again within its time: it goes on from where it was, to the same end.
        assert paused[0].reads_to_the_end() == PIECE * PIECES
