"""Rights that are taken away end the socket: at once by the notice, soon without it (threat A7)."""

from collections.abc import Callable

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.urls import path

from portal.accounts import actions as accounts
from portal.accounts import keys, notices
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.consumers import ChatConsumer
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)

EAGER = SessionMiddlewareStack(
    URLRouter([path("ws/chat/", ChatConsumer.as_asgi(recheck_seconds=0.02))])
)


def sign_out(person: Person, admin: Person) -> None:
    Session.objects.all().delete()
    accounts.signed_out(person.id)


def new_password(person: Person, admin: Person) -> None:
    accounts.set_password(admin, person, password="another correct horse")


def other_groups(person: Person, admin: Person) -> None:
    accounts.set_groups(admin, person, groups=[Group.objects.create(name="readers")])


def disabled(person: Person, admin: Person) -> None:
    accounts.set_active(admin, person, is_active=False)


def key_revoked(person: Person, admin: Person) -> None:
    key, _secret = keys.make_key(person, name="box", scopes=["chat"])
    keys.revoke(person, key_id=key.id)


EVENTS = [sign_out, new_password, other_groups, disabled, key_revoked]


@pytest.mark.threat("A7")
@pytest.mark.parametrize("event", EVENTS)
async def test_the_notice_closes_the_socket_and_no_frame_comes_after(
    open_tab: OpenTab,
    alice: Person,
    carol_the_admin: Person,
    a_model: Model,
    worker: Worker,
    event: Callable[..., None],
) -> None:
    tab = await open_tab(alice)
    sent = await tab.asks()
    generation_id = sent["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes().says("before")
    await tab.until(lambda: tab.shown[generation_id].text == "before")

    await database_sync_to_async(event)(alice, carol_the_admin)

    # The tab double fails on any frame after the close.
    assert await tab.until_closed() == 4401
    held.says("after").ends()
    await tab.sends({"type": "ping", "ref": 99})
    await tab.close()
    assert tab.shown[generation_id].text == "before"


@pytest.mark.threat("A7")
@pytest.mark.fault
@pytest.mark.parametrize("event", EVENTS)
async def test_without_the_notice_the_next_look_closes_it(
    open_tab: OpenTab,
    alice: Person,
    carol_the_admin: Person,
    event: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "_wake", lambda _person_id: None)
    tab = await open_tab(alice, app=EAGER)

    await database_sync_to_async(event)(alice, carol_the_admin)

    assert await tab.until_closed() == 4401


@pytest.mark.threat("A7")
@pytest.mark.fault
@pytest.mark.parametrize("event", EVENTS)
async def test_without_the_notice_the_next_command_closes_it(
    open_tab: OpenTab,
    alice: Person,
    carol_the_admin: Person,
    event: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "_wake", lambda _person_id: None)
    tab = await open_tab(alice)

    await database_sync_to_async(event)(alice, carol_the_admin)
    await tab.sends({"type": "conversations.list", "ref": 1})

    assert await tab.until_closed() == 4401
    assert tab.pushed == []


async def test_anothers_rights_close_nothing(
    open_tab: OpenTab, alice: Person, bob: Person, carol_the_admin: Person
) -> None:
    tab = await open_tab(alice)

    await database_sync_to_async(disabled)(bob, carol_the_admin)

    assert (await tab.says("ping"))["type"] == "pong"
    assert tab.close_code is None
