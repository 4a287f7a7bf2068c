"""The account's half of threat A7:

whatever takes rights away tells the sockets, and the next look sees it.
"""

import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from portal.accounts import actions, keys, notices, queries
from portal.accounts.errors import SignedOut
from portal.accounts.models import Person
from tests.accounts.conftest import PASSWORD

Event = Callable[[Person, Client], None]


def signs_out(person: Person, browser: Client) -> None:
    browser.post("/accounts/logout/")


def changes_her_password(person: Person, browser: Client) -> None:
    new = "another walk entirely"
    given = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert browser.post("/accounts/password/change/", given).status_code == 302


def leaves_a_group(person: Person, browser: Client) -> None:
    actions.set_groups(person, person, groups=[])


def is_disabled(person: Person, browser: Client) -> None:
    actions.set_active(person, person, is_active=False)


def has_a_key_revoked(person: Person, browser: Client) -> None:
    key, _ = keys.make_key(person, name="laptop")
    browser.post(f"/account/keys/{key.pk}/revoke/")


def signs_out_everywhere(person: Person, browser: Client) -> None:
    browser.post("/account/sign-out-everywhere/")


def is_edited_by_an_administrator(person: Person, browser: Client) -> None:
    actions.save_person(person, person, changed=["is_staff"])


def is_in_a_group_that_changes(person: Person, browser: Client) -> None:
    group = Group.objects.create(name="research")
    group.user_set.add(person)
    actions.group_changed(person, group)


def forgets_her_password(person: Person, browser: Client) -> None:
    actions.set_password(None, person, password="set by the administrator")


EVENTS: list[Event] = [
    signs_out,
    changes_her_password,
    leaves_a_group,
    is_disabled,
    has_a_key_revoked,
    signs_out_everywhere,
    is_edited_by_an_administrator,
    is_in_a_group_that_changes,
    forgets_her_password,
]


@pytest.mark.threat("A7")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_event_tells_the_sockets_after_the_commit(
    ada: Person,
    ada_signed_in: Client,
    noticed: list[object],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    event: Event,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        event(ada, ada_signed_in)
        assert noticed == []

    assert set(noticed) == {ada.pk}


@pytest.mark.threat("A7")
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_event_raises_the_version_that_sockets_compare(
    ada: Person, ada_signed_in: Client, event: Event
) -> None:
    event(ada, ada_signed_in)

    assert Person.objects.get(pk=ada.pk).rights_version > ada.rights_version


@pytest.mark.threat("A7")
@pytest.mark.django_db(transaction=True)
def test_the_notice_reaches_the_group_of_that_person(ada: Person) -> None:
    layer = get_channel_layer()
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)(notices.group_of(ada.pk), channel)

    notices.rights_changed(ada.pk)

    assert async_to_sync(layer.receive)(channel) == {"type": "rights.changed"}


@pytest.mark.threat("A7")
@pytest.mark.django_db(transaction=True)
def test_a_notice_that_cannot_be_sent_stops_nothing(
    ada: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(notices, "get_channel_layer", lambda: SimpleNamespace(group_send=gone))
    with caplog.at_level(logging.WARNING):
        notices.rights_changed(ada.pk)

    assert "Redis does not answer" in caplog.text
    assert Person.objects.get(pk=ada.pk).rights_version == 1


def scope_of(browser: Client) -> dict[str, object]:
    return {"session": SimpleNamespace(session_key=browser.session.session_key)}


@pytest.mark.django_db(transaction=True)
def test_the_current_person_is_the_one_signed_in(ada: Person, ada_signed_in: Client) -> None:
    assert async_to_sync(queries.current_person)(scope_of(ada_signed_in)) == ada


@pytest.mark.threat("A7")
@pytest.mark.parametrize("event", [signs_out, is_disabled, forgets_her_password, "unknown", None])
@pytest.mark.django_db(transaction=True)
def test_who_is_signed_out_is_so_at_the_next_command(
    ada: Person, ada_signed_in: Client, event: Event | str | None
) -> None:
    scope = scope_of(ada_signed_in)
    if callable(event):
        event(ada, ada_signed_in)
    else:
        scope = {"session": SimpleNamespace(session_key=event)}

    with pytest.raises(SignedOut):
        async_to_sync(queries.current_person)(scope)


def test_signing_out_everywhere_ends_every_other_session(
    ada: Person, ada_signed_in: Client
) -> None:
    elsewhere = Client()
    elsewhere.force_login(ada)

    ada_signed_in.post("/account/sign-out-everywhere/")

    assert elsewhere.get("/account/").status_code == 302
    assert ada_signed_in.get("/account/").status_code == 200


def test_a_new_password_ends_every_other_session(ada: Person, ada_signed_in: Client) -> None:
    elsewhere = Client()
    elsewhere.force_login(ada)

    changes_her_password(ada, ada_signed_in)

    assert elsewhere.get("/account/").status_code == 302
    assert ada_signed_in.get("/account/").status_code == 200
