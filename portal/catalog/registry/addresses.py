"""Which addresses we connect to: public ones, and those an operator listed (threats E3, E4).

Not for names: `hosts` reads them, `lines` resolves one, asks here, and connects to that very
address.
"""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

# Of these `is_global` says yes in Python 3.11, or says so only in later versions.
_NOT_PUBLIC_V4 = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/3",  # multicast and reserved
    )
)
# All that is public begins here; mapped, compatible, NAT64, site-local and multicast lie outside.
_PUBLIC_V6 = ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: an IPv4 address of anybody's choice
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)


class NoSuchHost(OSError):
    """The name has no address."""


def is_public(address: Address) -> bool:
    """Whether this address is on the internet, and not a way around to one that is not."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address not in _PUBLIC_V6 or address.scope_id is not None:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)


def is_listed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an operator named this address. 0.0.0.0 and :: mean this machine and never count."""
    if address.is_unspecified or address.is_multicast:
        return False
    return any(address.version == network.version and address in network for network in networks)


def read(text: str) -> Address | None:
    """An address as resolvers write it; None for what only looks like one."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def resolve(name: str, port: int) -> list[str]:
    """Every address of this name, each once, as the system's resolver orders them."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoSuchHost(str(error)) from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def resolve_within(
    seconds: float, *, name: str, port: int, resolve: Resolve, is_over: Callable[[], bool]
) -> list[str]:
    """As `resolve`, but gives up after `seconds`, or when `is_over` says so.

    The system's resolver cannot be interrupted; its thread is left to end by itself.
    """
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(resolve(name, port)))
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    beats = max(1, int(seconds / 0.05))
    for _ in range(beats):
        try:
            answer = answers.get(timeout=0.05)
        except queue.Empty:
            if is_over():
                break
            continue
        if isinstance(answer, OSError):
            raise answer
        return answer
    raise NoSuchHost("no answer about this name")
