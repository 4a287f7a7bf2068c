"""Every state is shown honestly, and what can be done about it stands beside it."""

import re

import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import until

pytestmark = pytest.mark.browser

# The model has four places; the fifth question waits.
FULL_HOUSE = ("alice", "alice", "erin", "erin", "grace")


def test_a_waiting_answer_says_its_place_in_the_queue(visit: Visit) -> None:
    tabs = [visit(name) for name in FULL_HOUSE]
    for tab in tabs[:4]:
        tab.ask("Hold on")
        tab.is_in_state("writing")

    last = tabs[4]
    last.ask("What is the capital of France?")

    last.is_in_state("queued")
    expect(last.answer).to_contain_text("Waiting, you are next.")
    for tab in tabs[:4]:
        tab.button("Stop").click()
        tab.is_in_state("stopped")
    last.is_in_state("done")


def test_a_waiting_answer_can_be_stopped(visit: Visit) -> None:
    tabs = [visit(name) for name in FULL_HOUSE]
    for tab in tabs[:4]:
        tab.ask("Hold on")
        tab.is_in_state("writing")
    tabs[4].ask("What is the capital of France?")
    tabs[4].is_in_state("queued")

    tabs[4].button("Stop").click()

    tabs[4].is_in_state("stopped")
    expect(tabs[4].answer).to_contain_text("Stopped before the answer began.")
    for tab in tabs[:4]:
        tab.button("Stop").click()
        tab.is_in_state("stopped")


def test_a_failed_answer_says_why_and_can_be_tried_again(alice: Tab) -> None:
    alice.ask("Break, please")

    expect(alice.answer).to_have_attribute("data-state", re.compile("failed|interrupted"))
    expect(alice.answer.locator(".notice")).to_be_visible()
    alice.button("Retry").click()
    expect(alice.answer.get_by_text("2 of 2")).to_be_visible()
    expect(alice.answer).to_have_attribute("data-state", re.compile("failed|interrupted"))
    alice.answer.get_by_role("button", name="Earlier answer").click()
    expect(alice.answer.get_by_text("1 of 2")).to_be_visible()


@pytest.mark.threat("H9")
def test_an_interrupted_answer_is_marked_kept_and_can_be_tried_again(alice: Tab) -> None:
    alice.ask("Hold on, and be interrupted")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8")

    alice.house.kill_runners()

    alice.is_in_state("interrupted")
    expect(alice.answer).to_contain_text("What it had said is kept.")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8")
    expect(alice.button("Continue")).to_be_visible()
    alice.button("Retry").click()
    alice.is_in_state("writing")
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    until(alice.house.is_healthy, what="the portal is healthy again")


def test_without_a_model_the_page_says_whom_to_ask(visit: Visit) -> None:
    frank = visit("frank")

    expect(frank.page.get_by_role("heading", level=1)).to_have_text("No model is ready for you yet")
    expect(frank.composer).to_be_disabled()


def test_a_conversation_that_is_not_hers_is_not_there(alice: Tab, visit: Visit) -> None:
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")
    alice.page.wait_for_url("**/c/*/")

    bob = visit("erin", path=alice.page.url.removeprefix(alice.house.address))

    expect(bob.page.get_by_role("alert")).to_contain_text("does not exist")
    expect(bob.answers).to_have_count(0)
