"""The first administrator."""

import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.accounts import first
from portal.accounts.models import FirstLink, Person
from tests.accounts.conftest import PASSWORD

GIVEN = {"email": "Root@example.com", "name": "Root", "password": PASSWORD, "again": PASSWORD}


def firstadmin() -> str:
    out = StringIO()
    call_command("firstadmin", stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def link(db: None) -> str:
    found = re.fullmatch(r"http://127\.0\.0\.1:8000(/accounts/first/[\w-]+/)", firstadmin())
    assert found is not None
    return found[1]


@pytest.mark.threat("A13")
def test_the_link_makes_the_first_administrator_and_signs_her_in(
    link: str, browser: Client
) -> None:
    response = browser.post(link, GIVEN)

    person = Person.objects.get()
    assert response["Location"] == "/"
    assert (person.email, person.is_staff, person.is_superuser) == ("root@example.com", True, True)
    assert browser.session["_auth_user_id"] == str(person.pk)
    assert browser.get("/admin/").status_code == 200


@pytest.mark.threat("A13")
def test_the_link_works_once(link: str, browser: Client) -> None:
    browser.post(link, GIVEN)
    Person.objects.update(is_superuser=False)

    response = Client().post(link, {**GIVEN, "email": "second@example.com"})

    assert response.status_code == 410
    assert Person.objects.count() == 1


@pytest.mark.threat("A15")
def test_looking_at_the_link_uses_nothing_up(link: str, browser: Client) -> None:
    assert browser.get(link).status_code == 200
    assert browser.get(link).status_code == 200
    assert not Person.objects.exists()


def test_the_link_lives_a_day(link: str, browser: Client) -> None:
    FirstLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert browser.get(link).status_code == 410
    assert browser.post(link, GIVEN).status_code == 410


def test_a_new_link_ends_the_one_before(link: str, browser: Client) -> None:
    firstadmin()

    assert browser.get(link).status_code == 410


@pytest.mark.threat("A13")
def test_the_link_is_dead_once_there_is_an_administrator(link: str, browser: Client) -> None:
    Person.objects.create_superuser("other@example.com", PASSWORD)

    assert browser.post(link, GIVEN).status_code == 410
    assert Person.objects.count() == 1


@pytest.mark.threat("A11")
def test_the_link_is_not_stored_as_it_is(link: str) -> None:
    assert FirstLink.objects.get().secret_sha256 not in link


@pytest.mark.parametrize(
    "wrong",
    [{"again": "something else"}, {"password": "short", "again": "short"}, {"email": "nobody"}],
)
def test_a_mistake_in_the_form_uses_nothing_up(
    link: str, browser: Client, wrong: dict[str, str]
) -> None:
    assert browser.post(link, {**GIVEN, **wrong}).status_code == 200
    assert not Person.objects.exists()
    assert browser.post(link, GIVEN).status_code == 302


def test_the_environment_makes_the_first_administrator_once(db: None, settings: Settings) -> None:
    settings.PORTAL = replace(
        settings.PORTAL, admin_email="root@example.com", admin_password=PASSWORD
    )

    assert firstadmin() == "administrator root@example.com made"
    assert firstadmin() == ""
    assert Person.objects.get().check_password(PASSWORD)


def test_half_of_the_environment_is_a_clear_error(db: None, settings: Settings) -> None:
    settings.PORTAL = replace(settings.PORTAL, admin_email="root@example.com", admin_password="")

    with pytest.raises(CommandError, match="PORTAL_ADMIN_PASSWORD"):
        firstadmin()


@pytest.mark.parametrize("must_be_safe", [True, False])
def test_a_weak_password_in_the_environment_is_for_trials_only(
    db: None, settings: Settings, must_be_safe: bool
) -> None:
    settings.MUST_BE_SAFE = must_be_safe
    settings.PORTAL = replace(
        settings.PORTAL, admin_email="root@example.com", admin_password="1234"
    )

    if must_be_safe:
        with pytest.raises(CommandError, match="refused"):
            firstadmin()
    else:
        firstadmin()

    assert Person.objects.exists() is not must_be_safe


def test_an_account_that_is_there_already_is_taken_over(ada: Person) -> None:
    made = first.make_administrator(email="ADA@example.com", name="", password="another river")

    assert (made.pk, made.name, made.is_superuser) == (ada.pk, "Ada", True)


def test_nothing_is_done_where_there_is_an_administrator(chief: Person) -> None:
    assert firstadmin() == ""
    assert settings.PORTAL.admin_email == ""
