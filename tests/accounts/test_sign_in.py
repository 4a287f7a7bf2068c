"""Signing in, through the pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import Person
from tests.accounts.conftest import PASSWORD

SIGN_IN = "/accounts/login/"

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


def sign_in(browser: Client, email: str, password: str = PASSWORD, **more: str) -> Response:
    given = {"login": email, "password": password, **more}
    return browser.post(SIGN_IN, given)


def plain(response: Response) -> bytes:
    """The page without what differs at every sending."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", response.content)


def test_a_person_signs_in_and_comes_to_the_chat(ada: Person, browser: Client) -> None:
    response = sign_in(browser, "Ada@Example.com")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert browser.session["_auth_user_id"] == str(ada.pk)


@pytest.mark.threat("A8")
def test_the_session_id_changes_at_sign_in(ada: Person, browser: Client) -> None:
    browser.get(SIGN_IN)
    session = browser.session
    session["before"] = True
    session.save()
    before = session.session_key

    sign_in(browser, ada.email)

    assert browser.session.session_key not in (None, before)


@pytest.mark.threat("A6")
def test_a_wrong_password_and_an_unknown_address_look_alike(ada: Person, browser: Client) -> None:
    known = sign_in(browser, "ada@example.com", "wrong")
    unknown = sign_in(browser, "eda@example.com", "wrong")

    assert known.status_code == unknown.status_code == 200
    assert plain(known) == plain(unknown).replace(b"eda@", b"ada@")


@pytest.mark.threat("A6")
@pytest.mark.parametrize("has_mail_server", [True, False])
def test_asking_for_a_new_password_tells_nothing(
    ada: Person, browser: Client, settings: Settings, has_mail_server: bool
) -> None:
    settings.HAS_MAIL_SERVER = has_mail_server

    known = browser.post("/accounts/password/reset/", {"email": "ada@example.com"})
    unknown = browser.post("/accounts/password/reset/", {"email": "eda@example.com"})

    assert known.status_code == unknown.status_code == 302
    assert known["Location"] == unknown["Location"]
    assert plain(browser.get(known["Location"])) == plain(browser.get(unknown["Location"]))


def test_the_link_in_the_mail_sets_a_new_password(
    ada: Person, browser: Client, settings: Settings, mailoutbox: list[object]
) -> None:
    settings.HAS_MAIL_SERVER = True
    browser.post("/accounts/password/reset/", {"email": "ada@example.com"})
    link = re.search(r"http://testserver(\S+)", str(getattr(mailoutbox[0], "body", "")))
    assert link is not None

    form = browser.get(link[1], follow=True)
    browser.post(
        form.wsgi_request.path, {"password1": "another river", "password2": "another river"}
    )

    ada.refresh_from_db()
    assert ada.check_password("another river")


@pytest.mark.threat("A1")
def test_a_forged_forwarding_header_gives_no_fresh_limit(ada: Person, browser: Client) -> None:
    statuses = [
        browser.post(
            SIGN_IN,
            {"login": f"somebody{number}@example.com", "password": "wrong"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(31)
    ]

    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.threat("A5")
def test_an_own_success_does_not_forgive_guesses_at_another(
    ada: Person, boris: Person, browser: Client
) -> None:
    for _ in range(5):
        sign_in(Client(), boris.email, "wrong")
        sign_in(Client(), ada.email)

    response = sign_in(browser, boris.email)

    assert response.status_code == 200
    assert "_auth_user_id" not in browser.session


@pytest.mark.threat("A4")
def test_the_administration_has_no_sign_in_of_its_own(chief: Person, browser: Client) -> None:
    for _ in range(50):
        response = browser.post("/admin/login/", {"username": chief.email, "password": PASSWORD})
        assert response.status_code == 302
        assert response["Location"].startswith(SIGN_IN)

    assert "_auth_user_id" not in browser.session


@pytest.mark.threat("A4")
@pytest.mark.parametrize("has_second_factor", [True, False])
def test_staff_need_a_second_factor_where_it_is_asked_for(
    chief: Person, browser: Client, settings: Settings, has_second_factor: bool
) -> None:
    settings.IS_ADMIN_SECOND_FACTOR_REQUIRED = True
    browser.force_login(chief)
    if has_second_factor:
        Authenticator.objects.create(user=chief, type="totp", data={"secret": "x"})

    response = browser.get("/admin/", follow=True)

    final = response.wsgi_request.path
    assert final == ("/admin/" if has_second_factor else "/accounts/reauthenticate/")


def test_an_ordinary_person_reaches_no_admin_page(ada_signed_in: Client) -> None:
    assert ada_signed_in.get("/admin/", follow=True).status_code == 403


def test_the_administration_signs_out_through_the_same_page(chief: Person, browser: Client) -> None:
    browser.force_login(chief)

    assert browser.post("/admin/logout/")["Location"] == "/accounts/logout/"
    assert browser.get("/admin/password_change/")["Location"] == "/accounts/password/change/"


@pytest.mark.threat("A12")
def test_a_disabled_person_cannot_sign_in(ada: Person, browser: Client) -> None:
    Person.objects.update(is_active=False)

    sign_in(browser, ada.email)

    assert "_auth_user_id" not in browser.session


@pytest.mark.threat("A13")
def test_signing_up_is_closed(db: None, browser: Client) -> None:
    given = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

    page = browser.post("/accounts/signup/", given)

    assert b"made by an administrator" in page.content
    assert not Person.objects.exists()


@pytest.mark.threat("A13")
def test_where_signing_up_is_open_it_makes_no_administrator(
    db: None, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.accounts.adapter.Adapter.is_open_for_signup", lambda *_: True)
    given = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

    browser.post("/accounts/signup/", {**given, "is_staff": "on", "is_superuser": "on"})

    person = Person.objects.get()
    assert (person.is_staff, person.is_superuser, person.is_active) == (False, False, True)


HOSTILE = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    r"/\evil.example",
    r"\/evil.example",
    r"\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "http:///evil.example",
    "http://testserver@evil.example",
    "http://testserver:pw@evil.example",
    "http://testserver.evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,hi",
    "vbscript:x",
    "ftp://evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "h\nttps://evil.example",
    "//evil.example/%2e%2e",
    "//evil.example\\@testserver",
    "evil.example",
    "http://[::1",
]


@pytest.mark.threat("A14")
@pytest.mark.parametrize("target", HOSTILE)
def test_after_sign_in_nobody_is_sent_elsewhere(ada: Person, browser: Client, target: str) -> None:
    response = sign_in(browser, ada.email, next=target)

    assert response["Location"] == "/"


@pytest.mark.threat("A14")
@pytest.mark.parametrize("target", HOSTILE)
def test_after_a_choice_of_language_nobody_is_sent_elsewhere(
    db: None, browser: Client, target: str
) -> None:
    response = browser.post("/i18n/language/", {"language": "en", "next": target})

    assert response["Location"] == "/"


def test_after_sign_in_a_person_comes_to_the_page_she_wanted(ada: Person, browser: Client) -> None:
    assert sign_in(browser, ada.email, next="/account/?a=b")["Location"] == "/account/?a=b"


@pytest.mark.parametrize(
    ("language", "title"), [("en", b"Sign in"), ("zh-hans", b"")], ids=["en", "zh-hans"]
)
def test_the_page_speaks_the_chosen_language(
    db: None, browser: Client, language: str, title: bytes
) -> None:
    browser.post("/i18n/language/", {"language": language, "next": SIGN_IN})

    page = browser.get(SIGN_IN)

    assert f'<html lang="{language}" '.encode() in page.content
    assert title in page.content


def test_a_new_device_speaks_the_persons_language(ada: Person, browser: Client) -> None:
    Person.objects.update(language="zh-hans")

    sign_in(browser, ada.email)

    assert b'<html lang="zh-hans" ' in browser.get("/account/").content


def test_the_choice_of_language_stays_with_the_account(ada: Person, ada_signed_in: Client) -> None:
    ada_signed_in.post("/i18n/language/", {"language": "zh-hans", "next": "/account/"})

    ada.refresh_from_db()
    assert (ada.language, ada.name) == ("zh-hans", "Ada")


@pytest.mark.threat("A9")
def test_no_cookie_can_be_read_by_a_script_or_sent_from_elsewhere(
    ada: Person, browser: Client
) -> None:
    browser.get(SIGN_IN)
    sign_in(browser, ada.email)
    browser.post("/i18n/language/", {"language": "en", "next": "/"})

    flags = {
        name: (cookie["httponly"], cookie["samesite"], cookie["domain"], cookie["path"])
        for name, cookie in browser.cookies.items()
    }
    assert set(flags) == {"sessionid", "csrftoken", "django_language"}
    assert set(flags.values()) == {(True, "Lax", "", "/")}
