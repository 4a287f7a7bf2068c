"""Programs without a key: where they are, and who they are."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from portal.accounts import access, anonymous, keys, queries
from portal.accounts.errors import SignedOut
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.configuration import BadConfiguration, read


@pytest.mark.threat("A1")
@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("10.0.0.7", "", 0, "10.0.0.7"),
        ("10.0.0.7", "", None, "10.0.0.7"),
        ("::ffff:10.0.0.7", "", 0, "10.0.0.7"),
        ("fd00::1", "", 0, "fd00::1"),
        ("", "", 0, None),
        ("unix:", "", 0, None),
        # Nobody told us of a proxy, and one has written: the peer is that proxy, or a liar.
        ("10.0.0.7", "10.0.0.9", 0, None),
        ("10.0.0.7", "10.0.0.9", None, None),
        ("10.0.0.1", "10.0.0.9", 1, "10.0.0.9"),
        # Whatever stands left of what our proxies added is the visitor's own invention.
        ("10.0.0.1", "10.0.0.9, 203.0.113.5", 1, "203.0.113.5"),
        ("10.0.0.1", "10.0.0.9,203.0.113.5, 10.0.0.2", 2, "203.0.113.5"),
        ("10.0.0.1", "", 1, None),
        ("10.0.0.1", "10.0.0.2", 2, None),
        ("10.0.0.1", "10.0.0.9:4711", 1, "10.0.0.9"),
        ("10.0.0.1", "[fd00::1]:4711", 1, "fd00::1"),
        ("10.0.0.1", "unknown", 1, None),
        ("10.0.0.1", "10.0.0.9\n", 1, "10.0.0.9"),
        ("10.0.0.1", "010.0.0.9", 1, None),
    ],
)
def test_where_a_request_comes_from_is_certain_or_not_known(
    peer: str, forwarded: str, proxies: int | None, address: str | None
) -> None:
    found = anonymous.address_of(peer=peer, forwarded=forwarded, trusted_proxies=proxies)

    assert found == (ipaddress.ip_address(address) if address else None)


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [
        ("10.20.3.4", True),
        ("10.21.0.1", False),
        ("fd00::5", True),
        ("fd01::5", False),
        ("::ffff:10.20.3.4", False),  # address_of has made an IPv4 address of it before
    ],
)
def test_listed_networks_are_let_in_and_no_others(
    settings: Any, address: str, is_let_in: bool
) -> None:
    listed = read({"PORTAL_ANONYMOUS_NETWORKS": "10.20.0.0/16, fd00::/32"}).anonymous_networks
    settings.PORTAL = replace(settings.PORTAL, anonymous_networks=listed)

    assert anonymous.is_let_in(ipaddress.ip_address(address)) is is_let_in
    assert anonymous.is_let_in(None) is False


def test_nobody_is_let_in_unless_a_network_is_listed() -> None:
    assert anonymous.is_let_in(ipaddress.ip_address("127.0.0.1")) is False


@pytest.mark.threat("J1")
@pytest.mark.parametrize("value", ["0.0.0.0/0", "::/0", "10.0.0.0/8, ::/0", "10.0.0.1/8", "office"])
def test_a_list_that_lets_everybody_in_is_refused(value: str) -> None:
    with pytest.raises(BadConfiguration, match="PORTAL_ANONYMOUS_NETWORKS"):
        read({"PORTAL_ANONYMOUS_NETWORKS": value})


def test_the_person_they_act_as_is_made_once_and_said_so(db: None) -> None:
    first, second = anonymous.nobody(), anonymous.nobody()

    assert first == second
    assert Person.objects.count() == 1
    assert Entry.objects.get().act == "person.added"


def test_disabled_it_lets_nobody_in(db: None) -> None:
    assert anonymous.nobody() is not None
    Person.objects.update(is_active=False)

    assert anonymous.nobody() is None


@pytest.mark.threat("A13")
def test_nobody_signs_in_as_it_and_it_holds_no_key(chief: Person, browser: Client) -> None:
    nobody = anonymous.nobody()
    assert nobody is not None
    browser.force_login(nobody)

    with pytest.raises(SignedOut):
        queries.person_of_session(browser.session.session_key)
    with pytest.raises(keys.NotAllowed):
        keys.make_key(nobody, name="mine")
    assert queries.active_person_with_email(anonymous.EMAIL) is None
    assert not access.may_set_password(chief, person=nobody)
    assert {"is_staff", "email", "password"} <= set(
        access.fields_out_of_reach(chief, person=nobody)
    )


@pytest.mark.threat("A13")
def test_an_administrator_gives_it_no_password(chief: Person, browser: Client) -> None:
    nobody = anonymous.nobody()
    assert nobody is not None
    browser.force_login(chief)
    password = {"password1": "a long walk by the river", "password2": "a long walk by the river"}

    answer = browser.post(f"/admin/accounts/person/{nobody.pk}/password/", password)

    nobody.refresh_from_db()
    assert answer.status_code == 403
    assert not nobody.has_usable_password()
