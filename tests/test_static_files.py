"""Which files a browser may keep for ever."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from portal.static_files import StaticFiles


async def nothing_else(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


@pytest.mark.parametrize(
    ("url", "is_for_ever"),
    [
        ("/static/assets/pages-Cs6Bmg2B.css", True),
        ("/static/assets/chat-DU619nB5.js.br", True),
        ("/static/assets/rolldown-runtime-XKyaHtl9.js", True),
        ("/static/assets/pages.css", False),
        ("/static/manifest.json", False),
        ("/static/unfold/css/styles.css", False),
        ("/static/assets/pages-Cs6Bmg2B.css\n", False),
    ],
)
def test_only_what_carries_its_hash_is_kept_for_ever(url: str, is_for_ever: bool) -> None:
    assert StaticFiles(nothing_else).immutable_file_test("", url) is is_for_ever


@pytest.mark.threat("C14")
def test_a_static_file_is_for_our_own_pages() -> None:
    response = Client().get("/static/unfold/css/styles.css")

    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response["Content-Type"].startswith("text/css")


@pytest.mark.threat("J7")
@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static../pyproject.toml",
        "/static//etc/passwd",
        "/static/assets/../../src/pages.css",
        "/static/assets/%00",
    ],
)
def test_no_path_leads_out_of_the_static_files(path: str) -> None:
    assert Client().get(path).status_code in (400, 404)
