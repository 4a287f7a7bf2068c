"""Names of hosts and where they are asked: parsed once, strictly. Not for what is allowed.

One parser decides and the same text is connected to, so that no second reading of an odd spelling
can lead elsewhere (threat E3).
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

import httpx

from portal.catalog.registry.errors import NotAllowed

PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
MAX_NAME_CHARS = 253
MAX_URL_CHARS = 8192


@dataclass(frozen=True, slots=True)
class Host:
    """A name or an address, in lower case, and the port if one was written (else None)."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name`, `name:port` or `[address]:port`. Whatever else is written is refused."""
        lowered = text.lower()
        if lowered.startswith("["):
            name, bracket, port = lowered[1:].partition("]")
            if not bracket or (port and not port.startswith(":")) or not _is_ipv6(name):
                raise NotAllowed("spelling", host=text)
            return cls(str(ipaddress.IPv6Address(name)), _port(port[1:], text) if port else None)
        name, colon, port = lowered.partition(":")
        if not _is_plain_name(name):
            raise NotAllowed("spelling", host=text)
        return cls(name, _port(port, text) if colon else None)

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The address, if that is what was written instead of a name."""
        try:
            return ipaddress.ip_address(self.name)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether the name itself says: this machine. Says nothing of other names' addresses."""
        address = self.address
        return self.name == "localhost" if address is None else address.is_loopback

    def matches(self, entry: str) -> bool:
        """Whether an entry of a list means this host: in full, or `*.name` for all below a name."""
        if not entry.startswith("*."):
            return str(self) == entry
        return self.port is None and self.name.endswith(entry[1:]) and self.address is None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what credentials belong to, and what a connection is for."""

    scheme: str
    name: str
    port: int

    @classmethod
    def of(cls, host: Host, *, is_plain: bool) -> Self:
        scheme = "http" if is_plain else "https"
        return cls(scheme, host.name, host.port or PORTS[scheme])

    @classmethod
    def of_url(cls, url: httpx.URL) -> Self:
        """`NotAllowed` for anything but a plain http(s) address without a user in it."""
        if url.scheme not in PORTS or url.userinfo or not url.host or len(str(url)) > MAX_URL_CHARS:
            raise NotAllowed("spelling", host=url.host or "?")
        raw = url.raw_host.decode("ascii", "replace")
        host = Host.parse(f"[{raw}]" if ":" in raw else raw)
        return cls(url.scheme, host.name, url.port or PORTS[url.scheme])

    def as_host(self) -> Host:
        """As a list would name it: without the port when it is the usual one."""
        return Host(self.name, None if self.port == PORTS[self.scheme] else self.port)

    def as_hosts(self) -> tuple[Host, Host]:
        """As a list may name it: the usual port may be written all the same."""
        return self.as_host(), Host(self.name, self.port)

    @property
    def shown(self) -> str:
        return str(self.as_host())

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.as_host()}"


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise NotAllowed("spelling", host=whole)
    return int(text)


def _is_ipv6(text: str) -> bool:
    try:
        # A zone (`fe80::1%eth0`) is a choice of our own network, not part of an address.
        return ipaddress.IPv6Address(text).scope_id is None
    except ValueError:
        return False


def _is_plain_name(text: str) -> bool:
    """Dotted labels; four decimal numbers as everybody writes them; no other kind of number.

    Resolvers take `0x7f.1`, `2130706433` and `0177.0.0.1` for addresses. We do not.
    """
    if len(text) > MAX_NAME_CHARS:
        return False
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return False
    if not _NUMBER.fullmatch(labels[-1]):
        return True
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
