"""Laws about every address there is (threat A15)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize

from portal.accounts.models import Person
from portal.key_routes import is_key_route

WRITES = re.compile(r"(INSERT|UPDATE|DELETE)\b")
SAMPLES = {
    "key_id": "6f0e7c9a-3f4b-4c63-9d1e-0a8d6f2f0a11",
    "secret": "x" * 43,
    "language": "en",
    "uidb36": "1",
    "key": "x-y",
    "object_id": "1",
    "app_label": "accounts",
    "content_type_id": "1",
    "url": "nowhere/",
}


def addresses(resolver: URLResolver, *, prefix: str = "/") -> Iterator[str]:
    """One address of every route that is for browsers."""
    for entry in resolver.url_patterns:
        template = prefix + _template(entry)
        if isinstance(entry, URLResolver):
            yield from addresses(entry, prefix=template)
        elif not is_key_route(address := template % _Samples()):
            yield address


def _template(entry: URLPattern | URLResolver) -> str:
    (text, _), *_ = normalize(entry.pattern.regex.pattern)
    return str(text).removesuffix(r"\Z")


class _Samples(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return SAMPLES.get(name, SAMPLES["key_id"] if name.endswith("_id") else "1")


BROWSER_ROUTES = sorted(set(addresses(get_resolver())))


@pytest.fixture
def chief(db: None) -> Person:
    return Person.objects.create_superuser("chief@example.com", None)


def test_the_walk_finds_the_routes() -> None:
    assert {"/", "/account/", "/accounts/login/", "/admin/", "/i18n/en.json"} <= set(BROWSER_ROUTES)


@pytest.mark.threat("A15")
@pytest.mark.parametrize("address", BROWSER_ROUTES)
def test_no_browser_route_takes_a_write_without_the_token(chief: Person, address: str) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(chief)

    assert browser.post(address).status_code == 403


def rows() -> dict[str, Any]:
    counted = [model for model in apps.get_models() if model is not Session]
    return {model._meta.label: list(model._default_manager.values_list()) for model in counted}


@pytest.mark.threat("A15")
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_no_row(chief: Person, method: str) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(chief)
    before = rows()
    written: list[tuple[str, str]] = []

    for address in BROWSER_ROUTES:
        with CaptureQueriesContext(connection) as asked:
            getattr(browser, method)(address)
        written += [
            (address, query["sql"])
            for query in asked.captured_queries
            if WRITES.match(query["sql"])
        ]

    assert rows() == before, written
