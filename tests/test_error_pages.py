"""One plain page and an id to quote (threat C19)."""

import logging
import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from portal import urls

SECRET = "the-secret-of-the-view"


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(SECRET)


urlpatterns = [path("breaks", breaks), path("api/breaks", breaks), *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


@pytest.fixture
def visitor(db: None) -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.threat("C19")
@pytest.mark.urls(__name__)
def test_an_error_shows_an_id_and_nothing_of_itself(
    visitor: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = visitor.get("/breaks")

    page = response.content.decode()
    error_id = re.search(r"<code>([0-9a-f]{12})</code>", page)
    assert response.status_code == 500
    assert SECRET not in page
    assert "Traceback" not in page
    assert error_id is not None
    assert error_id[1] in caplog.text
    assert SECRET in caplog.text


@pytest.mark.threat("C19")
@pytest.mark.urls(__name__)
def test_programs_are_told_in_json(visitor: Client) -> None:
    response = visitor.get("/api/breaks")

    assert (response.status_code, response["Content-Type"]) == (500, "application/json")
    assert set(response.json()) == {"error", "id"}
    assert SECRET not in response.content.decode()


@pytest.mark.threat("C19")
@pytest.mark.parametrize(("address", "status"), [("/nowhere", 404), ("/accounts/nowhere/", 404)])
def test_there_is_a_page_for_what_is_not_there(visitor: Client, address: str, status: int) -> None:
    response = visitor.get(address)

    assert response.status_code == status
    assert b"quote this" in response.content


@pytest.mark.threat("A15")
@pytest.mark.parametrize(
    "address",
    [
        "/accounts/login/",
        "/accounts/logout/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/password/change/",
        "/accounts/2fa/totp/activate/",
        "/account/",
        "/account/keys/",
        "/account/sign-out-everywhere/",
        "/i18n/language/",
        "/admin/login/",
    ],
)
def test_nothing_is_written_from_a_foreign_form(db: None, address: str) -> None:
    response = Client(enforce_csrf_checks=True).post(address, {"login": "a", "password": "b"})

    assert response.status_code == 403
    assert b"too old" in response.content
