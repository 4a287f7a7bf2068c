"""A folder that Ollama filled, under a portal that starts: its model is found and answers."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from portal.ops import parts
from tests.browser.house import House, until
from tests.browser.test_real_model import SHORT, starter_file
from tests.catalog.ollama_folder import OllamaFolder

pytestmark = [pytest.mark.model, pytest.mark.timeout(480)]

PEOPLE = parts.ROOT / "tests" / "browser" / "real_people.py"
ASKED = {
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "options": SHORT,
}


@pytest.fixture
def house() -> Iterator[House]:
    house = House.build_real()
    folder = OllamaFolder(house.configuration.models)
    folder.put(
        "SmolLM2/135m",
        [
            ("model", _own_copy(house.home)),
            ("system", b"You are a knowledgeable colleague. Give short, factual answers."),
            ("params", b'{"min_p":0.3,"temperature":0.2,"top_p":0.9}\n'),
            ("license", b"Apache-2.0"),
        ],
        config={"model_type": "134.52M", "file_type": "Q4_1"},
    )
    try:
        house.open(people=PEOPLE)
        yield house
    finally:
        if "celery" in house.running:
            house.kill("celery")
        house.close()


def _own_copy(home: Path) -> Path:
    """The starter model, where another name of the same file does no harm."""
    path = home / "starter.gguf"
    path.write_bytes(starter_file().read_bytes())
    return path


def test_what_lies_there_when_the_portal_starts_answers_soon_after(house: House) -> None:
    models = house.configuration.models
    before = _digests(models)
    key = house.once("manage.py", "createkey", "carol@example.com").strip()

    house.start("celery")

    with httpx.Client(
        base_url=house.address, headers={"Authorization": f"Bearer {key}"}, timeout=100.0
    ) as carol:
        until(lambda: _answers(carol), what=house.last_words)
        shown = carol.post("/api/show", json={"model": "smollm2:135M"}).json()
        assert shown["license"] == "Apache-2.0"
        assert shown["model_info"]["general.parameter_count"] > 10**8
    assert _digests(models) == before


def _answers(carol: httpx.Client) -> bool:
    """Once it was found, hashed and tried."""
    response = carol.post("/api/chat", json={"model": "smollm2:135m", "stream": False, **ASKED})
    return response.status_code == 200 and "Paris" in response.json()["message"]["content"]


def _digests(models: Path) -> dict[str, str]:
    return {
        str(path.relative_to(models)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in models.rglob("*")
        if path.is_file() and path.name != ".portal-lock"
    }
