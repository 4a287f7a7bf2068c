"""The proxy's file: limits, streams, WebSocket, and logs without keys."""

import re

import pytest

from portal.ops.parts import ROOT

TEXT = (ROOT / "deploy" / "proxy.conf").read_text()
LINES = [line.strip() for line in TEXT.splitlines() if not line.strip().startswith("#")]
CLEAN = "\n".join(LINES)


def block(opening: str) -> str:
    """The text between the braces after `opening`, in the TLS server."""
    secured = CLEAN[CLEAN.index("listen 8443") :]
    begin = secured.index(opening + " {") + len(opening) + 2
    return secured[begin : secured.index("}", begin)]


@pytest.mark.threat("C6")
@pytest.mark.parametrize("limit", ["client_header_timeout 15s", "client_body_timeout   15s"])
def test_slow_clients_are_cut(limit):
    assert f"{limit};" in CLEAN
    assert re.search(r"client_max_body_size +\d+m;", CLEAN)
    assert "limit_conn connections" in CLEAN


@pytest.mark.threat("C16")
def test_streams_pass_as_they_come():
    assert re.search(r"proxy_buffering +off;", CLEAN)
    assert not re.search(r"proxy_buffering +on;", CLEAN)
    assert "proxy_cache" not in CLEAN
    assert re.search(r"proxy_read_timeout +12h;", CLEAN)


def test_the_socket_is_upgraded_and_lives_longer_than_its_pings():
    socket = block("location = /ws/chat/")
    seconds = int(re.findall(r"proxy_read_timeout (\d+)s;", socket)[0])

    assert "proxy_set_header Upgrade           $http_upgrade;" in CLEAN
    assert seconds > 3 * 20


@pytest.mark.threat("A16")
def test_no_log_holds_a_key():
    scrub = dict(re.findall(r'^"~(\S+?)"\s+"?([^";]+)"?;', CLEAN, flags=re.MULTILINE))
    formats = re.findall(r"log_format scrubbed([^;]+);", CLEAN)

    assert all(line.endswith("scrubbed;") for line in LINES if line.startswith("access_log"))
    for secret in ("$request_uri", "$request ", "$http_referer", "$args", "$uri"):
        assert secret not in formats[0]
    for path in ("/u/pk_secret/api/chat", "/u/pk_secret", "/u/pk_secret?x=pk_secret"):
        assert "pk_secret" not in logged(path, scrub)
    assert logged("/u/pk_secret/api/chat", scrub) == "/u/-/api/chat"
    assert logged("/accounts/login/?next=/x", scrub) == "/accounts/login/"


def logged(path: str, scrub: dict[str, str]) -> str:
    """As nginx's map does it: the first expression that fits."""
    for expression, value in scrub.items():
        if found := re.search(expression.replace("?<", "?P<"), path):
            return re.sub(r"\$(\w+)", lambda name: found[name[1]], value)
    raise AssertionError(path)


@pytest.mark.threat("A16")
def test_the_error_log_is_silent_where_the_key_is_in_the_path():
    places = re.findall(r"location \^~ /u/ \{([^}]*)\}", CLEAN)

    assert len(places) == 2
    assert all("error_log /dev/null crit;" in place for place in places)
    assert "return 308" not in places[0]


def test_what_a_client_claims_about_itself_is_overwritten():
    assert re.search(r"proxy_set_header X-Forwarded-For +\$remote_addr;", CLEAN)
    assert "$proxy_add_x_forwarded_for" not in CLEAN
    for name in ("X-Forwarded-Host", "Forwarded"):
        assert re.search(rf'proxy_set_header {name} +"";', CLEAN)


@pytest.mark.threat("J7")
def test_there_is_no_alias_to_climb_out_of():
    assert "alias" not in CLEAN
    assert "root " not in CLEAN
