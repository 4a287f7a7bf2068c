"""The whole road with the real starter model: page, both dialects, and the administration."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from portal.ops.parts import ROOT
from tests.browser.conftest import HERE, PATIENCE_MS, WATCH, Tab, Visit, expect, sign_in
from tests.browser.house import House, until

pytestmark = [pytest.mark.browser, pytest.mark.model]

MODEL = "smollm2:135m"
QUESTION = "What is the capital of France?"
LONG = "Write a very long story about a river, with many chapters."
# At a temperature, a model of this size may now and then talk until its window is full.
SHORT = {"temperature": 0, "num_predict": 60}
NOTE_LOADED = "from portal.catalog import actions; actions.note_loaded()"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One for the file: the model is imported and loaded once."""
    house = House.build_real()
    try:
        house.open(people=HERE / "real_people.py", starter=starter_file())
        _take_its_dice(house)
        yield house
    finally:
        house.close()


def _take_its_dice(house: House) -> None:
    words = house.home / "Modelfile"
    words.write_text(f"FROM {MODEL}\nPARAMETER temperature 0\n")
    house.once("manage.py", "createmodel", MODEL, "-f", str(words))


def starter_file() -> Path:
    """`PORTAL_STARTER_GGUF`, or what `make` has unpacked."""
    named = os.environ.get("PORTAL_STARTER_GGUF")
    found = [Path(named)] if named else sorted((ROOT / "var" / "starter").glob("*.gguf"))
    if not found:
        pytest.fail("no starter model: run `make test`, or name it in PORTAL_STARTER_GGUF")
    return found[0]


@pytest.fixture(scope="module")
def key(house: House) -> str:
    return house.once("manage.py", "createkey", "alice@example.com").strip()


@pytest.fixture(params=["in the header", "in the path"])
def client(request: pytest.FixtureRequest, house: House, key: str) -> Iterator[httpx.Client]:
    """A program with a key, carried in one way or the other."""
    is_in_header = request.param == "in the header"
    with httpx.Client(
        base_url=house.address if is_in_header else f"{house.address}/u/{key}",
        headers={"Authorization": f"Bearer {key}"} if is_in_header else {},
        timeout=200.0,
    ) as client:
        yield client


def question(**others: object) -> dict[str, object]:
    return {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], **others}


# ── The page ─────────────────────────────────────────────────────────────────────────────────


def test_a_person_signs_in_picks_the_model_and_reads_that_it_is_paris(
    chromium: Browser, house: House
) -> None:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        sign_in(page, house, "alice")
        tab = Tab(page, house)
        tab.button("New chat").click()
        picker = page.get_by_role("button", name=re.compile("^Model"))
        picker.click()
        page.get_by_role("option", name=re.compile(MODEL)).click()

        tab.ask(QUESTION)

        tab.is_in_state("done")
        expect(tab.prose).to_contain_text("Paris")
        tab.ask("Which river flows through that city?")
        expect(tab.answers).to_have_count(2)
        tab.is_in_state("done")
        expect(tab.prose).not_to_be_empty()
        page.reload()
        expect(tab.answers).to_have_count(2)
        expect(tab.answers.first).to_contain_text("Paris")
        tab.nothing_ran()
    finally:
        context.close()


def test_stop_ends_a_long_answer_and_keeps_it(alice: Tab) -> None:
    _begin_a_long_answer(alice)

    alice.button("Stop").click()
    alice.is_in_state("stopped")

    kept = alice.prose.inner_text()
    assert len(kept.split()) >= 10
    alice.page.reload()
    alice.is_in_state("stopped")
    # What was drawn when it stopped; the end of it may have been drawn a moment later.
    expect(alice.prose).to_contain_text(kept, use_inner_text=True)


def test_a_stopped_answer_goes_on_where_it_was_and_can_be_asked_again(alice: Tab) -> None:
    _begin_a_long_answer(alice)
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    kept = _words(alice)

    alice.button("Continue").click()
    alice.is_in_state("writing")
    expect(alice.prose).to_have_text(_longer_by_ten_words(kept))
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    expect(alice.answer.get_by_text("2 of 2")).to_be_visible()
    # The last word of the first part may have been half of one.
    assert _words(alice)[: len(kept) - 1] == kept[:-1]

    alice.button("Retry").click()
    alice.is_in_state("writing")
    expect(alice.prose).to_have_text(_longer_by_ten_words([]))
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    expect(alice.answer.get_by_text("3 of 3")).to_be_visible()


def _begin_a_long_answer(tab: Tab) -> None:
    tab.ask(LONG)
    expect(tab.prose).to_have_text(_longer_by_ten_words([]))
    tab.is_in_state("writing")
    tab.is_drawn()


def _words(tab: Tab) -> list[str]:
    return tab.prose.inner_text().split()


def _longer_by_ten_words(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"^\s*(\S+\s+){{{len(words) + 10}}}")


# ── The two dialects ─────────────────────────────────────────────────────────────────────────


def test_an_ollama_client_reads_paris_and_the_statistics(client: httpx.Client) -> None:
    answer = client.post("/api/chat", json=question(stream=False)).raise_for_status().json()

    assert "Paris" in answer["message"]["content"]
    assert answer["message"]["role"] == "assistant"
    assert (answer["model"], answer["done"], answer["done_reason"]) == (MODEL, True, "stop")
    _are_whole(answer)


def test_an_ollama_client_reads_paris_piece_by_piece(client: httpx.Client) -> None:
    with client.stream("POST", "/api/chat", json=question()) as response:
        assert response.headers["content-type"] == "application/x-ndjson"
        pieces = [json.loads(line) for line in response.iter_lines()]

    assert "Paris" in "".join(piece["message"]["content"] for piece in pieces)
    assert [piece["done"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces) > 2
    _are_whole(pieces[-1])


def _are_whole(statistics: dict[str, Any]) -> None:
    """Counts of tokens, durations in nanoseconds."""
    assert statistics["prompt_eval_count"] > 5
    assert statistics["eval_count"] > 1
    assert statistics["prompt_eval_duration"] > 0
    assert statistics["eval_duration"] > 0
    parts = ("load_duration", "prompt_eval_duration", "eval_duration")
    assert statistics["total_duration"] == sum(statistics[part] for part in parts)


def test_an_openai_client_reads_paris_and_the_usage(client: httpx.Client) -> None:
    asked = question()
    answer = client.post("/v1/chat/completions", json=asked).raise_for_status().json()

    (choice,) = answer["choices"]
    assert "Paris" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["prompt_tokens"] > 5
    assert usage["completion_tokens"] > 1
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_an_openai_client_reads_paris_piece_by_piece(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/chat/completions", json=question(stream=True)) as response:
        # What does not begin so is a comment, or the empty line between two events.
        data = "data: "
        lines = [line[len(data) :] for line in response.iter_lines() if line.startswith(data)]

    assert lines.pop() == "[DONE]"
    choices = [json.loads(line)["choices"][0] for line in lines]
    assert "Paris" in "".join(choice["delta"].get("content") or "" for choice in choices)
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert len(choices) > 2


EXAMPLE = 'Answer with JSON such as {"city": "Rome", "country": "Italy"}.'
CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 30},
        "country": {"enum": ["France", "Italy"]},
        "inhabitants": {"type": "integer", "minimum": 1},
    },
    "required": ["city", "country", "inhabitants"],
}


def test_an_ollama_client_gets_the_json_it_asks_for(client: httpx.Client) -> None:
    # Without an example it may open one object in the other until it may say no more.
    for wanted in ("json", CITY):
        asked = question(stream=False, format=wanted, options={"num_predict": 200})
        asked["messages"] = [{"role": "user", "content": f"{EXAMPLE} {QUESTION}"}]
        answer = client.post("/api/chat", json=asked).raise_for_status().json()

        said = json.loads(answer["message"]["content"])
        assert isinstance(said, dict)
    assert list(said) == list(CITY["required"])
    assert said["country"] in ("France", "Italy")
    assert said["inhabitants"] >= 1


def test_an_openai_client_gets_the_json_it_asks_for_and_a_reason_otherwise(
    client: httpx.Client,
) -> None:
    def answer_to(schema: dict[str, Any]) -> httpx.Response:
        format_ = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
        asked = question(response_format=format_, max_tokens=200, seed=1)
        return client.post("/v1/chat/completions", json=asked)

    (choice,) = answer_to(CITY).raise_for_status().json()["choices"]
    assert json.loads(choice["message"]["content"])["country"] in ("France", "Italy")

    refused = answer_to({"$ref": "#"})
    assert refused.status_code == 400
    assert "format" in refused.json()["error"]["message"]


def test_ten_tokens_come_with_ten_log_probabilities(client: httpx.Client) -> None:
    story = [{"role": "user", "content": LONG}]
    asked = question(logprobs=True, top_logprobs=3, options={"num_predict": 10, "seed": 1})
    asked["messages"] = story
    with client.stream("POST", "/api/chat", json=asked) as response:
        lines = [json.loads(line) for line in response.iter_lines()]

    entries = [entry for line in lines for entry in line.get("logprobs", [])]
    assert len(entries) == 10
    assert all(len(entry["top_logprobs"]) == 3 for entry in entries)
    assert all(entry["logprob"] <= 0 for entry in entries)
    said = b"".join(bytes(entry["bytes"]) for entry in entries).decode("utf-8", "ignore")
    assert said.startswith("".join(line["message"]["content"] for line in lines))


# ── The administration ───────────────────────────────────────────────────────────────────────


def test_the_administrator_sees_what_the_model_is(visit: Visit, house: House, key: str) -> None:
    # What the clock of the portal does every minute.
    house.once("manage.py", "shell", "-v", "0", "-c", NOTE_LOADED)
    headers = {"Authorization": f"Bearer {key}"}
    listed = httpx.get(f"{house.address}/api/tags", headers=headers, timeout=60)
    (told,) = listed.json()["models"]

    page = visit("carol", path="/admin/catalog/model/").page

    row = page.get_by_role("row").filter(has_text=MODEL)
    for shown in ("93.8", "llama", "Q4_1", "8192", "Ready", "Everyone"):
        expect(row).to_contain_text(re.compile(re.escape(shown), re.IGNORECASE))
    row.get_by_role("link", name=MODEL, exact=True).click()
    expect(page.get_by_text(told["digest"])).to_be_visible()


@pytest.mark.threat("B9")
def test_the_administrator_sees_a_running_answer_and_none_of_its_words(
    alice: Tab, visit: Visit
) -> None:
    _begin_a_long_answer(alice)

    page = visit("carol", path="/admin/chat/generation/").page

    row = page.get_by_role("row").filter(has_text=MODEL)
    expect(row).to_contain_text("Alice Arnold")

    def is_told() -> bool:
        """The page shows what is stored, and that follows the stream by a second."""
        page.reload()
        return "running" in row.inner_text().lower()

    until(is_told, what="the answer is told to be running")
    _say_nothing_of(page.content(), alice)
    row.get_by_role("link").first.click()
    expect(page.get_by_text("Alice Arnold").first).to_be_visible()
    _say_nothing_of(page.content(), alice)
    alice.button("Stop").click()
    alice.is_in_state("stopped")


def _say_nothing_of(content: str, tab: Tab) -> None:
    assert LONG not in content
    assert " ".join(_words(tab)[:5]) not in content
