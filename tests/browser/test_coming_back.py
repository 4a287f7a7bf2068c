"""Reload, second tab, broken lines: the same text, no gap, no repeat."""

from random import Random

import pytest
from playwright.sync_api import WebSocketRoute

from tests.browser.conftest import Tab, Visit, another_tab, expect
from tests.browser.house import until
from tests.browser.script import COUNTED_TEXT

pytestmark = [pytest.mark.browser, pytest.mark.threat("C10")]


def path_of(tab: Tab) -> str:
    tab.page.wait_for_url("**/c/*/")
    return tab.page.url.removeprefix(tab.house.address)


def test_a_reload_in_mid_answer_shows_the_same_text(alice: Tab) -> None:
    alice.ask("Count slowly")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8 9 10")

    alice.page.reload()

    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8 9 10")
    alice.is_in_state("done")
    expect(alice.prose).to_have_text(COUNTED_TEXT)


@pytest.mark.threat("C11")
def test_a_second_tab_shows_the_same_and_may_stop_it(alice: Tab) -> None:
    alice.ask("Hold on")
    expect(alice.prose).to_contain_text("1 2 3 4 5")

    second = another_tab(alice, path_of(alice))
    expect(second.prose).to_contain_text("1 2 3 4 5")
    second.button("Stop").click()

    second.is_in_state("stopped")
    alice.is_in_state("stopped")
    second.is_drawn()
    expect(alice.prose).to_have_text(second.prose.inner_text())


@pytest.mark.threat("C11")
def test_what_one_tab_asks_appears_in_the_other(alice: Tab) -> None:
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")
    second = another_tab(alice, path_of(alice))
    expect(second.answers).to_have_count(1)

    second.ask("Count slowly")

    expect(alice.answers).to_have_count(2)
    alice.is_in_state("done")
    expect(alice.prose).to_have_text(COUNTED_TEXT)
    second.is_in_state("done")
    expect(second.prose).to_have_text(COUNTED_TEXT)


def test_an_answer_goes_on_while_nobody_looks(alice: Tab) -> None:
    alice.ask("Count slowly")
    expect(alice.prose).to_contain_text("1 2 3")
    path = path_of(alice)
    context = alice.page.context
    alice.page.close()

    later = Tab(context.new_page(), alice.house).open(path)

    later.is_in_state("done")
    expect(later.prose).to_have_text(COUNTED_TEXT)


def test_a_lost_connection_comes_back_by_itself_without_gap_or_repeat(alice: Tab) -> None:
    lines: list[WebSocketRoute] = []

    def pass_on(line: WebSocketRoute) -> None:
        line.connect_to_server()
        lines.append(line)

    alice.page.route_web_socket("**/ws/chat/", pass_on)
    alice.page.reload()
    alice.ask("Count slowly")
    for words in ("1 2 3", "15 16 17", "30 31 32"):
        expect(alice.prose).to_contain_text(words)
        lines.pop().close(code=4000)
        # Else the words that stand there already would have the dead line closed once more.
        until(lambda: _has_come(alice, lines), what="there is a new line")

    alice.is_in_state("done")
    expect(alice.prose).to_have_text(COUNTED_TEXT)


def _has_come(tab: Tab, lines: list[WebSocketRoute]) -> bool:
    # Asking the page something lets Playwright hear what arrived.
    tab.page.evaluate("0")
    return bool(lines)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_frames_lost_doubled_and_swapped_on_the_way_show_what_is_stored(
    alice: Tab, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - which frames are lost, repeatable

    def mistreat(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        late: list[str | bytes] = []

        def hand_over(message: str | bytes) -> None:
            fate = random.random() if '"delta"' in str(message) else 1.0
            if fate < 0.1:
                return
            if fate < 0.2:
                late.append(message)
                return
            line.send(message)
            if fate < 0.3:
                line.send(message)
            while late:
                line.send(late.pop())

        line.on_message(server.send)
        server.on_message(hand_over)

    alice.page.route_web_socket("**/ws/chat/", mistreat)
    alice.page.reload()

    alice.ask("Count slowly")

    alice.is_in_state("done")
    expect(alice.prose).to_have_text(COUNTED_TEXT)


def test_a_question_asked_without_a_connection_is_sent_once_it_is_back(alice: Tab) -> None:
    expect(alice.page.get_by_role("heading", level=1)).to_contain_text("Alice")
    alice.house.kill("web")
    try:
        alice.composer.fill("What is the capital of France?")
        alice.composer.press("Enter")
        expect(alice.page.get_by_text("Will be sent once you are online.")).to_be_visible()
        expect(alice.page.get_by_text("No connection.")).to_be_visible()
    finally:
        alice.house.start("web")
        until(alice.house.is_healthy, what="the portal is healthy again")

    alice.is_in_state("done")
    expect(alice.answers).to_have_count(1)
    expect(alice.page.get_by_text("No connection.")).to_have_count(0)


def test_who_signs_out_in_one_tab_is_asked_to_sign_in_in_the_other(visit: Visit) -> None:
    # A session of its own: it ends for good, and the other tests go on in theirs.
    erin = visit("erin", has_own_session=True)
    second = another_tab(erin)
    expect(second.composer).to_be_visible()

    erin.page.get_by_role("button", name="Account of").click()
    erin.button("Sign out").click()
    erin.page.wait_for_url("**/accounts/login/**")

    second.page.wait_for_url("**/accounts/login/**")
