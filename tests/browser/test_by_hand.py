"""What a page shows while an answer is on its way; each state lasts until the test has seen it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.hand import Hand, ends_after
from tests.browser.house import House, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def hand(house: House) -> Iterator[Hand]:
    house.end("inference")
    hand = Hand(house)
    try:
        yield hand
    finally:
        hand.leaves()
        house.start("inference")
        until(house.is_healthy, what="the portal is healthy again")


def questions(tab: Tab) -> Locator:
    return tab.page.locator(".question p")


@pytest.fixture
def judy(visit: Visit) -> Tab:
    return visit("judy")


def test_each_state_on_the_way_to_an_answer_is_shown_with_how_far_it_is(
    visit: Visit, hand: Hand
) -> None:
    ivan = visit("ivan")
    bar = ivan.answer.get_by_role("progressbar", name="Progress")
    # Three answers of a minute and a half each: from then on a place in the queue has a time.
    for count in range(1, 4):
        ivan.ask("Nothing is known yet")
        expect(ivan.answers).to_have_count(count)
        hand.says_of_itself(hand.queue, "ready")
        expect(ivan.answer).to_contain_text("Waiting, you are next.")
        expect(ivan.answer).not_to_contain_text("It should begin")
        held = hand.takes().says("Said.")
        ivan.is_in_state("writing")
        ends_after(held, 90)
        ivan.is_in_state("done")

    ivan.ask("How far are you?")
    expect(ivan.answers).to_have_count(4)
    expect(ivan.answer).to_contain_text("It should begin in about 50 seconds.")
    ivan.is_in_state("queued")

    hand.says_of_itself(hand.queue, "loading", progress=0.4)
    ivan.is_in_state("loading")
    expect(ivan.answer).to_contain_text("Loading the model…")
    expect(bar).to_have_js_property("value", 0.4)

    held = hand.takes().reads(6, 12)
    ivan.is_in_state("reading")
    expect(ivan.answer).to_contain_text("Reading…")
    expect(bar).to_have_js_property("value", 0.5)

    held.thinks("They ask how far I am. ")
    ivan.is_in_state("writing")
    expect(ivan.answer.locator(".progress")).to_have_text("Thinking…")
    ivan.answer.locator("summary").click()
    expect(ivan.answer).to_contain_text("They ask how far I am.")

    held.says("Nearly ")
    expect(ivan.answer.locator(".progress")).to_have_text("Writing…")
    expect(ivan.prose).to_have_text("Nearly")
    expect(ivan.answer.locator("summary")).to_contain_text("Thought for")

    ivan.button("Stop").click()
    until(lambda: held.was_asked_to_stop, what="the model hears of it")
    held.ends("stopped")
    ivan.is_in_state("stopped")
    expect(ivan.answer).to_contain_text("You stopped this answer.")
    expect(ivan.prose).to_have_text("Nearly")
    expect(ivan.button("Retry")).to_be_visible()

    ivan.button("Continue").click()
    again = hand.takes()
    assert again.request.so_far == "Nearly "
    again.says("Nearly ", "there.").ends()
    ivan.is_in_state("done")
    expect(ivan.prose).to_have_text("Nearly there.")


@pytest.mark.threat("H9")
def test_an_interrupted_answer_can_be_gone_on_with_or_begun_anew(judy: Tab, hand: Hand) -> None:
    judy.ask("Begin")
    held = hand.takes().says("Half of ")
    expect(judy.prose).to_have_text("Half of")

    held.ends("interrupted", "lost")

    judy.is_in_state("interrupted")
    expect(judy.answer).to_contain_text("What it had said is kept.")
    expect(judy.button("Retry")).to_be_visible()
    judy.button("Continue").click()
    again = hand.takes()
    assert again.request.so_far == "Half of "
    again.says("Half of ", "it.").ends()
    judy.is_in_state("done")
    expect(judy.prose).to_have_text("Half of it.")


def test_a_question_asked_while_an_answer_is_written_waits_and_is_asked_then(
    judy: Tab, hand: Hand
) -> None:
    judy.ask("Begin")
    held = hand.takes().says("Half of ")
    judy.is_in_state("writing")

    judy.composer.fill("And then?")
    judy.composer.press("Enter")

    waiting = judy.page.get_by_role("list", name="Questions that wait")
    expect(waiting.get_by_role("listitem")).to_have_count(1)
    expect(waiting).to_contain_text("And then?")
    expect(judy.composer).to_have_value("")
    judy.page.reload()
    expect(waiting).to_contain_text("And then?")
    expect(questions(judy)).to_have_text(["Begin"])
    held.says("it.").ends()
    expect(questions(judy)).to_have_text(["Begin", "And then?"])
    hand.takes().says("The rest.").ends()
    judy.is_in_state("done")
    expect(judy.prose).to_have_text("The rest.")
    expect(waiting).to_have_count(0)


def test_after_an_answer_that_failed_she_decides_what_becomes_of_the_next_question(
    judy: Tab, hand: Hand
) -> None:
    judy.ask("Stumble")
    held = hand.takes().says("Half of ")
    judy.is_in_state("writing")
    judy.ask("Get up and walk on")
    expect(judy.page.get_by_text("Is asked when the answer is there.")).to_be_visible()

    held.ends("interrupted", "lost")

    expect(judy.page.get_by_text("Waits for you: the answer before it")).to_be_visible()
    judy.is_in_state("interrupted")
    judy.button("Ask now").click()
    expect(questions(judy)).to_have_text(["Stumble", "Get up and walk on"])
    hand.takes().says("Walking.").ends()
    judy.is_in_state("done")
