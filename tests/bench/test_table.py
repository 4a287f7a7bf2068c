"""The page of results says what was found, beside what was wanted."""

from dataclasses import replace
from datetime import UTC, datetime

from bench import records, table
from bench.figures import Figures
from bench.machine import Machine
from bench.records import Record

MACHINE = Machine(
    processor="Abacus 9",
    cores=2,
    memory_gib=24,
    system="Linux 6.1",
    python="3.11.7",
    llama_cpp_python="0.3.36",
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIGURES = Figures(
    answers=4,
    errors=0,
    tokens=100,
    prompt_tokens=400,
    seconds=2.0,
    tokens_per_second=50.0,
    first_p50=0.2,
    first_p95=0.4,
    later_p50=None,
    later_p95=None,
    gap_p50=0.01,
    gap_p95=0.02,
    gap_worst=0.03,
)


def record(
    server: str, *, work: str = "burst-4", number: int = 1, speed: float = 50.0, others: float = 0.0
) -> Record:
    figures = replace(FIGURES, tokens_per_second=speed, more={"others_cpu": others})
    return Record(
        work=work,
        server=server,
        command=f"start {server}",
        round=number,
        seed=number,
        figures=figures,
    )


def page(*taken: Record) -> str:
    return table.page(taken, machine=MACHINE, now=NOW)


def line_of(text: str, words: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {words} "))


def test_a_goal_that_is_met_says_so_and_one_that_is_not_too():
    met = page(record("ours", speed=60.0), record("llama-server -np 4", speed=50.0))
    missed = page(record("ours", speed=40.0), record("llama-server -np 4", speed=50.0))

    assert line_of(met, "tokens/s") == "| tokens/s | 60 | 50 | 1.20 × | ≥ 1 | met |"
    assert line_of(missed, "tokens/s") == "| tokens/s | 40 | 50 | 0.80 × | ≥ 1 | **missed** |"


def test_the_ratio_is_the_median_of_the_rounds_and_not_of_the_sides():
    taken = [
        record(server, number=number, speed=speed)
        for server, speeds in (("ours", (10, 40, 90)), ("llama-server -np 4", (20, 40, 60)))
        for number, speed in enumerate(speeds, start=1)
    ]

    assert "| 1.00 × |" in line_of(page(*taken), "tokens/s")


def test_a_round_that_only_one_side_has_is_left_out():
    text = page(
        record("ours", number=1, speed=50.0),
        record("llama-server -np 4", number=1, speed=50.0),
        record("ours", number=2, speed=500.0),
    )

    assert line_of(text, "tokens/s").startswith("| tokens/s | 50 | 50 |")
    assert "1 round." in text


def test_what_was_not_measured_is_not_in_the_table():
    assert "burst-4" not in page(record("ours"))


def test_a_figure_without_a_goal_is_shown_and_not_judged():
    text = page(record("ours"), record("llama-server -np 4"))

    assert line_of(text, "first token p50").endswith("| 1.00 × |  |  |")


def test_a_busy_machine_is_told():
    text = page(record("ours", others=1.0), record("llama-server -np 4"))

    assert "others computed for up to 50% of a core" in text


def test_the_page_tells_machine_versions_date_and_how_each_was_started():
    text = page(record("ours"), record("llama-server -np 4"))

    for said in ("Abacus 9", "2 cores", "24 GiB", "0.3.36", "2026-11-22", "start ours"):
        assert said in text


def test_what_was_kept_is_read_back(tmp_path):
    kept = tmp_path / "measured.jsonl"
    taken = [record("ours"), record("llama-server -np 4", number=2)]
    for each in taken:
        records.append(kept, each)

    assert records.read(kept) == taken
