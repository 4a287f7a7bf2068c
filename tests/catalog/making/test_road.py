"""Models are made through the running portal: over HTTP, by command, and they answer."""

import hashlib
import json
import os
from collections.abc import Iterator
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest

from portal.bodies import MAX_KEPT_BYTES
from tests.browser.house import House, until
from tests.browser.test_real_model import SHORT, starter_file
from tests.doubles import tinymodels

pytestmark = [pytest.mark.model, pytest.mark.timeout(480)]

PEOPLE = Path(__file__).parents[2] / "browser" / "real_people.py"
PIECE = os.urandom(1024 * 1024)
BIG_PIECES = 96


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House.build_real()
    try:
        house.open(people=PEOPLE, starter=starter_file())
        house.start("jobs")
        yield house
    finally:
        if "jobs" in house.running:
            house.kill("jobs")
        house.close()


@pytest.fixture(scope="module")
def carol(house: House) -> Iterator[httpx.Client]:
    """Looks after the models, and chats."""
    scopes = ("--scope", "manage", "--scope", "chat")
    with client(house, house.once("manage.py", "createkey", "carol@example.com", *scopes)) as her:
        yield her


@pytest.fixture(scope="module")
def alice(house: House) -> Iterator[httpx.Client]:
    with client(house, house.once("manage.py", "createkey", "alice@example.com")) as hers:
        yield hers


def client(house: House, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key.strip()}"}
    return httpx.Client(base_url=house.address, headers=headers, timeout=100.0)


def staged(house: House) -> list[Path]:
    folder = house.configuration.models / "staged"
    return list(folder.glob("blob-*"))


def answer(carol: httpx.Client, model: str, question: str) -> str:
    asked = {"model": model, "messages": [{"role": "user", "content": question}], "stream": False}
    response = carol.post("/api/chat", json={**asked, "options": SHORT})
    if response.status_code != httpx.codes.OK:
        return f"{response.status_code} {response.text}"
    text: str = response.json()["message"]["content"]
    return text


def test_a_model_with_another_system_prompt_answers_at_once(
    house: House, carol: httpx.Client
) -> None:
    """Its files were tried with its base, so nobody waits for a trial."""
    until(lambda: "Paris" in answer(carol, "smollm2:135m", "Capital of France?"), what="the base")

    made = carol.post(
        "/api/create",
        json={
            "model": "pirate",
            "from": "smollm2:135m",
            "system": "You are a pirate. Always answer with the single word Arrr.",
            "parameters": {"num_predict": 12, "temperature": 0.1, "stop": ["Paris"]},
        },
    )
    said = answer(carol, "pirate", "Capital of France?")
    shown = carol.post("/api/show", json={"model": "pirate"}).json()

    assert made.text.splitlines()[-1] == '{"status":"success"}'
    assert "Paris" not in said
    assert not said.startswith("4"), said
    assert shown["system"].startswith("You are a pirate.")
    assert "PARAMETER num_predict 12" in shown["modelfile"]
    assert shown["details"]["parent_model"] == "smollm2:135m"


def test_a_file_is_made_smaller_and_the_result_answers(
    house: House, carol: httpx.Client, tmp_path: Path
) -> None:
    source = tinymodels.write_llama(tmp_path / "tiny.gguf", kind="f32", width=256)
    data = source.read_bytes()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    sent = carol.post(f"/api/blobs/{digest}", content=data)

    made = carol.post(
        "/api/create", json={"model": "small", "files": {"tiny.gguf": digest}, "quantize": "q8_0"}
    )
    lines = [json.loads(line) for line in made.text.splitlines()]
    (house.home / "Modelfile").write_text(f"FROM {source}\nPARAMETER num_predict 8\n")
    house.once(
        *("manage.py", "createmodel", "smaller"),
        *("-f", str(house.home / "Modelfile"), "-q", "Q4_K_M"),
    )

    assert sent.status_code == httpx.codes.CREATED
    statuses = [line.get("status") for line in lines]
    assert "parsing GGUF" in statuses
    told = [line for line in lines if line.get("status") == "quantizing F32 model to Q8_0"]
    assert told[-1]["digest"] == "0" * 19
    assert told[-1]["completed"] == told[-1]["total"] > 0
    assert statuses.index("quantizing F32 model to Q8_0") < statuses.index("verifying conversion")
    assert statuses[-1] == "success"
    for name, kind in (("small", "Q8_0"), ("smaller", "Q4_K_M")):
        details = carol.post("/api/show", json={"model": name}).json()["details"]
        assert details["quantization_level"] == kind
        until(partial(is_answering, carol, name), what=house.last_words)


def is_answering(carol: httpx.Client, model: str) -> bool:
    """Once the trial of the new file is over. What it says is nonsense."""
    asked = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": False}
    response = carol.post("/api/chat", json={**asked, "options": SHORT})
    return response.status_code == httpx.codes.OK and response.json()["eval_count"] > 0


@pytest.mark.threat("B15")
@pytest.mark.threat("E23")
def test_an_ordinary_key_is_refused_before_the_file_is_read(
    house: House, alice: httpx.Client
) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2_000):
            sent += len(PIECE)
            yield PIECE

    refused = alice.post(f"/api/blobs/sha256:{'0' * 64}", content=pieces())

    assert (refused.status_code, refused.json()) == (403, {"error": "this key is not for manage"})
    assert sent < len(PIECE) * 500
    assert staged(house) == []


@pytest.mark.threat("E23")
def test_a_large_file_goes_to_the_store_and_nowhere_else(house: House, carol: httpx.Client) -> None:
    """While it comes it lies among the staged files, and the web process stays small."""
    digest = hashlib.sha256(PIECE * BIG_PIECES).hexdigest()
    web = psutil.Process(house.running["web"].pid)
    before, most = web.memory_info().rss, 0
    largest_staged = 0

    def pieces() -> Iterator[bytes]:
        nonlocal most, largest_staged
        for _ in range(BIG_PIECES):
            yield PIECE
            most = max(most, web.memory_info().rss)
            largest_staged = max(
                [largest_staged, *(p.stat().st_blocks * 512 for p in staged(house))]
            )

    answer = carol.post(f"/api/blobs/sha256:{digest}", content=pieces())

    assert answer.status_code == httpx.codes.CREATED
    assert largest_staged > len(PIECE)
    assert most - before < 48 * len(PIECE)
    assert carol.head(f"/api/blobs/sha256:{digest}").status_code == httpx.codes.OK


@pytest.mark.threat("E23")
def test_a_sender_who_goes_away_leaves_nothing(house: House, carol: httpx.Client) -> None:
    class GoneError(Exception):
        pass

    def pieces() -> Iterator[bytes]:
        for _ in range(8):
            yield PIECE
        until(lambda: bool(staged(house)), what="something is staged")
        raise GoneError

    with pytest.raises(GoneError):
        carol.post(f"/api/blobs/sha256:{'1' * 64}", content=pieces())

    until(lambda: staged(house) == [], what="nothing is staged")


@pytest.mark.threat("E23")
def test_any_other_body_ends_where_nobody_would_read_on(house: House) -> None:
    """Without a key, too: the server would keep all of it on the disk before anyone looks."""
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(4 * MAX_KEPT_BYTES // len(PIECE)):
            sent += len(PIECE)
            yield PIECE

    announced = HTTPConnection(house.address.removeprefix("http://"), timeout=60)
    announced.request("POST", "/api/chat", headers={"Content-Length": str(10**12)}, body=b"{")
    try:
        status = httpx.post(f"{house.address}/api/chat", content=pieces(), timeout=60).status_code
    except httpx.TransportError:  # refused while it was still sending
        status = 413

    assert announced.getresponse().status == 413
    assert status == 413
    assert sent < 4 * MAX_KEPT_BYTES
