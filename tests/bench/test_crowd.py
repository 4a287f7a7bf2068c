"""The benchmark of many tabs: a frame's delay is told from its entry, and its goals are judged."""

import json
from datetime import UTC, datetime

from bench.crowd import script, table
from bench.crowd.tabs import Heard
from bench.machine import Machine
from inference.engine.scripted import read_script
from tests.bench.test_page import MACHINE, row


def part(*rounds: dict[str, float], machine: Machine = MACHINE) -> str:
    return table.part(rounds, machine=machine, now=datetime(2026, 11, 23, tzinfo=UTC))


def test_a_delay_is_from_the_entry_to_the_frame_that_ends_with_it():
    heard = Heard(
        came=[(("a", 7), 10.25), (("a", 9), 10.40), (("b", 7), 10.30), (("a", 11), 10.45)],
        lay={("a", 7): 10.0, ("a", 9): 10.35, ("a", 11): 10.5},
    )

    delays = [round(delay, 3) for delay in heard.delays()]

    assert delays == [0.25, 0.05, 0.0]


def test_a_goal_that_holds_says_so_and_one_that_does_not_too():
    text = part({"delay_p95": 40.0, "web_us_a_frame": 151.0, "idle_share": 5.0})

    assert row(text, "delay p95") == "| delay p95 | 40.0 ms | ≤ 100 ms | met |"
    assert row(text, "web process, a frame").endswith("| ≤ 150 µs | **missed** |")
    assert row(text, "web process meanwhile, of a core").endswith("| ≤ 5 % | met |")


def test_a_figure_is_the_median_of_its_rounds():
    text = part({"delay_p50": 3.0}, {"delay_p50": 9.0}, {"delay_p50": 4.0})

    assert row(text, "delay p50") == "| delay p50 | 4.0 ms |  |  |"
    assert "rounds: 3" in text


def test_every_answer_lasts_longer_than_it_is_looked_at():
    (rule,) = read_script(json.dumps(script.rules()))

    assert rule.every_seconds == 1 / script.FRAMES_A_SECOND
    assert len(rule.says) / script.FRAMES_A_SECOND > 120
