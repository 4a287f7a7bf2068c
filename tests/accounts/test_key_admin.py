"""Keys and usage in the administration: limits are changed there, and nothing else of a key."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from portal.accounts import keys, usage
from portal.accounts.models import ApiKey, Person
from portal.audit.models import Entry

KEYS = "/admin/accounts/apikey/"


@pytest.fixture
def console(chief: Person, browser: Client) -> Client:
    browser.force_login(chief)
    return browser


@pytest.fixture
def key(ada: Person) -> ApiKey:
    key, _ = keys.make_key(ada, name="laptop")
    keys.note_use(key, keys.Use(client="ChatBox 1.9.8, Ollama API", act="chat", status=200))
    return key


def test_who_still_uses_an_old_program_is_found(console: Client, key: ApiKey) -> None:
    others, _ = keys.make_key(key.owner, name="new")
    keys.note_use(others, keys.Use(client="curl 8", act="chat", status=200))

    everybody = console.get(KEYS).content.decode()
    old = console.get(KEYS, {"last_client": "ChatBox 1.9.8, Ollama API"}).content.decode()

    assert ">curl 8<" in everybody.replace(" ", " ")
    assert "ChatBox 1.9.8, Ollama API" in old
    assert str(others.pk) not in old
    assert str(key.pk) in old


@pytest.mark.threat("B10")
def test_an_administrator_changes_the_limits_of_a_key_and_nothing_else(
    console: Client, chief: Person, key: ApiKey
) -> None:
    more = {"name": "mine", "owner": str(chief.pk), "for_path": "on", "scopes": '["manage"]'}

    console.post(f"{KEYS}{key.pk}/change/", {"requests_a_minute": "9", "tokens_a_day": "", **more})

    changed = ApiKey.objects.get()
    assert (changed.requests_a_minute, changed.tokens_a_day) == (9, None)
    assert (changed.name, changed.owner, changed.scopes) == ("laptop", key.owner, key.scopes)
    assert not changed.for_path
    entry = Entry.objects.get(act="key.limited")
    assert (entry.person, entry.details["requests_a_minute"]) == (chief, 9)


@pytest.mark.threat("B1")
def test_whoever_may_only_look_changes_no_limit(
    chief: Person, browser: Client, key: ApiKey
) -> None:
    chief.is_superuser = False
    chief.save()
    chief.user_permissions.set(Permission.objects.filter(codename="view_apikey"))
    browser.force_login(chief)

    looked = browser.get(f"{KEYS}{key.pk}/change/")
    changed = browser.post(f"{KEYS}{key.pk}/change/", {"requests_a_minute": "9"})

    assert (looked.status_code, changed.status_code) == (200, 403)
    assert ApiKey.objects.get().requests_a_minute is None


def test_usage_is_shown_by_person_and_key(console: Client, ada: Person, key: ApiKey) -> None:
    usage.book(ada.pk, key.pk, prompt_tokens=1234, answer_tokens=56)

    page = console.get("/admin/accounts/usage/").content.decode()

    assert "laptop" in page
    assert "1,234" in page or "1234" in page


def test_a_person_gets_a_day_of_her_own(console: Client, ada: Person) -> None:
    form = {
        "email": ada.email,
        "name": "Ada",
        "language": "",
        "weight": "",
        "is_active": "on",
        "tokens_a_day": "500",
    }

    console.post(f"/admin/accounts/person/{ada.pk}/change/", form)

    ada.refresh_from_db()
    assert ada.tokens_a_day == 500
    assert Entry.objects.get(act="person.changed").details["fields"] == ["tokens_a_day"]
