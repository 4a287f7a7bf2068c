"""The whole road of a model: out to a real registry, back by REST and command, and it answers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from portal import configuration
from portal.ops import parts
from tests.browser.house import House, until
from tests.browser.test_real_model import SHORT, starter_file
from tests.doubles.real_registry import real_registry

pytestmark = [pytest.mark.model, pytest.mark.fault, pytest.mark.timeout(480)]

PEOPLE = parts.ROOT / "tests" / "browser" / "real_people.py"
# What only this road needs of the whole portal.
BESIDES = ("jobs", "beat")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="module")
def house(registry: str) -> Iterator[House]:
    house = House.build_real()
    house.environment["PORTAL_REGISTRIES"] = registry
    house.configuration = configuration.read(house.environment)
    try:
        house.open(people=PEOPLE)
        yield house
    finally:
        for name in BESIDES:
            if name in house.running:
                house.kill(name)
        house.close()


@pytest.fixture(scope="module")
def carol(house: House) -> Iterator[httpx.Client]:
    """An administrator's program, with a key that may manage models and chat."""
    key = house.once("manage.py", "createkey", "carol@example.com", *SCOPES).strip()
    with httpx.Client(
        base_url=house.address, headers={"Authorization": f"Bearer {key}"}, timeout=100.0
    ) as client:
        yield client


SCOPES = ("--scope", "manage", "--scope", "chat")


def blobs(house: House) -> dict[str, str]:
    """The sha256 of every published file, by its name."""
    folder = house.configuration.models / "blobs"
    return {path.name: _sha256(path) for path in folder.iterdir()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.threat("E10")
@pytest.mark.threat("E13")
def test_a_model_goes_out_comes_back_whole_though_its_worker_is_killed_and_answers(
    house: House, carol: httpx.Client, registry: str
) -> None:
    name = f"{registry}/team/smollm2:135m"
    house.once("manage.py", "importmodel", str(starter_file()), name)
    before = blobs(house)
    pushed = house.once("manage.py", "push", name)
    assert name in pushed
    carol.request("DELETE", "/api/delete", json={"model": name}).raise_for_status()
    assert not blobs(house)

    house.environment["PORTAL_FAULTS"] = "chunk.noted:2:kill"
    house.start("jobs")
    with carol.stream("POST", "/api/pull", json={"model": name}) as response:
        told = []
        for line in response.iter_lines():
            told.append(json.loads(line))
            if len(told) == 1:
                # The part dies of its own fault; its keeper would start it again.
                until(lambda: house.running["jobs"].poll() is not None, what="the part has died")
                del house.environment["PORTAL_FAULTS"]
                house.start("jobs")
                house.start("beat")

    assert told[0] == {"status": "pulling manifest"}
    assert told[-1] == {"status": "success"}
    assert any(0 < line.get("completed", 0) < line.get("total", 0) for line in told)
    assert blobs(house) == before
    assert all(file == f"sha256-{sha256}" for file, sha256 in before.items())

    again = house.once("manage.py", "pull", name)
    assert again == ""
    assert blobs(house) == before
    asked = {
        "model": name,
        # Without the first line it answers in French, and about something else.
        "messages": [
            {"role": "system", "content": "Give short, factual answers."},
            {"role": "user", "content": "What is the capital of France?"},
        ],
        "options": SHORT,
    }
    until(lambda: answers(carol, asked), what=house.last_words)


def answers(carol: httpx.Client, asked: Mapping[str, object]) -> bool:
    """Once the trial of the new file is over."""
    response = carol.post("/api/chat", json={**asked, "stream": False})
    return response.status_code == 200 and "Paris" in response.json()["message"]["content"]
