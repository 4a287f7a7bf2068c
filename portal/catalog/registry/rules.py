"""What an operator allows: which registries, which addresses, which road. Not for asking them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from portal.catalog.names import ModelName
from portal.catalog.registry.addresses import Network
from portal.catalog.registry.errors import NotAllowed
from portal.catalog.registry.hosts import Host, Origin
from portal.configuration import Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited, and how often tried. Tests give less of both."""

    connect_seconds: float = 10.0
    stall_seconds: float = 30.0
    document_seconds: float = 60.0
    # Below this many bytes a second, what comes is not a transfer but a way to hold us.
    floor_bytes_per_second: int = 64
    tries: int = 6
    document_tries: int = 3
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    stalls: int = 10
    beat_seconds: float = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings, once parsed. `stores` are hosts a registry may send us to for files."""

    registries: tuple[str, ...]
    stores: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    plain: tuple[str, ...] = ()
    proxy: str = ""
    auth_file: Path | None = None
    key_file: Path | None = None
    streams: int = 8
    chunk_bytes: int = 32 * 1024 * 1024
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        return cls(
            registries=configuration.registries,
            stores=configuration.registry_stores,
            networks=configuration.registry_networks,
            plain=configuration.registries_plain,
            proxy=configuration.registry_proxy,
            auth_file=configuration.registry_auth_file,
            key_file=configuration.home / "id_ed25519",
        )

    def origin_of(self, name: ModelName, *, insecure: bool) -> Origin:
        """Where this model is asked for. `NotAllowed` when its host is not on the list."""
        host = Host.parse(name.host)
        is_plain = insecure or host.is_loopback or self._is_in(host, self.plain)
        origin = Origin.of(host, is_plain=is_plain)
        if not self._is_listed(origin, self.registries):
            raise NotAllowed("unlisted", host=name.host)
        return origin

    def check_step(self, origin: Origin, *, start: Origin, insecure: bool) -> None:
        """Whether an answer of `start` may send us on to `origin` (threat E3)."""
        if not self._is_listed(origin, (*self.registries, *self.stores)):
            raise NotAllowed("unlisted", host=origin.shown)
        if origin.scheme == "https" or origin == start:
            return
        is_loopback = origin.as_host().is_loopback
        if not (insecure or is_loopback or self._is_listed(origin, self.plain)):
            raise NotAllowed("plain", host=origin.shown)

    def may_be_private(self, origin: Origin) -> bool:
        """Only a registry named in full may lie inside the network, never one met by a pattern."""
        return any(str(host) in self.registries for host in origin.as_hosts())

    def _is_listed(self, origin: Origin, entries: tuple[str, ...]) -> bool:
        return any(self._is_in(host, entries) for host in origin.as_hosts())

    def _is_in(self, host: Host, entries: tuple[str, ...]) -> bool:
        return any(host.matches(entry) for entry in entries)
