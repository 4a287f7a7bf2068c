"""Every state is shown honestly, and what can be done about it stands beside it."""

import re
import time
from collections.abc import Iterator
from typing import Literal

import pytest

from inference import protocol
from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import House, until
from tests.doubles.worker import Held, Worker

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
    alice.ask("Count slowly, and be interrupted")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8")

    alice.house.kill_runners()

    alice.is_in_state("interrupted")
    expect(alice.answer).to_contain_text("What it had said is kept.")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8")
    expect(alice.button("Continue")).to_be_visible()
    alice.button("Retry").click()
    alice.is_in_state("done")
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


class Hand:
    """The model, played by hand: each state lasts for as long as the test looks at it."""

    def __init__(self, house: House) -> None:
        self.worker = Worker(house.configuration.redis_url)

    def says_of_itself(
        self, queue: str, state: Literal["loading", "ready"], *, progress: float = 1.0
    ) -> None:
        """As a supervisor with one runner, which answers two at a time."""
        runner = protocol.RunnerState(
            runner=self.worker.name,
            queue=queue,
            model_name="played:1b",
            pid=1,
            state=state,
            progress=progress,
            slots=2,
        )
        told = protocol.HostState(host="by-hand", seen_at=time.time(), runners=(runner,))
        self.worker.redis.set(protocol.host_key("by-hand"), protocol.encode(told))
        self.worker.redis.sadd(protocol.HOSTS, "by-hand")

    def leaves(self) -> None:
        self.worker.redis.delete(protocol.host_key("by-hand"))
        self.worker.redis.srem(protocol.HOSTS, "by-hand")
        self.worker.close()

    def takes(self) -> Held:
        until(lambda: bool(self.worker.waiting_ids()), what="a question waits")
        return self.worker.takes()

    @property
    def queue(self) -> str:
        """The one that somebody waits in."""
        until(lambda: bool(self.worker.waiting_ids()), what="a question waits")
        redis = self.worker.redis
        names: list[str] = [name.decode() for name in redis.smembers(protocol.QUEUES)]
        (queue,) = [name for name in names if redis.zcard(protocol.queue_key(name))]
        return queue


@pytest.fixture
def hand(house: House) -> Iterator[Hand]:
    house.end("inference")
    hand = Hand(house)
    try:
        yield hand
    finally:
        hand.leaves()
        house.start("inference")
        until(house.is_healthy, what="the portal is healthy again")


def ends_after(held: Held, seconds: int) -> None:
    """The end of an answer that took so long."""
    stats = protocol.Stats(answer_tokens=9, prompt_ns=10**9, answer_ns=(seconds - 1) * 10**9)
    held.publish(protocol.End(why="done", stats=stats))
    held.worker.redis.xadd(protocol.NEWS, {"generation": str(held.id)})
    held.loses_its_lease()


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
def test_an_interrupted_answer_can_be_gone_on_with_or_begun_anew(visit: Visit, hand: Hand) -> None:
    ivan = visit("ivan")
    ivan.ask("Begin")
    held = hand.takes().says("Half of ")
    expect(ivan.prose).to_have_text("Half of")

    held.ends("interrupted", "lost")

    ivan.is_in_state("interrupted")
    expect(ivan.answer).to_contain_text("What it had said is kept.")
    expect(ivan.button("Retry")).to_be_visible()
    ivan.button("Continue").click()
    again = hand.takes()
    assert again.request.so_far == "Half of "
    again.says("Half of ", "it.").ends()
    ivan.is_in_state("done")
    expect(ivan.prose).to_have_text("Half of it.")
