"""What stands at a mistyped address, or in front of a portal: every command says what it met.

Not for what a portal or an Ollama refuses.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.typist import Done, Typist
from tests.doubles.go_server import METHODS

COMMANDS = (
    ("list",),
    ("ps",),
    ("show", "m"),
    ("run", "m", "Why?"),
    ("pull", "m"),
    ("push", "m"),
    ("cp", "m", "n"),
    ("rm", "m"),
    ("stop", "m"),
    ("login",),
)
RIGHT = "Is the portal running there, and is the address right? 'portal login ADDRESS' sets another"
PAGE = b"<html><h1>Welcome</h1></html>"


class _Stranger(ThreadingHTTPServer):
    """Says the same whatever it is asked."""

    daemon_threads = True
    status, kind, body = 200, "text/html; charset=utf-8", PAGE
    # Where it sends people on to; what they asked for stands behind it.
    onward = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answering(BaseHTTPRequestHandler):
    server: _Stranger

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.server.status)
        if self.server.onward:
            self.send_header("Location", self.server.onward + self.path)
        self.send_header("Content-Type", self.server.kind)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    def log_message(self, format: str, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def stranger() -> Iterator[_Stranger]:
    methods = {f"do_{method}": _Answering.answer for method in METHODS}
    with _Stranger(("127.0.0.1", 0), type("Answering", (_Answering,), methods)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asks(typist: Typist, words: tuple[str, ...], address: str) -> Done:
    if words == ("login",):
        return typist.types("login", address, piped="a-key\n")
    return typist.types(*words, piped="", more={"PORTAL_HOST": address})


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_web_server_that_sends_on_to_the_portal_is_named_with_the_address_to_use(
    typist: Typist, stranger: _Stranger, words: tuple[str, ...]
) -> None:
    stranger.status, stranger.onward = 308, "https://portal.example.com"

    done = asks(typist, words, stranger.address)

    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == (
        f"Error: {stranger.address} sends this on to https://portal.example.com instead of"
        f" answering it. {RIGHT} one."
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        *((words, 200) for words in (("cp", "m", "n"), ("rm", "m"), ("login",))),
        *((words, 404) for words in (("run", "m", "Why?"), ("stop", "m"))),
        *((words, 502) for words in (("list",), ("pull", "m"))),
    ],
)
def test_a_web_page_is_not_taken_for_an_answer(
    typist: Typist, stranger: _Stranger, words: tuple[str, ...], status: int
) -> None:
    stranger.status = status

    done = asks(typist, words, stranger.address)

    assert (done.code, done.out) == (1, "")
    assert f"Error: {stranger.address} answers with a web page ({status} " in done.err
    assert "Traceback" not in done.err
    assert "<h1>" not in done.err


@pytest.mark.parametrize("words", [("list",), ("run", "m", "Why?"), ("pull", "m")], ids=" ".join)
@pytest.mark.parametrize("body", [b"OK", b"[1, 2]"])
def test_what_is_no_answer_of_theirs_is_no_crash(
    typist: Typist, stranger: _Stranger, words: tuple[str, ...], body: bytes
) -> None:
    stranger.kind, stranger.body = "application/json", body

    done = asks(typist, words, stranger.address)

    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == (
        f"Error: {stranger.address} says something that no portal says. {RIGHT} one."
    )


@pytest.mark.parametrize("status", [499, 599])
def test_a_status_that_nobody_registered_is_told_like_others(
    typist: Typist, stranger: _Stranger, status: int
) -> None:
    stranger.status, stranger.kind = status, "application/json"
    stranger.body = b'{"error":"request canceled"}'

    listed = asks(typist, ("list",), stranger.address)
    pulled = asks(typist, ("pull", "m"), stranger.address)

    assert (listed.code, listed.err) == (1, "Error: request canceled\n")
    assert (pulled.code, pulled.err) == (1, f"Error: {status}: request canceled\n")


@pytest.mark.parametrize(
    "address", ["http://[::1", "127.0.0.1:99999", "http://127.0.0.1:abc", "::1"]
)
def test_what_is_no_address_is_said_before_anybody_is_asked(typist: Typist, address: str) -> None:
    done = asks(typist, ("list",), address)

    assert done.code == 1
    assert "is not an address. One looks like https://portal.example.com" in done.err


@pytest.mark.parametrize("key", ["“pk_a”", "schlüssel", "pk_a\npk_b"])
def test_a_key_that_was_copied_with_something_around_it_is_not_sent(
    typist: Typist, key: str
) -> None:
    done = typist.types("list", more={"PORTAL_KEY": key})

    assert done.code == 1
    assert done.err.startswith("Error: the key has letters in it that no key has.")


@pytest.mark.threat("A16")
@pytest.mark.parametrize("inside", ["{}/u/pk_secret", "{}/u/pk_secret/api"])
def test_a_key_in_the_address_is_not_shown_to_whoever_reads_the_screen(
    typist: Typist, stranger: _Stranger, inside: str
) -> None:
    away = asks(typist, ("list",), inside.format("127.0.0.1:1"))
    odd = asks(typist, ("list",), inside.format(stranger.address))
    stranger.kind, stranger.body = "application/json", b'{"models": []}'
    signed_in = asks(typist, ("login",), inside.format(stranger.address))

    assert "Error: could not connect to http://127.0.0.1:1/u/…" in away.err
    assert f"Error: {stranger.address}/u/…" in odd.err
    assert f"Signed in to {stranger.address}/u/…" in signed_in.out
    assert "pk_secret" not in away.err + odd.err + signed_in.out
