"""Answers a registry that asks who we are, and only that registry (threat E5).

Not for keeping what is sent: `talk` holds it for as long as one transfer lasts.
"""

import base64
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from portal.catalog.registry import identity
from portal.catalog.registry.errors import Denied
from portal.catalog.registry.hosts import Origin
from portal.catalog.registry.rules import Rules

# One header may hold several, and proxies make one of many.
_EACH = re.compile(r",\s*(?=(?:bearer|basic)\s)", re.ASCII | re.IGNORECASE)
_PARAMETER = re.compile(r'([a-z]+)="([^"\\]*)"', re.ASCII | re.IGNORECASE)
# Asks for a small JSON object: address, and the headers to send with it.
Ask = Callable[[httpx.URL, dict[str, str]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a 401 asked for."""

    kind: str
    realm: str
    service: str
    scope: str

    @classmethod
    def read(cls, values: list[str]) -> "Challenge | None":
        """The first we can answer of all `WWW-Authenticate` headers, a token before a password."""
        found = []
        for each in (each for value in values for each in _EACH.split(value)):
            kind, _, rest = each.strip().partition(" ")
            fields = {key.lower(): text for key, text in _PARAMETER.findall(rest)}
            found.append(
                cls(
                    kind=kind.lower(),
                    realm=fields.get("realm", ""),
                    service=fields.get("service", ""),
                    scope=fields.get("scope", ""),
                )
            )
        known = [each for each in found if each.kind in ("bearer", "basic")]
        return min(known, key=lambda each: each.kind != "bearer", default=None)


def answer(challenge: Challenge, *, origin: Origin, rules: Rules, ask: Ask) -> str:
    """The `Authorization` for `origin`. `Denied` when we have none, or should not show it."""
    password = identity.password_for(origin, auth_file=rules.auth_file)
    may_show = origin.scheme == "https" or origin.as_host().is_loopback
    if challenge.kind == "basic":
        if password is None or not may_show:
            raise Denied(host=origin.shown)
        return password.header
    url = _realm(challenge, origin)
    headers = {}
    if may_show and password is not None:
        headers["Authorization"] = password.header
    elif may_show and rules.key_file is not None:
        headers["Authorization"] = _signature(url, rules=rules, origin=origin)
    return f"Bearer {_token(ask(url, headers), origin)}"


def _realm(challenge: Challenge, origin: Origin) -> httpx.URL:
    """Where the token is asked for: on the registry's own host, and not less safely."""
    mine = origin.shown
    try:
        parts = urlsplit(challenge.realm)
    except ValueError:
        raise Denied("realm is not an address", host=mine) from None
    if parts.netloc.lower() != mine and parts.netloc.lower() != f"{origin.name}:{origin.port}":
        raise Denied(
            f'realm host "{parts.netloc}" does not match original host "{mine}"', host=mine
        )
    if parts.scheme != origin.scheme:
        raise Denied(f'realm scheme "{parts.scheme}" is not "{origin.scheme}"', host=mine)
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [("service", challenge.service)]
    query += [("scope", each) for each in challenge.scope.split()]
    query += [("ts", str(int(time.time())))]
    query += [("nonce", base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode())]
    # Sorted by name, the order of equal names kept: the signature covers the address as it is.
    ordered = sorted(query, key=lambda each: each[0])
    return httpx.URL(parts._replace(query=urlencode(ordered), fragment="").geturl())


def _signature(url: httpx.URL, *, rules: Rules, origin: Origin) -> str:
    if rules.key_file is None:
        raise Denied(host=origin.shown)
    try:
        return identity.signature_for(str(url), key_file=rules.key_file)
    except identity.UnusableKey as error:
        raise Denied(f"the portal's own key: {error}", host=origin.shown) from None


def _token(answered: object, origin: Origin) -> str:
    fields = answered if isinstance(answered, dict) else {}
    token = fields.get("token") or fields.get("access_token")
    # What goes into a header must not bring a second one along.
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]{1,16384}", token, re.ASCII):
        raise Denied(host=origin.shown)
    return token
