"""The document says what the portal does, in a form that other programs can import."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from schemathesis.specs.openapi.definitions import OPENAPI_31

from portal.api import options
from portal.api.document import native, writing
from portal.api.document.about import IGNORED
from portal.api.document.operations import OPERATIONS, Operation

ADDRESS = "https://portal.example"
LANGUAGES = ("en", "zh-hans")
CHINESE = re.compile("[\u4e00-\u9fff]")
# A whole sentence, in a shape's or an operation's words.
WORDS = ("summary", "description")


def document(language: str = "en") -> dict[str, Any]:
    return writing.document(address=ADDRESS, language=language)


def validator(shape: type) -> Any:
    schema = {
        "$ref": f"#/components/schemas/{shape.__name__}",
        "components": document()["components"],
    }
    return jsonschema_rs.validator_for(schema)


def identity(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def test_every_door_stands_in_the_document_and_nothing_else_does() -> None:
    doors = {(method, path) for method, path, _ in writing.doors()}

    assert doors == {(each.method, each.path) for each in OPERATIONS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_is_openapi(language: str) -> None:
    found = document(language)

    assert [str(error) for error in jsonschema_rs.iter_errors(OPENAPI_31, found)] == []
    for schema in found["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_reference_leads_somewhere() -> None:
    found = document()
    parts = found["components"]

    for reference in re.findall(r'"\$ref": "#/components/(\w+)/(\w+)"', json.dumps(found)):
        kind, name = reference
        assert name in parts[kind]


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [
        operation["operationId"]
        for methods in document()["paths"].values()
        for operation in methods.values()
    ]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("operation", OPERATIONS, ids=identity)
def test_the_examples_keep_to_their_shapes(operation: Operation) -> None:
    if operation.request is not None:
        validator(operation.request).validate(operation.example)
    if operation.reply is not None:
        validator(operation.reply).validate(operation.reply_example)


def test_the_document_names_every_option_and_marks_those_that_decide_nothing() -> None:
    sampling = {*options._WHOLE, *options._REAL, "num_predict", "seed", "stop"}
    fields = document()["components"]["schemas"][native.Options.__name__]["properties"]
    ignored = {name for name, field in fields.items() if field.get(IGNORED)}

    assert fields.keys() - ignored == sampling
    assert ignored == options._LOAD_TIME.keys()


def test_every_word_of_the_document_is_there_in_chinese() -> None:
    for words in _words(document("zh-hans")):
        assert CHINESE.search(words), words


def _words(value: Any) -> list[str]:
    if isinstance(value, list):
        return [words for each in value for words in _words(each)]
    if not isinstance(value, dict):
        return []
    found = [each for name, each in value.items() if name in WORDS and isinstance(each, str)]
    return found + [
        words for name, each in value.items() if name != "example" for words in _words(each)
    ]


# ── As others fetch and see it ──────────────────────────────────────────────────────────────────


def test_anybody_may_fetch_the_document_and_it_names_the_address_she_came_to(
    client: Client,
) -> None:
    answer = client.get("/api/openapi.json", headers={"host": "testserver"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert [each["url"] for each in answer.json()["servers"]] == [
        "http://testserver",
        "http://testserver/u/{key}",
    ]


@pytest.mark.parametrize(("asked", "is_chinese"), [("zh-hans", True), ("en", False), ("xx", False)])
def test_the_document_comes_in_the_language_that_was_asked_for(
    client: Client, asked: str, is_chinese: bool
) -> None:
    words = client.get("/api/openapi.json", {"language": asked}).json()["info"]["description"]

    assert bool(CHINESE.search(words)) is is_chinese


@pytest.mark.parametrize("address", ["/api/openapi.json", "/api/docs"])
def test_the_document_can_only_be_read(client: Client, address: str) -> None:
    answer = client.post(address)

    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_every_operation_with_a_command_to_copy(
    client: Client, language: str
) -> None:
    page = client.get("/api/docs", headers={"accept-language": language}).content.decode()

    assert f'<html lang="{language}"' in page
    for operation in OPERATIONS:
        assert f"<code>{operation.path}</code>" in page
        assert operation.summary in page or language != "en"
    assert page.count("Authorization: Bearer $PORTAL_KEY") >= len(OPERATIONS) - 1


def test_the_page_brings_nothing_from_elsewhere_and_runs_nothing_in_place(client: Client) -> None:
    page = client.get("/api/docs").content.decode()

    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    for source in re.findall(r"""(?:src|href)=["']([^"']+)""", page):
        assert source.startswith(("/", "#", "http://testserver/")), source


def test_the_page_names_the_scope_that_a_key_needs(client: Client) -> None:
    page = client.get("/api/docs").content.decode()

    for _, _, opening in writing.doors():
        assert f"<code>{opening.scope}</code>" in page
