"""Where a pull may go: registries of the list, at public addresses, whatever the spelling."""

import dataclasses
import ipaddress

import pytest

from portal.catalog.names import ModelName, NotAName
from portal.catalog.registry import (
    BadAnswer,
    NotAllowed,
    NotFound,
    Registry,
    RegistryError,
    Rules,
    Unreachable,
)
from portal.catalog.registry.addresses import is_public, resolve
from portal.catalog.registry.hosts import Host
from tests.catalog.registry.conftest import ignored
from tests.doubles.lying_registry import Asked, LyingRegistry, for_blobs

WEIGHTS = bytes(range(256))

# Each of these means this machine, a neighbour, or nobody: in a URL, as a URL writes it.
INSIDE = [
    *("127.0.0.1", "127.1", "127.0.1", "127.8.8.8", "127.000.000.001", "127.0.0.1."),
    *("0x7f.1", "0x7f.0.0.1", "0x7f000001", "0X7F.1", "2130706433", "017700000001", "0177.0.0.1"),
    *("0", "0x0", "00.0.0.0", "0.1.2.3"),
    *("10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.168.257"),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "100.64.0.1", "100.100.100.200"),
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::127.0.0.1]", "[::7f00:1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[::ffff:0:7f00:1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[64:ff9b::808:808]"),
    *("[2002:7f00:1::]", "[2002:a00:1::1]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[3fff::1]"),
    *("[fe80::1]", "[fe80::1%25lo]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]"),
    *("[100::1]", "[5f00::1]"),
    *("localhost", "LOCALHOST", "localhost."),
    *("user@127.0.0.1", "user:word@127.0.0.1", "hf.co@127.0.0.1", "hf.co:443@127.0.0.1"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1%00.hf.co", "127.0.0.1%23.hf.co", "%31%32%37.0.0.1"),
    *("hf.co\\@127.0.0.1", "127.0.0.1\\.hf.co", "127.0.0.1 .hf.co", "[127.0.0.1]", "[::1"),
]
assert len(INSIDE) >= 40

PUBLIC = ["8.8.8.8", "1.1.1.1", "104.21.75.227", "2606:4700::1111", "2a00:1450:4001::5e"]


@pytest.mark.threat("E3")
@pytest.mark.parametrize("spelling", INSIDE)
def test_a_redirect_inside_is_not_followed_however_it_is_spelled(rules, lying, folder, spelling):
    """Though the operator allowed this very text as a place of files, and plain HTTP."""
    layer = lying.add(WEIGHTS)
    host = f"models.example.com:{lying.port}"
    stores = (f"{spelling.lower()}:{lying.port}", spelling.lower(), "*.hf.co")
    networks = (ipaddress.ip_network("127.0.0.1/32"),)
    registry = Registry(
        dataclasses.replace(rules, registries=(host,), stores=stores, networks=networks),
        resolve=lambda name, port: ["127.0.0.1"] if "models" in name else _resolved(name),
    )

    def elsewhere(asked: Asked) -> bool:
        location = f"http://{spelling}:{lying.port}/files/{layer.digest}"
        asked.send_response(307)
        asked.wfile.write(b"HTTP/1.1 307 x\r\nContent-Length: 0\r\nLocation: ")
        asked.wfile.write(location.encode() + b"\r\n\r\n")
        return True

    lying.lies = [for_blobs(elsewhere)]
    name = ModelName(host, "me", "small", "latest")

    with pytest.raises((NotAllowed, BadAnswer)) as told:
        registry.fetch(name, layer, into=folder, told=ignored, insecure=True)

    assert "changed" in str(told.value)
    assert not lying.asked_for("GET", "/files/")


@pytest.mark.threat("E3")
@pytest.mark.parametrize("spelling", INSIDE)
def test_a_model_of_a_host_inside_is_not_asked_for(rules, lying, spelling):
    """Whether the name is no name, its host none, or its host not on the list: nobody is asked."""
    registry = Registry(dataclasses.replace(rules, registries=("hf.co",), stores=("*.hf.co",)))

    with pytest.raises((NotAName, NotAllowed)):
        registry.manifest(ModelName.parse(f"{spelling}:{lying.port}/me/small"), insecure=True)

    assert not lying.seen


@pytest.mark.threat("E3", "E4")
@pytest.mark.parametrize("spelling", INSIDE)
def test_a_listed_name_whose_address_is_inside_is_not_connected_to(rules, lying, spelling):
    """What the system's resolver makes of these texts is what a name might resolve to."""
    texts = _resolved(spelling)
    name = f"models.example.com:{lying.port}"
    rules = dataclasses.replace(rules, registries=(name,))
    registry = Registry(rules, resolve=lambda name, port: texts)

    with pytest.raises(NotAllowed):
        registry.manifest(ModelName(name, "me", "small", "latest"), insecure=True)

    assert not lying.seen


@pytest.mark.threat("E4")
@pytest.mark.parametrize("spelling", INSIDE)
def test_what_is_inside_is_not_called_public(spelling):
    for text in _resolved(spelling):
        assert not is_public(ipaddress.ip_address(text))


@pytest.mark.threat("E4")
@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_called_public(text):
    assert is_public(ipaddress.ip_address(text))


def _resolved(spelling: str) -> list[str]:
    """Addresses only: no name is looked up."""
    text = spelling.strip("[]").rpartition("@")[2]
    if text.lower().strip(".") == "localhost":
        return ["127.0.0.1", "::1"]
    if any(character.isalpha() and character not in "xXabcdefABCDEF" for character in text):
        return ["127.0.0.1"]
    try:
        return resolve(text, 80) if text.isascii() and " " not in text else ["127.0.0.1"]
    except OSError:
        return ["127.0.0.1"]


@pytest.mark.threat("E3")
def test_one_address_inside_among_public_ones_is_enough_to_refuse(rules, lying):
    name = f"models.example.com:{lying.port}"
    rules = dataclasses.replace(rules, registries=(name,))
    registry = Registry(rules, resolve=lambda name, port: ["8.8.8.8", "127.0.0.1"])

    with pytest.raises(NotAllowed) as told:
        registry.manifest(ModelName(name, "me", "small", "latest"), insecure=True)

    assert "PORTAL_REGISTRY_NETWORKS" in str(told.value)


@pytest.mark.threat("E3")
def test_a_name_is_resolved_once_and_that_very_address_is_connected_to(rules, lying, folder):
    """A name that changes its address between question and connection changes nothing."""
    layer = lying.add(bytes(300_000))
    name = f"models.example.com:{lying.port}"
    rules = dataclasses.replace(
        rules, registries=(name,), networks=(ipaddress.ip_network("127.0.0.1/32"),)
    )
    answers = [["127.0.0.1"]]
    registry = Registry(rules, resolve=lambda name, port: answers.pop())

    registry.fetch(
        ModelName(name, "me", "small", "latest"), layer, into=folder, told=ignored, insecure=True
    )

    assert not answers
    assert {each.host for each in lying.seen} == {name}


@pytest.mark.threat("E3")
def test_a_listed_network_helps_no_place_of_files_and_no_other_registry(rules, lying):
    networks = (ipaddress.ip_network("127.0.0.0/8"),)
    name = ModelName(f"models.example.com:{lying.port}", "me", "small", "latest")
    for changes in (
        {"registries": (), "stores": (name.host,)},
        {"registries": (f"other.example.com:{lying.port}",)},
        {"registries": ("models.example.com",)},
        {"registries": ("*.example.com",)},
    ):
        registry = Registry(
            dataclasses.replace(rules, networks=networks, **changes),
            resolve=lambda name, port: ["127.0.0.1"],
        )
        with pytest.raises(NotAllowed):
            registry.manifest(name, insecure=True)
    assert not lying.seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_registry_listed_by_its_address_needs_no_network_and_no_encryption(rules, lying, host):
    name = lying.add_model("small", WEIGHTS)
    here = f"{host}:{lying.port}"
    registry = Registry(dataclasses.replace(rules, registries=(here,)))

    fetched = registry.manifest(ModelName(here, name.namespace, name.model, name.tag))

    assert fetched.data == lying.manifests["me/small:latest"]


@pytest.mark.threat("E3")
def test_a_redirect_to_an_unlisted_host_is_refused_by_name(rules, lying, other, folder):
    layer = lying.add(WEIGHTS)
    other.add(WEIGHTS)

    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"http://{other.host}/files/{layer.digest}")
        return True

    lying.lies = [for_blobs(elsewhere)]
    name = ModelName(lying.host, "me", "small", "latest")

    with pytest.raises(NotAllowed) as told:
        Registry(rules).fetch(name, layer, into=folder, told=ignored)

    assert other.host in str(told.value)
    assert "PORTAL_REGISTRIES" in str(told.value)
    assert not other.seen

    allowed = dataclasses.replace(rules, registries=(*rules.registries, other.host))
    Registry(allowed).fetch(name, layer, into=folder, told=ignored)
    assert other.seen


@pytest.mark.parametrize("written", ["registry.example", "registry.example:443"])
@pytest.mark.parametrize("listed", ["registry.example", "registry.example:443"])
def test_the_usual_port_may_be_written_or_not(written, listed):
    rules = Rules(registries=(listed,))
    origin = rules.origin_of(ModelName(written, "me", "small", "latest"), insecure=False)

    rules.check_step(origin, start=origin, insecure=False)

    assert origin.url == "https://registry.example"
    assert rules.may_be_private(origin)


@pytest.mark.threat("E3")
def test_redirects_in_a_circle_end(rules, lying):
    def around(asked: Asked) -> bool:
        asked.say(307, Location=asked.path)
        return True

    lying.lies = [around]

    with pytest.raises(RegistryError) as told:
        Registry(rules).manifest(ModelName(lying.host, "me", "small", "latest"))

    assert "redirects" in told.value.contract_text
    assert len(lying.seen) <= 12


def test_a_redirect_without_a_place_has_ollamas_words(rules, lying):
    def nowhere(asked: Asked) -> bool:
        asked.say(307)
        return True

    lying.lies = [nowhere]

    with pytest.raises(RegistryError) as told:
        Registry(rules).manifest(ModelName(lying.host, "me", "small", "latest"))

    assert "http: no Location header in response" in told.value.contract_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hf.co", "hf.co"),
        ("HF.co:5000", "hf.co:5000"),
        ("my_host", "my_host"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("[2606:4700::1111]:5000", "[2606:4700::1111]:5000"),
        ("a.b-c.d", "a.b-c.d"),
    ],
)
def test_a_plain_name_is_read(text, shown):
    assert str(Host.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "a..b",
            "-a",
            "a-",
            "a" * 64,
            "a.b.",
            "a:0",
            "a:65536",
            "a:٣",
            "a:1:2",
            "a:",
            ":1",
        ),
        *(
            "a b",
            "a/b",
            "a@b",
            "a#b",
            "a?b",
            "a%b",
            "ä",
            "a\n",
            "\x00",
            "1.2.3",
            "1.2.3.4.5",
            "0x1",
        ),
        *("[::1]x", "[::1", "[a]", "[::1%lo]", "a.0x7f", "256.1.1.1", ("a" * 60 + ".") * 5 + "b"),
    ],
)
@pytest.mark.threat("E3")
def test_no_other_spelling_is_read(text):
    with pytest.raises(NotAllowed):
        Host.parse(text)


# ── The proxy ────────────────────────────────────────────────────────────────────────────────


def nobody(name: str, port: int) -> list[str]:
    raise OSError(name)


def through(proxy: LyingRegistry):
    """Names are the proxy's to resolve; the proxy itself is found."""
    return lambda name, port: ["127.0.0.1"] if port == proxy.port else nobody(name, port)


def test_a_proxy_is_asked_and_resolves_the_name_itself(rules, lying):
    lying.add_model("small", WEIGHTS)
    behind = dataclasses.replace(
        rules,
        registries=("models.example.com",),
        plain=("models.example.com",),
        proxy=f"http://me:word@{lying.host}",
    )

    Registry(behind, resolve=through(lying)).manifest(
        ModelName("models.example.com", "me", "small", "latest")
    )

    asked = lying.seen[0]
    assert asked.path == "http://models.example.com/v2/me/small/manifests/latest"
    assert asked.headers["Proxy-Authorization"].startswith("Basic ")


@pytest.mark.threat("E3")
@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "169.254.169.254", "192.168.0.1:5000"),
        *("0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"),
    ],
)
def test_a_proxy_is_not_asked_for_an_address_inside(rules, lying, folder, host):
    layer = lying.add(WEIGHTS)

    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"http://{host}/files/{layer.digest}")
        return True

    lying.lies = [elsewhere]
    behind = dataclasses.replace(
        rules,
        registries=("models.example.com",),
        stores=(host,),
        plain=("models.example.com",),
        proxy=f"http://{lying.host}",
    )
    name = ModelName("models.example.com", "me", "small", "latest")

    with pytest.raises((NotAllowed, BadAnswer)):
        Registry(behind, resolve=through(lying)).fetch(
            name, layer, into=folder, told=ignored, insecure=True
        )
    assert len(lying.seen) == 1


def test_a_registry_of_ones_own_network_is_reached_without_the_proxy(rules, lying, other):
    name = lying.add_model("small", WEIGHTS)
    behind = dataclasses.replace(rules, proxy=f"http://{other.host}")

    Registry(behind).manifest(name)

    assert not other.seen


def test_an_insecure_pull_asks_without_encryption(rules, lying):
    lying.lies = [lambda asked: bool(asked.say(404)) or True]
    name = f"models.example.com:{lying.port}"
    rules = dataclasses.replace(
        rules, registries=(name,), networks=(ipaddress.ip_network("127.0.0.1/32"),)
    )
    registry = Registry(rules, resolve=lambda name, port: ["127.0.0.1"])

    with pytest.raises(NotFound):
        registry.manifest(ModelName(name, "me", "small", "latest"), insecure=True)
    with pytest.raises(Unreachable):
        registry.manifest(ModelName(name, "me", "small", "latest"))
