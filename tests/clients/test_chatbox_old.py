"""ChatBox up to 1.10: the check cases of its generation, each by its number.

Those that are proved elsewhere are named in chatbox_cases.py.
"""

import json
import re
import socket

import httpx
import pytest

from tests.clients import script
from tests.clients.living import Living
from tests.clients.old_chatbox import OldChatBox, asked
from tests.clients.wants import PICTURE


@pytest.fixture
def app(living: Living) -> OldChatBox:
    return OldChatBox(living.in_path)


def test_case_01_models_come_without_a_header_and_a_wrong_token_is_told_in_json(
    app: OldChatBox, living: Living
) -> None:
    refused = httpx.get(f"{living.address}/u/pk_{'w' * 43}/api/tags", timeout=60)

    assert script.PLAIN in app.models()
    assert refused.status_code == httpx.codes.UNAUTHORIZED
    assert refused.headers["Content-Type"].startswith("application/json")
    assert set(refused.json()) == {"error"}


def test_case_02_every_line_has_words_but_the_last_which_has_none(app: OldChatBox) -> None:
    shown = app.ask(script.PLAIN, asked(script.QUESTION))

    assert (shown.text, shown.is_finished, shown.error) == (script.ANSWER, True, "")
    *lines, last, end = shown.lines
    assert end == b""
    assert all(json.loads(line)["message"]["content"] for line in lines)
    assert json.loads(last)["message"]["content"] == ""


@pytest.mark.parametrize("network_bytes", [1, 2, 3])
def test_case_03_no_letter_breaks_however_the_network_cuts_the_answer(
    app: OldChatBox, network_bytes: int
) -> None:
    shown = app.ask(script.PLAIN, asked(script.WIDE_QUESTION), network_bytes=network_bytes)

    assert (shown.text, shown.error) == (script.WIDE, "")


@pytest.mark.parametrize(
    ("model", "question"),
    [(script.THINKER, "Think about Paris"), (script.HALF_OPEN, "Ponder Paris")],
)
def test_case_04_what_was_thought_is_neither_an_empty_line_nor_a_stray_tag(
    app: OldChatBox, model: str, question: str
) -> None:
    shown = app.ask(model, asked(question))

    assert (shown.text.strip(), shown.error) == ("Seine.", "")


def test_case_05_a_model_that_says_nothing_is_one_last_line(app: OldChatBox) -> None:
    shown = app.ask(script.PLAIN, asked(script.SILENT))

    assert (shown.text, shown.is_finished, shown.error) == ("", True, "")
    assert len(shown.lines) == 2


@pytest.mark.parametrize("content", ["What is this?", ""])
def test_case_06_pictures_come_as_bare_base64_also_without_words(
    app: OldChatBox, content: str
) -> None:
    earlier = [*asked("Hi", images=[]), *asked("Hello.", role="assistant", images=[])]

    shown = app.ask(script.SEER, [*earlier, *asked(content, images=[PICTURE])])

    assert (shown.text, shown.error) == (script.SEEN, "")


@pytest.mark.parametrize(
    "turns",
    [
        asked("Hi", script.QUESTION),
        [*asked("How can I help?", role="assistant"), *asked(script.QUESTION)],
    ],
)
def test_case_07_turns_come_in_any_order(app: OldChatBox, turns: list[dict[str, str]]) -> None:
    assert app.ask(script.PLAIN, turns).text == script.ANSWER


@pytest.mark.threat("C20")
def test_case_08_a_worker_that_dies_in_the_middle_ends_the_answer_with_one_error(
    app: OldChatBox,
) -> None:
    shown = app.ask(script.FRAGILE["old chatbox"], asked(script.DIES))

    *lines, last, end = shown.lines
    assert end == b""
    assert set(json.loads(last)) == {"error"}
    assert not any(b'"done":true' in line for line in lines)
    assert shown.text
    assert script.HALF.startswith(shown.text)
    assert shown.error
    assert not shown.is_finished


@pytest.mark.threat("F13")
def test_case_09_who_leaves_after_two_lines_leaves_nothing_running(
    app: OldChatBox, living: Living
) -> None:
    with app.stream(script.PLAIN, asked(script.LONG)) as response:
        lines = response.iter_lines()
        assert [bool(next(lines)) for _ in range(2)] == [True, True]

    living.is_at_rest()


@pytest.mark.parametrize("typed", ["{}/api", "{}/v1", "{}/", "{}//", "{}/api/", " {} "])
def test_case_11_whatever_was_typed_behind_the_address_works(living: Living, typed: str) -> None:
    app = OldChatBox(typed.format(living.in_path))

    assert script.PLAIN in app.models()
    assert app.ask(script.PLAIN, asked(script.QUESTION)).text == script.ANSWER


@pytest.mark.parametrize("below", ["/api/nothing", "/v1/nothing", "/u/nothing/nothing", "/u"])
def test_case_11_what_is_nowhere_is_never_a_page(living: Living, below: str) -> None:
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{living.address}{below}", timeout=60)

        assert answer.status_code in {400, 401, 404, 405}
        assert "html" not in answer.headers["Content-Type"]


def test_case_24_fifteen_megabytes_of_pictures_are_looked_at_and_more_than_all_is_refused(
    app: OldChatBox, living: Living
) -> None:
    images = [PICTURE] * 30
    padding = "word " * 3_100_000  # what a client pastes in of a file, beside the pictures
    body = {"model": script.SEER, "messages": asked("What?", images=images), "ignored": padding}

    taken = httpx.post(f"{app.host}/api/chat", json={**body, "stream": False}, timeout=60)

    assert len(padding) > 15_000_000
    assert taken.json()["message"]["content"] == script.SEEN
    for path, family in (("/api/chat", str), ("/v1/chat/completions", dict)):
        status, refused = _announced(living, path, count_bytes=200_000_000)
        assert status == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        assert isinstance(json.loads(refused)["error"], family)


def _announced(living: Living, path: str, *, count_bytes: int) -> tuple[int, bytes]:
    """What is said to a body of so many bytes, of which none is sent."""
    address = httpx.URL(living.address)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\nConnection: close\r\n"
        f"Authorization: Bearer {living.keys['alice']}\r\nContent-Length: {count_bytes}\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port or 80), timeout=60) as wire:
        wire.sendall(head.encode())
        answer = b""
        while part := wire.recv(65_536):
            answer += part
    status = re.match(rb"HTTP/1\.[01] (\d+)", answer)
    assert status is not None
    return int(status.group(1)), answer.partition(b"\r\n\r\n")[2]


@pytest.mark.threat("A16")
def test_case_26_a_token_in_an_address_is_in_no_log_of_any_part(
    app: OldChatBox, living: Living
) -> None:
    secret = living.keys["alice_in_path"]
    app.models()
    httpx.post(f"{living.in_path}/api/chat", content=b"{", timeout=60)
    httpx.get(f"{living.in_path}/nowhere", timeout=60)
    metrics = httpx.get(f"{living.address}/metrics", headers=living.headers("carol"), timeout=60)

    logs = [log.read_text(errors="replace") for log in living.house.home.rglob("*.log")]
    assert logs
    assert not [log for log in logs if secret in log]
    assert secret not in metrics.text
