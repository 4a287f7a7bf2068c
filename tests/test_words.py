"""The words of the page's scripts."""

import gzip

import pytest
from django.test import Client


@pytest.fixture
def visitor() -> Client:
    return Client()


def test_the_page_gets_its_words_in_chinese(visitor: Client) -> None:
    response = visitor.get("/i18n/zh-hans.json")

    catalogue = response.json()["catalog"]
    assert response["Content-Type"] == "application/json"
    assert catalogue["Send"] not in ("", "Send")
    assert "Filter" not in catalogue


def test_in_english_the_words_are_in_the_page_already(visitor: Client) -> None:
    assert visitor.get("/i18n/en.json").json()["catalog"] == {}


def test_a_language_we_do_not_speak_is_not_there(visitor: Client) -> None:
    assert visitor.get("/i18n/xx.json").status_code == 404


def test_what_has_not_changed_is_not_sent_again(visitor: Client) -> None:
    first = visitor.get("/i18n/zh-hans.json")

    again = visitor.get("/i18n/zh-hans.json", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "public" in first["Cache-Control"]


def test_words_travel_packed_where_that_is_understood(visitor: Client) -> None:
    plain = visitor.get("/i18n/zh-hans.json")
    packed = visitor.get("/i18n/zh-hans.json", headers={"Accept-Encoding": "gzip, br"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 2
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    assert packed["ETag"] != plain["ETag"]


def test_the_mark_is_there_for_every_page(visitor: Client) -> None:
    response = visitor.get("/favicon.ico")

    assert response["Content-Type"] == "image/svg+xml"
    assert response.content.startswith(b"<svg")
