"""The account page."""

import re
from uuid import uuid4

import pytest
from django.test import Client

from portal.accounts import keys
from portal.accounts.models import ApiKey, KeyScope, Person

ACCOUNT = "/account/"


def make(browser: Client, **given: object) -> bytes:
    form = {"name": "laptop", "scopes": ["chat"], "press": str(uuid4()), **given}
    return browser.post("/account/keys/", form).content


def test_a_stranger_is_sent_to_sign_in(db: None, browser: Client) -> None:
    assert browser.get(ACCOUNT)["Location"] == "/accounts/login/?next=/account/"


def test_a_person_changes_her_name_and_language(ada: Person, ada_signed_in: Client) -> None:
    response = ada_signed_in.post(ACCOUNT, {"name": "Ada L.", "language": "zh-hans"})

    ada.refresh_from_db()
    assert (ada.name, ada.language) == ("Ada L.", "zh-hans")
    assert response.cookies["django_language"].value == "zh-hans"


@pytest.mark.threat("B10")
def test_a_person_cannot_make_herself_more_than_she_is(ada: Person, ada_signed_in: Client) -> None:
    more = {
        "is_staff": "on",
        "is_superuser": "on",
        "email": "chief@example.com",
        "rights_version": "9",
    }
    ada_signed_in.post(ACCOUNT, {"name": "Ada", "language": "en", **more})

    ada.refresh_from_db()
    assert (ada.is_staff, ada.is_superuser, ada.email) == (False, False, "ada@example.com")


def test_a_made_key_is_shown_this_once(ada: Person, ada_signed_in: Client) -> None:
    page = make(ada_signed_in)

    secret = re.search(r"pk_[\w-]{43}", page.decode())
    assert secret is not None
    assert keys.holder_of(secret[0], scope=KeyScope.CHAT)[0] == ada
    assert secret[0].encode() not in ada_signed_in.get(ACCOUNT).content


@pytest.mark.threat("H5")
def test_one_press_makes_one_key(ada: Person, ada_signed_in: Client) -> None:
    press = str(uuid4())
    make(ada_signed_in, press=press)
    make(ada_signed_in, press=press)

    assert ApiKey.objects.count() == 1


def test_a_key_for_the_address_is_shown_as_an_address(ada: Person, ada_signed_in: Client) -> None:
    page = make(ada_signed_in, for_path="on").decode()

    assert re.search(r"http://testserver/u/pk_[\w-]{43}", page)
    assert ApiKey.objects.get().for_path


@pytest.mark.threat("B15")
@pytest.mark.parametrize(
    "wrong", [{"scopes": ["manage"]}, {"scopes": []}, {"name": ""}, {"press": "x"}]
)
def test_a_wrong_form_makes_no_key(
    ada: Person, ada_signed_in: Client, wrong: dict[str, object]
) -> None:
    page = make(ada_signed_in, **wrong)

    assert b"pk_" not in page
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_with_one_press(ada: Person, ada_signed_in: Client) -> None:
    key, _ = keys.make_key(ada, name="laptop")

    ada_signed_in.post(f"/account/keys/{key.pk}/revoke/")

    assert not keys.living_keys(ada).exists()


@pytest.mark.threat("B1")
def test_the_key_of_another_stays(ada_signed_in: Client, boris: Person) -> None:
    key, _ = keys.make_key(boris, name="laptop")

    anothers = ada_signed_in.post(f"/account/keys/{key.pk}/revoke/")
    nobodys = ada_signed_in.post(f"/account/keys/{uuid4()}/revoke/")

    assert keys.living_keys(boris).exists()
    assert (anothers.status_code, anothers.content) == (nobodys.status_code, nobodys.content)


def test_nobody_changes_her_own_address(ada_signed_in: Client) -> None:
    assert ada_signed_in.get("/accounts/email/")["Location"] == ACCOUNT
    ada_signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    assert Person.objects.get().email == "ada@example.com"


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/password/change/",
        "/accounts/2fa/",
        "/accounts/logout/",
        "/accounts/reauthenticate/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/inactive/",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_account_page_opens_without_script_or_style_in_it(
    ada_signed_in: Client, path: str, language: str
) -> None:
    ada_signed_in.cookies["django_language"] = language

    page = ada_signed_in.get(path).content.decode()

    assert f'lang="{language}"' in page
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
