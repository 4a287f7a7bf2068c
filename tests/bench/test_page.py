"""The benchmark of the page: its table says what was found, its script is the same every time."""

import json
from datetime import UTC, datetime

from bench.machine import Machine
from bench.page import records, script, table, works
from bench.page.records import Taken
from inference.engine.scripted import read_script

MACHINE = Machine(
    processor="Abacus 9",
    cores=2,
    memory_gib=24,
    system="Linux 6.1",
    python="3.11.7",
    llama_cpp_python="0.3.36",
)


def taken(work: str, number: int = 1, **figures: float) -> Taken:
    return Taken(work=work, round=number, browser="Chromium 140", figures=figures)


def part(*rounds: Taken) -> str:
    return table.part(
        rounds,
        machine=MACHINE,
        openings=5,
        tokens=72_000,
        answers=100,
        now=datetime(2026, 11, 23, tzinfo=UTC),
    )


def row(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {words} |"))


def test_a_budget_that_holds_says_so_and_one_that_does_not_too():
    held, broken = part(taken("load", bytes=42_000)), part(taken("load", bytes=150_000))

    assert row(held, "first load, English") == (
        "| first load, English | 42 KB | 2,730 KB | < 150 KB | met |"
    )
    assert row(broken, "first load, English").endswith("| < 150 KB | **missed** |")


def test_a_stream_that_was_too_slow_proves_nothing():
    slow = part(taken("keys-prose", prose_tokens_per_second=150.0))

    assert row(slow, "tokens of four letters shown meanwhile").endswith("| ≥ 200 | **missed** |")


def test_a_figure_is_the_median_of_its_rounds():
    rounds = [taken("open", number, open=ms) for number, ms in enumerate((200, 900, 400), start=1)]

    assert "| 0.40 s | 8 s (1,000) | < 1.00 s | met |" in part(*rounds)
    assert "rounds: open 3" in part(*rounds)


def test_every_budget_of_the_design_stands_in_the_table():
    judged = {line.figure: line.bound for line in table.LINES if line.bound is not None}

    assert judged == {
        "bytes": 150_000,
        "typing_slowed": 1_000,
        "open": 1_000,
        "prose_key_p95": 50,
        "prose_tokens_per_second": 200,
        "program_key_p95": 50,
        "program_tokens_per_second": 200,
    }


def test_what_was_not_measured_is_not_in_the_table():
    assert "typing possible" not in part(taken("open", open=200))


def test_every_line_of_the_table_belongs_to_a_work():
    assert {line.work for line in table.LINES} == set(works.WORKS)


def test_the_part_tells_machine_browser_and_date():
    text = part(taken("open", open=200))

    for said in ("Abacus 9", "2 cores", "24 GiB", "Chromium 140", "2026-11-23"):
        assert said in text


def test_what_was_kept_is_read_back(tmp_path):
    kept = tmp_path / "page.jsonl"
    rounds = [taken("load", bytes=1.0), taken("open", 2, open=3.0)]
    for each in rounds:
        records.append(kept, each)

    assert records.read(kept) == rounds


def test_the_model_says_the_same_every_time_and_enough_of_it():
    rules = script.rules()
    said = {rule.when.pattern: rule.text for rule in read_script(json.dumps(rules))}

    assert rules == script.rules()
    assert len(said["^Stream program"]) >= 200 * 4 * 30
    hour = sum(len(text) for question, text in said.items() if "of the hour" in question)
    assert hour == script.HOUR_TOKENS * script.CHARS_A_TOKEN


def test_a_program_is_one_block_that_never_ends():
    rules = read_script(json.dumps(script.rules()))
    program = next(rule.text for rule in rules if rule.when.pattern == "^Stream program")

    assert program.startswith("```python\n")
    assert program.count("```") == 1
