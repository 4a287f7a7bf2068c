"""The environment, read once at start into one frozen object. Not for Django's own settings."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_STANDARD_PORTS = {"http": 80, "https": 443}
REGISTRIES = "registry.ollama.ai,hf.co,huggingface.co"
# Where those keep their files, and send us for them.
REGISTRY_STORES = "*.r2.cloudflarestorage.com,*.hf.co,*.huggingface.co"
_LISTED_HOST = re.compile(
    r"(\*\.)?([a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII
)

_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_SECONDS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}


class BadConfiguration(ValueError):
    """A variable holds something we cannot use.

    The message names it and says what would be right.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What an operator decides. Durations in seconds, sizes in bytes or as named.

    `hosts` are the names the portal answers to, `origins` what stands before the path in a
    browser's address line, such as https://portal.example.com. `api_origins` are foreign pages that
    may use the API with a key. `trusted_proxies` None means: nobody said. Limits of 0 are none;
    from `anonymous_networks` programs may ask without a key.
    """

    home: Path
    bind_host: str
    bind_port: int
    ollama_bind: tuple[str, int] | None
    models: Path
    database_url: str
    redis_url: str
    hosts: tuple[str, ...]
    origins: tuple[str, ...]
    api_origins: tuple[str, ...]
    trusted_proxies: int | None
    secret_key: str
    smtp_url: str
    mail_from: str
    is_admin_second_factor_required: bool | None
    is_sign_up_open: bool
    admin_email: str
    admin_password: str
    max_queue: int
    context_length: int
    load_timeout_seconds: float | None
    is_pruning: bool
    go_template: bool | None
    requests_a_minute: int
    tokens_a_day: int
    anonymous_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    anonymous_requests_a_minute: int
    anonymous_tokens_a_day: int
    max_text_chars: int
    has_titles: bool
    max_file_bytes: int
    file_quota_bytes: int
    max_upload_bytes: int
    upload_quota_bytes: int
    registries: tuple[str, ...]
    registry_stores: tuple[str, ...]
    registry_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    registries_plain: tuple[str, ...]
    registry_proxy: str
    registry_auth_file: Path | None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the portal."""
        if self.bind_host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.bind_host).is_loopback
        except ValueError:
            return False

    @property
    def address(self) -> str:
        """Where a person finds the portal, without a slash at the end."""
        if self.origins:
            return self.origins[0]
        host = self.bind_host if self.is_loopback or not self.hosts else self.hosts[0]
        return _origin("http", host, self.bind_port)

    def origins_on(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """The origins of a portal without a proxy that answers to these names on its own port."""
        return tuple(_origin("http", host, self.bind_port) for host in hosts)


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration of this process. Raises `BadConfiguration` rather than guess."""
    home = _home(environment)
    host, port = _bind("PORTAL_BIND", environment.get("PORTAL_BIND") or "127.0.0.1:8000")
    ollama_bind = environment.get("PORTAL_OLLAMA_BIND")
    return Configuration(
        home=home,
        bind_host=host,
        bind_port=port,
        ollama_bind=_bind("PORTAL_OLLAMA_BIND", ollama_bind) if ollama_bind else None,
        models=Path(environment.get("OLLAMA_MODELS") or home / "models").expanduser().resolve(),
        database_url=environment.get("DATABASE_URL") or f"sqlite:///{home / 'portal.sqlite3'}",
        redis_url=environment.get("REDIS_URL") or f"unix://{home / 'valkey.sock'}",
        hosts=_words(environment.get("PORTAL_HOSTS", "")),
        origins=_origins(environment.get("PORTAL_ORIGINS", "")),
        api_origins=_words(environment.get("OLLAMA_ORIGINS", "")),
        trusted_proxies=_whole_or_none(environment, "PORTAL_TRUSTED_PROXIES"),
        secret_key=environment.get("PORTAL_SECRET_KEY", ""),
        smtp_url=_smtp_url(environment.get("PORTAL_SMTP_URL", "")),
        mail_from=environment.get("PORTAL_MAIL_FROM", ""),
        is_admin_second_factor_required=_yes_or_none(environment, "PORTAL_ADMIN_SECOND_FACTOR"),
        is_sign_up_open=_yes_or_none(environment, "PORTAL_SIGN_UP") or False,
        admin_email=environment.get("PORTAL_ADMIN_EMAIL", ""),
        admin_password=environment.get("PORTAL_ADMIN_PASSWORD", ""),
        max_queue=_whole(environment, "OLLAMA_MAX_QUEUE", default=512),
        context_length=_whole(environment, "OLLAMA_CONTEXT_LENGTH", default=0) or 4096,
        load_timeout_seconds=_load_timeout(environment.get("OLLAMA_LOAD_TIMEOUT") or "5m"),
        is_pruning=not _go_flag(environment.get("OLLAMA_NOPRUNE", "")),
        go_template=_yes_or_none(environment, "OLLAMA_GO_TEMPLATE"),
        requests_a_minute=_whole(environment, "PORTAL_REQUESTS_A_MINUTE", default=6_000),
        tokens_a_day=_whole(environment, "PORTAL_TOKENS_A_DAY", default=0),
        anonymous_networks=_visitors(environment, "PORTAL_ANONYMOUS_NETWORKS"),
        anonymous_requests_a_minute=_whole(
            environment, "PORTAL_ANONYMOUS_REQUESTS_A_MINUTE", default=20
        ),
        anonymous_tokens_a_day=_whole(
            environment, "PORTAL_ANONYMOUS_TOKENS_A_DAY", default=200_000
        ),
        max_text_chars=_whole(environment, "PORTAL_MAX_TEXT_CHARS", default=100_000),
        has_titles=_yes_or_none(environment, "PORTAL_TITLES") is not False,
        max_file_bytes=_whole(environment, "PORTAL_MAX_FILE_MB", default=20) * 10**6,
        file_quota_bytes=_whole(environment, "PORTAL_FILE_QUOTA_MB", default=2_000) * 10**6,
        max_upload_bytes=_whole(environment, "PORTAL_MAX_UPLOAD_GB", default=200) * 10**9,
        upload_quota_bytes=_whole(environment, "PORTAL_UPLOAD_QUOTA_GB", default=400) * 10**9,
        registries=_hosts(environment, "PORTAL_REGISTRIES", default=REGISTRIES),
        registry_stores=_hosts(environment, "PORTAL_REGISTRY_STORES", default=REGISTRY_STORES),
        registry_networks=_networks(environment, "PORTAL_REGISTRY_NETWORKS"),
        registries_plain=_hosts(environment, "PORTAL_REGISTRY_PLAIN", default=""),
        registry_proxy=_proxy(environment.get("PORTAL_REGISTRY_PROXY", "")),
        registry_auth_file=_path_or_none(environment.get("PORTAL_REGISTRY_AUTH", "")),
    )


def _home(environment: Mapping[str, str]) -> Path:
    """Addresses of database and queue are made from it, in which these letters mean something."""
    home = Path(environment.get("PORTAL_HOME") or "var").resolve()
    is_named = environment.get("DATABASE_URL") and environment.get("REDIS_URL")
    if not is_named and re.search(r"[#?%]", str(home)):
        raise BadConfiguration(f"PORTAL_HOME must be a folder without #, ? and %, not '{home}'")
    return home


def _bind(name: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BadConfiguration(f"{name} must be host:port, such as 127.0.0.1:8000, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _hosts(environment: Mapping[str, str], name: str, *, default: str) -> tuple[str, ...]:
    """Hosts as the registry client compares them: lower case, the port only when it is unusual."""
    hosts = []
    for word in _words(environment.get(name, default)):
        host = word.lower()
        if not _LISTED_HOST.fullmatch(host):
            raise BadConfiguration(
                f"{name} must hold names like registry.example.com:5000, not {word!r}"
            )
        hosts.append(host.removesuffix(":443"))
    return tuple(hosts)


def _networks(
    environment: Mapping[str, str], name: str
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    text = environment.get(name, "")
    try:
        return tuple(ipaddress.ip_network(word) for word in _words(text))
    except ValueError:
        raise BadConfiguration(
            f"{name} must hold networks like 10.20.0.0/16, not {text!r}"
        ) from None


def _visitors(
    environment: Mapping[str, str], name: str
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks, and none that is everybody's: a slip of the pen would open the portal to all."""
    found = _networks(environment, name)
    if any(network.prefixlen == 0 for network in found):
        raise BadConfiguration(f"{name} must name networks of yours; a /0 is everybody's")
    return found


def _proxy(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in _STANDARD_PORTS or not parts.hostname):
        raise BadConfiguration(
            "PORTAL_REGISTRY_PROXY must be an address like http://proxy.example.com:3128"
        )
    return text


def _path_or_none(text: str) -> Path | None:
    return Path(text).expanduser().resolve() if text else None


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_checked_origin(word.rstrip("/")) for word in _words(text))


def _checked_origin(text: str) -> str:
    """As browsers write it, so that comparing strings is comparing scheme, host and port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    more = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in _STANDARD_PORTS or not parts.hostname or more:
        raise BadConfiguration(
            f"PORTAL_ORIGINS must hold addresses like https://portal.example.com, not {text!r}"
        )
    return _origin(parts.scheme, parts.hostname, port or _STANDARD_PORTS[parts.scheme])


def _origin(scheme: str, host: str, port: int) -> str:
    name = f"[{host.strip('[]')}]" if ":" in host else host.lower()
    return f"{scheme}://{name}" if _STANDARD_PORTS[scheme] == port else f"{scheme}://{name}:{port}"


def _smtp_url(text: str) -> str:
    if text and urlsplit(text).scheme not in ("smtp", "smtps", "smtp+tls"):
        raise BadConfiguration(
            "PORTAL_SMTP_URL must be smtp://, smtp+tls:// or smtps://, then user:password@host:port"
        )
    return text


def _whole(environment: Mapping[str, str], name: str, *, default: int) -> int:
    number = _whole_or_none(environment, name)
    return default if number is None else number


def _whole_or_none(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise BadConfiguration(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _load_timeout(text: str) -> float | None:
    """As the worker reads it: Go's form or whole seconds; None is for ever, for zero and below."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    body = f"{body}s" if body.isascii() and body.isdigit() else body
    if not re.fullmatch(f"(?:{_DURATION_PART.pattern})+", body, re.ASCII):
        raise BadConfiguration(
            f"OLLAMA_LOAD_TIMEOUT must be a duration such as 5m, 90s or 300, not {text!r}"
        )
    parts = _DURATION_PART.findall(body)
    seconds = sign * sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    return seconds if seconds > 0 else None


def _go_flag(text: str) -> bool:
    """As Ollama reads a switch: Go's words for no are no, and anything else that is set is yes."""
    return text.strip().strip("\"'") not in ("", "0", "f", "F", "false", "False", "FALSE")


def _yes_or_none(environment: Mapping[str, str], name: str) -> bool | None:
    text = environment.get(name, "").strip().lower()
    if not text:
        return None
    if text in ("0", "false", "no", "off"):
        return False
    if text in ("1", "true", "yes", "on"):
        return True
    raise BadConfiguration(f"{name} must be yes or no, not {text!r}")
