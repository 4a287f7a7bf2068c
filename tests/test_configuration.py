"""The environment, read once."""

import pytest

from inference import settings as worker_settings
from portal.configuration import BadConfiguration, read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_HOME", "/srv/c#/portal"),
        ("PORTAL_HOME", "/srv/50%41"),
        ("PORTAL_BIND", "nowhere"),
        ("PORTAL_BIND", "127.0.0.1:99999"),
        ("PORTAL_BIND", "127.0.0.1:٨٠"),
        ("PORTAL_TRUSTED_PROXIES", "one"),
        ("PORTAL_SIGN_UP", "perhaps"),
        ("PORTAL_ORIGINS", "portal.example.com"),
        ("PORTAL_ORIGINS", "ftp://portal.example.com"),
        ("PORTAL_ORIGINS", "https://portal.example.com/path"),
        ("PORTAL_ORIGINS", "https://user@portal.example.com"),
        ("PORTAL_ORIGINS", "https://[::1"),
        ("PORTAL_ORIGINS", "*"),
        ("PORTAL_SMTP_URL", "http://mail"),
        ("PORTAL_REGISTRIES", "https://registry.example.com"),
        ("PORTAL_REGISTRIES", "registry.example.com/models"),
        ("PORTAL_REGISTRY_STORES", "*"),
        ("PORTAL_REGISTRY_PLAIN", "a b"),
        ("PORTAL_REGISTRY_NETWORKS", "10.0.0.0/33"),
        ("PORTAL_REGISTRY_NETWORKS", "10.0.0.1/8"),
        ("PORTAL_REGISTRY_PROXY", "proxy.example.com:3128"),
        ("PORTAL_REGISTRY_PROXY", "socks5://proxy.example.com"),
        ("OLLAMA_LOAD_TIMEOUT", "5 minutes"),
        ("OLLAMA_LOAD_TIMEOUT", "-"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(BadConfiguration, match=name):
        read({name: value})


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://Portal.Example.com", "https://portal.example.com"),
        ("https://portal.example.com:443/", "https://portal.example.com"),
        ("http://portal.example.com:80", "http://portal.example.com"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_origins_are_written_as_browsers_write_them(given: str, origin: str) -> None:
    assert read({"PORTAL_ORIGINS": given}).origins == (origin,)


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"PORTAL_BIND": "[::1]:80"}, "http://[::1]"),
        (
            {"PORTAL_BIND": "0.0.0.0:9000", "PORTAL_HOSTS": "portal.lan,other"},
            "http://portal.lan:9000",
        ),
        ({"PORTAL_ORIGINS": "https://portal.lan,https://other"}, "https://portal.lan"),
    ],
)
def test_the_address_is_where_a_person_finds_the_portal(
    environment: dict[str, str], address: str
) -> None:
    assert read(environment).address == address


@pytest.mark.threat("J1")
@pytest.mark.parametrize(
    ("bind", "is_loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.0.7:1", False),
        ("portal.lan:1", False),
    ],
)
def test_loopback_is_known_from_the_network(bind: str, is_loopback: bool) -> None:
    assert read({"PORTAL_BIND": bind}).is_loopback is is_loopback


def test_registries_are_written_as_they_are_compared() -> None:
    read_now = read({"PORTAL_REGISTRIES": "HF.co:443, [FD00::1]:5000,localhost:5000"})

    assert read_now.registries == ("hf.co", "[fd00::1]:5000", "localhost:5000")
    assert read({"PORTAL_REGISTRIES": ""}).registries == ()
    assert read({}).registries == ("registry.ollama.ai", "hf.co", "huggingface.co")


@pytest.mark.parametrize(
    ("text", "is_pruning"),
    [
        *((no, True) for no in ("", "0", "f", "FALSE", " false ", '"0"')),
        *((yes, False) for yes in ("1", "true", "T", "yes", "off", "2")),
    ],
)
def test_noprune_is_read_as_ollama_reads_it(text: str, is_pruning: bool) -> None:
    assert read({"OLLAMA_NOPRUNE": text}).is_pruning is is_pruning


@pytest.mark.parametrize(
    "text", ["", "5m", "300", "1h30m", "1500ms", ".5m", "+90s", "0", "-1", "-5m", "0s"]
)
def test_the_portal_reads_the_load_timeout_as_the_worker_does(text: str) -> None:
    environment = {"OLLAMA_LOAD_TIMEOUT": text}

    assert (
        read(environment).load_timeout_seconds
        == worker_settings.read(environment).load_timeout_seconds
    )
