"""API keys: what opens, and what does not."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.accounts import keys
from portal.accounts.errors import KeyIsForLess, KeyRefused
from portal.accounts.models import ApiKey, KeyScope, Person
from portal.audit.models import Entry


def test_a_key_leads_to_its_owner(ada: Person) -> None:
    key, secret = keys.make_key(ada, name="laptop")

    person, found = keys.holder_of(secret, scope=KeyScope.CHAT)

    assert (person, found) == (ada, key)
    assert len(secret) == 46
    assert secret.startswith("pk_")


@pytest.mark.threat("A11")
def test_the_secret_is_stored_nowhere(ada: Person) -> None:
    key, secret = keys.make_key(ada, name="laptop")

    stored = [str(value) for value in ApiKey.objects.values_list().get(pk=key.pk)]
    stored += [str(entry) for entry in Entry.objects.values_list()]

    assert not any(secret in value or secret[3:20] in value for value in stored)


@pytest.mark.parametrize(
    "secret", ["", "pk_", "ollama", "pk_" + "x" * 43, "pk_" + "x" * 42 + "\n", "☃"]
)
def test_what_is_no_key_opens_nothing(ada: Person, secret: str) -> None:
    keys.make_key(ada, name="laptop")

    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT)


@pytest.mark.threat("A10")
@pytest.mark.parametrize("in_path", [True, False])
@pytest.mark.parametrize("scope", list(KeyScope))
@pytest.mark.parametrize("made_for", list(KeyScope))
def test_a_key_opens_its_own_scope_and_no_other(
    chief: Person, made_for: KeyScope, scope: KeyScope, in_path: bool
) -> None:
    _, secret = keys.make_key(chief, name="one", scopes=[made_for])
    may = scope == made_for and (not in_path or scope in keys.PATH_SCOPES)

    if may:
        assert keys.holder_of(secret, scope=scope, in_path=in_path)[0] == chief
    else:
        with pytest.raises(KeyIsForLess):
            keys.holder_of(secret, scope=scope, in_path=in_path)


@pytest.mark.threat("A16")
def test_a_key_made_for_the_address_opens_nothing_elsewhere(ada: Person) -> None:
    _, secret = keys.make_key(ada, name="phone", for_path=True)

    assert keys.holder_of(secret, scope=KeyScope.CHAT, in_path=True)[0] == ada
    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT)


@pytest.mark.threat("A12")
@pytest.mark.parametrize("in_path", [True, False])
def test_disabling_an_account_stops_its_keys_at_once(ada: Person, in_path: bool) -> None:
    _, secret = keys.make_key(ada, name="laptop")
    Person.objects.update(is_active=False)

    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT, in_path=in_path)


def test_an_expired_key_opens_nothing(ada: Person) -> None:
    _, secret = keys.make_key(ada, name="old", expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT)


def test_a_revoked_key_opens_nothing_and_is_revoked_once(ada: Person) -> None:
    key, secret = keys.make_key(ada, name="laptop")

    assert keys.revoke(ada, key_id=key.pk) is True
    assert keys.revoke(ada, key_id=key.pk) is False
    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT)


@pytest.mark.threat("B1")
def test_nobody_revokes_the_key_of_another(ada: Person, boris: Person) -> None:
    key, secret = keys.make_key(ada, name="laptop")

    assert keys.revoke(boris, key_id=key.pk) is False
    assert keys.holder_of(secret, scope=KeyScope.CHAT)[0] == ada


@pytest.mark.threat("B15")
def test_an_ordinary_person_gets_no_key_to_manage_models(ada: Person) -> None:
    with pytest.raises(keys.NotAllowed):
        keys.make_key(ada, name="too much", scopes=[KeyScope.CHAT, KeyScope.MANAGE])


@pytest.mark.threat("B15")
def test_a_former_administrators_key_no_longer_manages(chief: Person) -> None:
    _, secret = keys.make_key(chief, name="all")
    Person.objects.update(is_staff=False, is_superuser=False)

    assert keys.holder_of(secret, scope=KeyScope.CHAT)[0] == chief
    with pytest.raises(KeyIsForLess):
        keys.holder_of(secret, scope=KeyScope.MANAGE)


def test_the_last_use_is_written_at_most_once_a_minute(
    ada: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, secret = keys.make_key(ada, name="laptop")

    keys.holder_of(secret, scope=KeyScope.CHAT)
    first_use = ApiKey.objects.get(pk=key.pk).last_used_at
    with django_assert_num_queries(2):  # the key, and whose it is
        keys.holder_of(secret, scope=KeyScope.CHAT)

    assert ApiKey.objects.get(pk=key.pk).last_used_at == first_use is not None


def test_keys_are_not_without_number(ada: Person) -> None:
    for number in range(keys.MAX_KEYS):
        keys.make_key(ada, name=str(number))

    with pytest.raises(keys.NotAllowed):
        keys.make_key(ada, name="one more")


def createkey(*arguments: str) -> str:
    out = StringIO()
    call_command("createkey", *arguments, stdout=out)
    return out.getvalue().strip()


def test_createkey_prints_a_key_with_every_scope_for_an_administrator(chief: Person) -> None:
    secret = createkey("Chief@example.com")

    assert keys.holder_of(secret, scope=KeyScope.METRICS)[0] == chief
    assert ApiKey.objects.get().scopes == ["chat", "embeddings", "manage", "metrics"]


def test_createkey_prints_a_key_for_chat_and_embeddings_for_others(ada: Person) -> None:
    createkey("ada@example.com", "--name", "laptop")

    assert (ApiKey.objects.get().scopes, ApiKey.objects.get().name) == (
        ["chat", "embeddings"],
        "laptop",
    )


def test_createkey_takes_named_scopes(chief: Person) -> None:
    createkey("chief@example.com", "--scope", "metrics", "--scope", "chat")

    assert ApiKey.objects.get().scopes == ["chat", "metrics"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nobody@example.com",),
        ("ada@example.com", "--scope", "manage"),
        ("ada@example.com", "--scope", "x"),
    ],
)
def test_createkey_refuses_clearly(ada: Person, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        createkey(*arguments)
    assert not ApiKey.objects.exists()
