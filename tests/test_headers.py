"""What every answer carries (threats C17, C18), and who is answered at all (C2)."""

from base64 import b64encode
from hashlib import sha256

import pytest
from django.test import Client

from portal import isolated
from portal.accounts.models import Person
from portal.headers import ADMIN_POLICY, ALWAYS, PAGE_POLICY

PUBLIC = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/i18n/en.json",
    "/healthz",
    "/metrics",
    "/api/version",
    "/v1/models",
    "/nowhere",
    "/static/nowhere",
    "/api/nowhere",
    "/u/pk_x/api/tags",
]
PRIVATE = ["/", "/account/", "/accounts/password/change/", "/accounts/2fa/", "/admin/"]


@pytest.fixture
def signed_in(db: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(Person.objects.create_superuser("chief@example.com", None))
    return browser


@pytest.mark.threat("C17")
@pytest.mark.parametrize("path", [*PUBLIC, *PRIVATE])
@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_every_answer_carries_the_strict_headers(signed_in: Client, path: str, method: str) -> None:
    headers = getattr(signed_in, method)(path).headers

    policy = ADMIN_POLICY if path.startswith("/admin/") else PAGE_POLICY
    expected = {**ALWAYS, "Content-Security-Policy": policy}
    assert {name: headers.get(name) for name in expected} == expected
    assert "Cache-Control" in headers


@pytest.mark.threat("C17")
def test_the_policy_of_pages_allows_nothing_written_into_them() -> None:
    assert "unsafe" not in PAGE_POLICY
    assert "*" not in PAGE_POLICY + ADMIN_POLICY
    assert "http" not in PAGE_POLICY + ADMIN_POLICY


@pytest.mark.threat("C18")
@pytest.mark.parametrize("path", PRIVATE)
def test_no_cache_keeps_a_private_page(signed_in: Client, path: str) -> None:
    assert "no-store" in signed_in.get(path).headers["Cache-Control"]


@pytest.mark.threat("C2")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("/", 400), ("/accounts/login/", 400), ("/static/x", 400)),
        *(("/healthz", 403), ("/api/version", 403)),
    ],
)
@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "", "testserver@evil"])
def test_a_foreign_host_is_not_answered(
    signed_in: Client, path: str, status: int, host: str
) -> None:
    assert signed_in.get(path, headers={"Host": host}).status_code == status


@pytest.mark.threat("C14")
@pytest.mark.parametrize("path", ["/", "/account/", "/accounts/login/", "/admin/", "/i18n/en.json"])
def test_pages_open_to_no_other_origin(signed_in: Client, path: str) -> None:
    headers = signed_in.get(path, headers={"Origin": "https://evil.example"}).headers

    assert not [name for name in headers if name.lower().startswith("access-control-")]


@pytest.mark.threat("D1")
@pytest.mark.threat("D3")
@pytest.mark.parametrize("path", list(isolated.POLICIES))
def test_a_frame_for_what_models_wrote_has_no_origin_and_no_network(path: str) -> None:
    answer = Client().get(path)

    policy = dict(
        part.partition(" ")[::2] for part in answer["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["sandbox"] == "allow-scripts"
    assert policy["frame-ancestors"] == "'self'"
    assert "'self'" not in policy["script-src"]
    assert not {"connect-src", "frame-src", "worker-src"} & set(policy)
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert not answer.cookies


@pytest.mark.threat("D1")
def test_the_still_frame_runs_its_own_script_alone() -> None:
    answer = Client().get("/page/isolated/still/")
    script = answer.content.decode().partition("<script>")[2].partition("</script>")[0]

    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in answer["Content-Security-Policy"]
    assert "Content-Security-Policy" in Client().get("/page/isolated/other/").headers
    assert Client().get("/page/isolated/other/")["X-Frame-Options"] == "DENY"
