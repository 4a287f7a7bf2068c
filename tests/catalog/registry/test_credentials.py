"""Who we are is told to the registry that asks, over encryption, and to nobody else."""

import base64
import dataclasses
import hashlib
import ipaddress
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from portal.catalog.names import ModelName
from portal.catalog.registry import Denied, NotAllowed, Registry, RegistryError, Rules, Unreachable
from portal.catalog.registry.identity import signature_for
from tests.catalog.registry.conftest import ignored
from tests.doubles.certificates import certificate_for
from tests.doubles.lying_registry import Asked, LyingRegistry, for_blobs

WEIGHTS = bytes(1000)
SECRET = base64.b64encode(b"me:word").decode()
TOKEN = "of-the-registry"


def here(name: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LyingRegistry]:
    """A registry `models.example.com` with encryption, which this test's client trusts."""
    context, trusted = certificate_for("models.example.com", "files.example.com", folder=tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with LyingRegistry(tls=context).serving() as registry:
        yield registry


@pytest.fixture
def name(safe: LyingRegistry) -> ModelName:
    safe.add_model("small", WEIGHTS)
    return ModelName(f"models.example.com:{safe.port}", "me", "small", "latest")


@pytest.fixture
def safe_rules(rules: Rules, name: ModelName, tmp_path: Path) -> Rules:
    auth_file = tmp_path / "auth.json"
    auth_file.write_text(json.dumps({"auths": {name.host: {"auth": SECRET}}}))
    return dataclasses.replace(
        rules,
        registries=(name.host,),
        networks=(ipaddress.ip_network("127.0.0.1/32"),),
        auth_file=auth_file,
    )


def wants_token(registry: LyingRegistry, *, realm: str) -> Callable[[Asked], bool]:
    """Nothing without the token, which its own service gives."""

    def lie(asked: Asked) -> bool:
        if asked.path.startswith("/token"):
            asked.say(200, json.dumps({"token": TOKEN}).encode())
            return True
        if asked.headers.get("Authorization") == f"Bearer {TOKEN}":
            return False
        challenge = f'Bearer realm="{realm}",service="registry",scope="repository:me/small:pull a"'
        asked.say(401, WWW_Authenticate=challenge)
        return True

    return lie


def shown_to(*registries: LyingRegistry) -> list[str]:
    return [each.authorization for registry in registries for each in registry.seen]


def test_a_registry_with_encryption_is_asked(safe, name, safe_rules):
    fetched = Registry(safe_rules, resolve=here).manifest(name)

    assert fetched.data == safe.manifests["me/small:latest"]
    assert shown_to(safe) == [""]


def test_a_token_is_asked_for_with_the_password_and_kept(safe, name, safe_rules):
    safe.lies = [wants_token(safe, realm=f"https://{name.host}/token")]
    registry = Registry(safe_rules, resolve=here)

    registry.manifest(name)
    registry.manifest(name)

    assert shown_to(safe) == [
        "",
        f"Basic {SECRET}",
        f"Bearer {TOKEN}",
        f"Bearer {TOKEN}",
    ]
    query = parse_qs(urlsplit(safe.seen[1].path).query)
    assert query["service"] == ["registry"]
    assert query["scope"] == ["repository:me/small:pull", "a"]
    assert sorted(query) == ["nonce", "scope", "service", "ts"]


def test_a_password_is_shown_to_a_registry_that_asks_for_it(safe, name, safe_rules):
    def wants_password(asked: Asked) -> bool:
        if asked.headers.get("Authorization") == f"Basic {SECRET}":
            return False
        asked.say(401, WWW_Authenticate='Basic realm="x"')
        return True

    safe.lies = [wants_password]

    Registry(safe_rules, resolve=here).manifest(name)

    assert shown_to(safe) == ["", f"Basic {SECRET}"]


def test_several_ways_to_sign_in_may_stand_in_one_header(lying, rules):
    name = lying.add_model("small", WEIGHTS)
    bearer = f'Bearer realm="http://{lying.host}/token",service="registry"'

    def asks(asked: Asked) -> bool:
        is_refused = asked.headers.get("Authorization") != f"Bearer {TOKEN}"
        if is_refused:
            asked.say(401, WWW_Authenticate=f'Basic realm="x", {bearer}')
        return is_refused

    lying.lies = [gives_tokens, asks]

    assert Registry(rules).manifest(name).data == lying.manifests["me/small:latest"]
    assert parse_qs(urlsplit(lying.seen[1].path).query)["service"] == ["registry"]


def test_without_a_password_the_portals_own_key_signs(lying, rules):
    """Checked as the registry would: with the public key that the request itself shows."""
    name = lying.add_model("small", WEIGHTS)
    realm = f"http://{lying.host}/token"
    lying.lies = [wants_token(lying, realm=realm)]

    Registry(rules).manifest(name)

    asked = lying.seen[1]
    public, _, signature = asked.authorization.partition(":")
    key = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
    assert isinstance(key, Ed25519PublicKey)
    nothing = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    signed = f"GET,http://{lying.host}{asked.path},{nothing}"
    key.verify(base64.b64decode(signature), signed.encode())
    assert rules.key_file.stat().st_mode & 0o777 == 0o600
    assert rules.key_file.with_name("id_ed25519.pub").read_text().split()[1] == public


def test_the_key_is_made_once(rules):
    first = signature_for("https://a/", key_file=rules.key_file)

    assert signature_for("https://a/", key_file=rules.key_file) == first


def test_a_second_refusal_is_the_last(safe, name, safe_rules):
    def never(asked: Asked) -> bool:
        if asked.path.startswith("/token"):
            asked.say(200, b'{"token":"useless"}')
        else:
            asked.say(401, WWW_Authenticate=f'Bearer realm="https://{name.host}/token"')
        return True

    safe.lies = [never]

    with pytest.raises(Denied) as told:
        Registry(safe_rules, resolve=here).manifest(name)

    assert told.value.contract_text == "pull model manifest: unauthorized: access denied"
    assert "PORTAL_REGISTRY_AUTH" in str(told.value)
    assert len(safe.seen) == 3


@pytest.mark.threat("E5")
def test_a_challenge_that_names_another_host_gets_nothing(safe, name, safe_rules, other):
    realm = f"https://{other.host}/token"
    safe.lies = [wants_token(safe, realm=realm)]
    rules = dataclasses.replace(safe_rules, registries=(*safe_rules.registries, other.host))

    with pytest.raises(Denied) as told:
        Registry(rules, resolve=here).manifest(name)

    assert told.value.contract_text == (
        f'pull model manifest: realm host "{other.host}" does not match original host "{name.host}"'
    )
    assert not other.seen
    assert shown_to(safe) == [""]


@pytest.mark.threat("E5")
@pytest.mark.parametrize(
    "realm",
    [
        "http://{host}/token",
        "ftp://{host}/token",
        "https://user@{host}/token",
        "https://{host}@evil.example/token",
        "https://{host}\\@evil.example/token",
        "https://{host}.evil.example/token",
        "//{host}/token",
        "https://[{host}/token",
        "",
    ],
)
def test_a_challenge_of_another_shape_gets_nothing(safe, name, safe_rules, realm):
    safe.lies = [wants_token(safe, realm=realm.format(host=name.host))]

    with pytest.raises(Denied):
        Registry(safe_rules, resolve=here).manifest(name)

    assert shown_to(safe) == [""]


@pytest.mark.threat("E5")
@pytest.mark.parametrize("challenge", ["bearer", "basic"])
def test_without_encryption_neither_password_nor_key_is_shown(safe_rules, name, lying, challenge):
    """The registry is allowed without encryption; its password is there; nobody is told it."""
    host = f"models.example.com:{lying.port}"
    auths = {"auths": {host: {"auth": SECRET}}}
    safe_rules.auth_file.write_text(json.dumps(auths))
    rules = dataclasses.replace(safe_rules, registries=(host,), plain=(host,))
    lying.add_model("small", WEIGHTS)
    plain = ModelName(host, "me", "small", "latest")
    if challenge == "bearer":
        lying.lies = [wants_token(lying, realm=f"http://{host}/token")]
        Registry(rules, resolve=here).manifest(plain)
        assert shown_to(lying) == ["", "", f"Bearer {TOKEN}"]
    else:
        lying.lies = [lambda asked: bool(asked.say(401, WWW_Authenticate="Basic")) or True]
        with pytest.raises(Denied):
            Registry(rules, resolve=here).manifest(plain)
        assert shown_to(lying) == [""]


@pytest.mark.threat("E5")
def test_a_redirect_to_another_host_takes_no_token_along(safe, name, safe_rules, folder):
    """The other host is the same program here; what it is sent is what counts."""
    layer = safe.add(WEIGHTS)
    files = f"files.example.com:{safe.port}"

    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"https://{files}/files/{layer.digest}")
        return True

    safe.lies = [wants_token_at(name.host), for_blobs(elsewhere)]
    rules = dataclasses.replace(safe_rules, registries=(name.host, files))

    Registry(rules, resolve=here).fetch(name, layer, into=folder, told=ignored)

    given = {each.host: each.authorization for each in safe.seen}
    assert given == {name.host: f"Bearer {TOKEN}", files: ""}


def gives_tokens(asked: Asked) -> bool:
    if asked.path.startswith("/token"):
        asked.say(200, json.dumps({"token": TOKEN}).encode())
    return asked.path.startswith("/token")


def wants_token_at(host: str) -> Callable[[Asked], bool]:
    """As `wants_token`, for the requests of one host."""

    def lie(asked: Asked) -> bool:
        if asked.headers["Host"] != host:
            return False
        if asked.path.startswith("/token"):
            asked.say(200, json.dumps({"token": TOKEN}).encode())
            return True
        if asked.headers.get("Authorization") == f"Bearer {TOKEN}":
            return False
        asked.say(401, WWW_Authenticate=f'Bearer realm="https://{host}/token"')
        return True

    return lie


@pytest.mark.threat("E5")
@pytest.mark.parametrize("realm", ["of the other", "of the registry"])
def test_a_challenge_of_the_other_host_gets_nothing(safe, name, safe_rules, folder, realm):
    """Not even when it names the registry's own place for tokens."""
    layer = safe.add(WEIGHTS)
    files = f"files.example.com:{safe.port}"

    def asks(asked: Asked) -> bool:
        if asked.headers["Host"] != files:
            asked.say(307, Location=f"https://{files}/files/{layer.digest}")
        else:
            host = files if realm == "of the other" else name.host
            asked.say(401, WWW_Authenticate=f'Bearer realm="https://{host}/token"')
        return True

    safe.lies = [gives_tokens, asks]
    rules = dataclasses.replace(safe_rules, registries=(name.host, files))

    with pytest.raises(Denied):
        Registry(rules, resolve=here).fetch(name, layer, into=folder, told=ignored)

    assert not any(shown_to(safe))
    assert not safe.asked_for("GET", "/token")


@pytest.mark.threat("E5", "E3")
def test_nobody_is_followed_out_of_encryption(safe, name, safe_rules, other, folder):
    layer = safe.add(WEIGHTS)
    other.add(WEIGHTS)
    plain = f"files.example.com:{other.port}"

    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"http://{plain}/files/{layer.digest}")
        return True

    safe.lies = [for_blobs(elsewhere)]
    rules = dataclasses.replace(safe_rules, registries=(name.host, plain))

    with pytest.raises(NotAllowed) as told:
        Registry(rules, resolve=here).fetch(name, layer, into=folder, told=ignored)

    assert "PORTAL_REGISTRY_PLAIN" in str(told.value)
    assert not other.seen


@pytest.mark.threat("E5")
@pytest.mark.parametrize("fault", ["name", "issuer"])
def test_a_certificate_of_another_is_not_taken(
    safe, name, safe_rules, monkeypatch, tmp_path, fault
):
    if fault == "issuer":
        folder = tmp_path / "others"
        folder.mkdir()
        _, others = certificate_for("models.example.com", folder=folder)
        monkeypatch.setenv("SSL_CERT_FILE", str(others))
    host = name.host if fault == "issuer" else f"evil.example.com:{safe.port}"
    rules = dataclasses.replace(safe_rules, registries=(host,))

    with pytest.raises(Unreachable) as told:
        Registry(rules, resolve=here).manifest(ModelName(host, "me", "small", "latest"))

    assert "certificate" in told.value.contract_text
    assert not safe.seen


@pytest.mark.threat("E5")
@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"token":5}', b'{"token":"a\\r\\nX: y"}', b'{"token":"\xc3\xa4"}']
)
def test_a_token_that_is_none_is_not_sent(safe, name, safe_rules, answer):
    def lie(asked: Asked) -> bool:
        if asked.path.startswith("/token"):
            asked.say(200, answer)
        else:
            asked.say(401, WWW_Authenticate=f'Bearer realm="https://{name.host}/token"')
        return True

    safe.lies = [lie]

    with pytest.raises(RegistryError):
        Registry(safe_rules, resolve=here).manifest(name)

    assert len(safe.seen) == 2


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"auths":5}', '{"auths":{"%s":{"auth":"?"}}}', '{"auths":{"%s":5}}'],
)
def test_a_file_of_passwords_that_says_nothing_is_none(safe, name, safe_rules, content):
    safe_rules.auth_file.write_text(content.replace("%s", name.host))
    safe.lies = [lambda asked: bool(asked.say(401, WWW_Authenticate="Basic")) or True]

    with pytest.raises(Denied):
        Registry(safe_rules, resolve=here).manifest(name)


def test_a_file_of_passwords_may_hold_name_and_password_apart(safe, name, safe_rules):
    entry = {"username": "me", "password": "word"}
    safe_rules.auth_file.write_text(json.dumps({"auths": {f"https://{name.host}/v2/": entry}}))

    def wants_password(asked: Asked) -> bool:
        if asked.headers.get("Authorization") == f"Basic {SECRET}":
            return False
        asked.say(401, WWW_Authenticate='Basic realm="x"')
        return True

    safe.lies = [wants_password]

    Registry(safe_rules, resolve=here).manifest(name)
