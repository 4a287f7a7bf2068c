"""No container has more power than its work needs (threat J3)."""

import pytest
import yaml

from portal.ops.parts import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
NETWORKS = COMPOSE["networks"]


def networks_with_a_way_out(service: str) -> set[str]:
    return {
        name for name in SERVICES[service]["networks"] if not (NETWORKS[name] or {}).get("internal")
    }


@pytest.mark.threat("J3")
@pytest.mark.parametrize("service", SERVICES)
def test_each_is_read_only_and_without_privileges(service):
    settings = SERVICES[service]

    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in settings
    assert "privileged" not in settings
    assert settings["user"].split(":")[0] not in ("0", "root")
    assert settings["pids_limit"] > 0


@pytest.mark.threat("J3")
@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"jobs", "proxy"}))
def test_only_the_puller_and_the_proxy_reach_the_outside(service):
    assert not networks_with_a_way_out(service)


@pytest.mark.threat("J3")
@pytest.mark.threat("E20")
def test_the_worker_cannot_write_into_the_store():
    assert "models:/home/portal/models:ro" in SERVICES["worker"]["volumes"]
    unit = (ROOT / "deploy/systemd/portal-inference.service").read_text()
    assert "ProtectSystem=strict" in unit
    assert "ReadWritePaths=" not in unit


def test_the_worker_meets_nobody_but_redis():
    [network] = SERVICES["worker"]["networks"]

    assert {name for name, each in SERVICES.items() if network in each["networks"]} == {
        "worker",
        "redis",
    }
    assert SERVICES["worker"]["env_file"] == ["deploy/secrets/worker.env"]
    assert all(volume.endswith(":ro") for volume in SERVICES["worker"]["volumes"])


def test_only_the_proxy_is_published():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


@pytest.mark.threat("J4")
def test_no_file_of_the_repository_holds_a_password():
    text = (ROOT / "docker-compose.yml").read_text()

    assert "PASSWORD" not in text
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert "deploy/secrets" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_image_does_not_run_as_root():
    lines = (ROOT / "deploy" / "images" / "Dockerfile").read_text().splitlines()

    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"
