"""What compose and systemd start is what `make run` starts."""

import shlex
from pathlib import Path

import pytest
import yaml

from portal import configuration
from portal.ops.parts import ROOT, parts

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
UNITS = ROOT / "deploy" / "systemd"
TEAM = {"REDIS_URL": "redis://elsewhere", "PORTAL_TRUSTED_PROXIES": "1", "PORTAL_HOME": "/HOME"}
WANTED = {
    part.name: part for part in parts(configuration.read(TEAM), environment=TEAM, python="python")
}
# The one part whose name differs, since Celery has a worker as well.
COMPOSE_NAMES = {"inference": "worker"}


def without_places(command: list[str]) -> list[str]:
    """The command as every installation has it: no bind address, no home."""
    words = [Path(command[0]).name, *command[1:]]
    for flag in ("-b", "--schedule"):
        if flag in words:
            words[words.index(flag) + 1] = "…"
    return words


def in_unit(name: str, key: str) -> str:
    for line in (UNITS / f"portal-{name}.service").read_text().splitlines():
        if line.startswith(f"{key}="):
            return line.partition("=")[2]
    raise AssertionError(f"portal-{name}.service has no {key}")


@pytest.mark.parametrize("name", WANTED)
def test_compose_runs_the_commands_of_the_group(name):
    service = COMPOSE[COMPOSE_NAMES.get(name, name)]

    assert without_places(service["command"]) == without_places(list(WANTED[name].command))


@pytest.mark.parametrize("name", WANTED)
def test_systemd_runs_the_commands_of_the_group(name):
    # A percent sign means something to systemd; two are one.
    command = shlex.split(in_unit(name, "ExecStart").replace("%%", "%"))

    assert without_places(command) == without_places(list(WANTED[name].command))


def test_nothing_is_missing_and_nothing_is_left_over():
    named = {COMPOSE_NAMES.get(name, name) for name in WANTED}
    units = {path.stem.removeprefix("portal-") for path in UNITS.glob("*.service")}
    wanted_by_target = (UNITS / "portal.target").read_text()

    assert set(COMPOSE) == named | {"proxy", "redis", "postgres", "migrate"}
    assert units == set(WANTED)
    assert all(f"portal-{name}.service" in wanted_by_target for name in WANTED)


def test_without_a_redis_of_the_operator_there_is_our_own():
    names = [part.name for part in parts(configuration.read({}), environment={})]

    assert names == ["valkey", "web", "recorder", "inference", "celery", "jobs", "beat"]


def test_the_worker_is_told_neither_secret_nor_database():
    told = {
        "PORTAL_SECRET_KEY": "s",
        "PORTAL_ADMIN_PASSWORD": "p",
        "DATABASE_URL": "postgres://u:p@h/d",
        "OLLAMA_KEEP_ALIVE": "1h",
        "PORTAL_HOME": "/HOME",
    }

    [worker] = [
        part
        for part in parts(configuration.read(told), environment=told)
        if part.name == "inference"
    ]

    assert not {"PORTAL_SECRET_KEY", "PORTAL_ADMIN_PASSWORD", "DATABASE_URL"} & set(
        worker.environment
    )
    assert worker.environment["OLLAMA_KEEP_ALIVE"] == "1h"


def test_the_ollama_address_is_a_second_endpoint_and_off_by_default():
    def web(**environment: str) -> tuple[str, ...]:
        settings = configuration.read(environment)
        return next(p for p in parts(settings, environment=environment) if p.name == "web").command

    assert "-e" not in web()
    assert "tcp:port=11434:interface=127.0.0.1" in web(PORTAL_OLLAMA_BIND="127.0.0.1:11434")
    assert r"tcp:port=11434:interface=\:\:1" in web(PORTAL_OLLAMA_BIND="[::1]:11434")


@pytest.mark.threat("C3")
def test_a_frame_larger_than_a_quarter_of_a_mebibyte_is_refused_by_the_server():
    command = WANTED["web"].command

    for flag in ("--websocket-max-message-size", "--websocket-max-frame-size"):
        assert command[command.index(flag) + 1] == str(256 * 1024)


def test_what_clients_claim_about_their_address_counts_only_behind_a_proxy():
    alone = {"PORTAL_HOME": "/HOME"}
    web = next(p for p in parts(configuration.read(alone), environment=alone) if p.name == "web")

    assert "--proxy-headers" not in web.command
    assert "--proxy-headers" in WANTED["web"].command
