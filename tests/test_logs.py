"""Secrets stay out of logs (threats A11, A16)."""

import logging
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client

from portal.logs import ScrubbedStream, ScrubbingFormatter, TellingOnly, scrub

CANARY = "pk_" + "canary" * 7 + "x"


@pytest.mark.threat("A16")
@pytest.mark.parametrize(
    "line",
    [
        f"key {CANARY}",
        f'"GET /u/{CANARY}/api/tags HTTP/1.1" 200',
        '"GET /u/canary-of-another-shape/v1/models?x=/u/canary2 HTTP/1.1"',
        "http://portal/u/canary",
        "Authorization: Bearer canary",
        "authorization: basic canary",
        "Cookie: sessionid=canary; csrftoken=canary",
        "Cookie: __Host-sessionid=canary",
        "/accounts/first/canary/",
        "/accounts/password/reset/key/canary/",
    ],
)
def test_a_secret_in_a_line_is_taken_out(line: str) -> None:
    assert "canary" not in scrub(line)


def test_ordinary_lines_stay_as_they_are() -> None:
    line = "GET /static/icon.svg 200, basically fine, /api/tags"

    assert scrub(line) == line


@pytest.mark.threat("A11")
def test_a_secret_in_an_argument_or_a_traceback_is_taken_out() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ScrubbingFormatter("%(message)s"))
    logger = logging.Logger("tests")
    logger.addHandler(handler)

    try:
        raise ValueError(CANARY)
    except ValueError:
        logger.exception("refused %s", CANARY)

    assert "canary" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.threat("A11")
def test_every_configured_handler_scrubs() -> None:
    logging_settings: Any = settings.LOGGING
    used = {handler["formatter"] for handler in logging_settings["handlers"].values()}

    assert {logging_settings["formatters"][name]["()"] for name in used} == {
        "portal.logs.ScrubbingFormatter"
    }


@pytest.mark.threat("I6")
@pytest.mark.parametrize(
    ("name", "exc_info", "is_kept"),
    [
        ("django.request", None, False),
        ("django.request", (ValueError, ValueError("x"), None), True),
        ("portal.chat", None, True),
    ],
)
def test_refusals_alone_fill_no_log(name: str, exc_info: Any, is_kept: bool) -> None:
    record = logging.LogRecord(name, logging.WARNING, "", 1, "Not Found: %s", ("/",), exc_info)

    assert TellingOnly().filter(record) is is_kept


def test_an_access_log_can_be_scrubbed_too() -> None:
    stream = StringIO()
    scrubbed = ScrubbedStream(stream)

    scrubbed.write(f"GET /u/{CANARY}/api/tags\n")
    scrubbed.flush()

    assert stream.getvalue() == "GET /u/…/api/tags\n"


@pytest.mark.threat("D7")
@pytest.mark.parametrize("forged", ["\n", "\r", "\x00", "\x1b[2K", "\x85", "\u2028", "\u202e"])
def test_an_address_cannot_write_a_line_of_its_own(
    forged: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="portal.error_pages")

    Client().get(f"/nowhere{quote(forged)}error: all is lost")

    told = [each.getMessage() for each in caplog.records if each.name == "portal.error_pages"]
    assert len(told) == 1
    assert forged[0] not in told[0]
    assert "all is lost" in told[0]
