"""Asking anew, answering anew, asking on while an answer is written; and finding it all again."""

import json
import re

import pytest
from playwright.sync_api import Locator, WebSocketRoute

from tests.browser.conftest import Tab, Visit, another_tab, expect
from tests.browser.house import House, until

pytestmark = pytest.mark.browser


def questions(tab: Tab) -> Locator:
    return tab.page.locator(".question p")


def edit(tab: Tab, text: str, *, nth: int = 0) -> None:
    tab.page.locator(".turn").nth(nth).hover()
    tab.page.get_by_role("button", name="Edit question").nth(nth).click()
    box = tab.page.get_by_role("textbox", name="Question in other words")
    expect(box).to_be_focused()
    box.fill(text)
    tab.button("Ask again").click()


def ask_and_wait(tab: Tab, text: str, *, answers: int = 1) -> None:
    tab.ask(text)
    expect(tab.answers).to_have_count(answers)
    tab.is_in_state("done")


def path_of(tab: Tab) -> str:
    tab.page.wait_for_url("**/c/*/")
    return tab.page.url.removeprefix(tab.house.address)


def test_a_question_is_asked_in_other_words_and_both_versions_stay(
    alice: Tab, visit: Visit
) -> None:
    ask_and_wait(alice, "Red")
    ask_and_wait(alice, "What is the capital of France?", answers=2)

    edit(alice, "Blue")

    expect(questions(alice)).to_have_text(["Blue"])
    alice.is_in_state("done")
    expect(alice.page.get_by_text("2 of 2")).to_be_visible()
    alice.page.reload()
    expect(questions(alice)).to_have_text(["Blue"])
    # The other branch, with what was said on it; on another device as well.
    alice.page.get_by_role("button", name="Earlier version").click()
    expect(questions(alice)).to_have_text(["Red", "What is the capital of France?"])
    expect(alice.page.get_by_role("button", name="Earlier version").first).to_be_focused()
    other = visit("alice", path=path_of(alice))
    expect(questions(other)).to_have_text(["Red", "What is the capital of France?"])


def test_the_second_device_turns_with_the_first(alice: Tab) -> None:
    ask_and_wait(alice, "Red")
    edit(alice, "Blue")
    expect(questions(alice)).to_have_text(["Blue"])
    second = another_tab(alice, path_of(alice))
    expect(questions(second)).to_have_text(["Blue"])

    alice.page.get_by_role("button", name="Earlier version").click()

    expect(questions(second)).to_have_text(["Red"])


def test_an_edit_that_was_begun_survives_a_reload_and_escape_gives_it_up(alice: Tab) -> None:
    ask_and_wait(alice, "Red")
    alice.page.get_by_role("button", name="Edit question").click()
    box = alice.page.get_by_role("textbox", name="Question in other words")
    box.fill("Nearly bl")

    alice.page.reload()

    expect(box).to_have_value("Nearly bl")
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(questions(alice)).to_have_text(["Red"])


def test_an_answer_is_given_again_by_another_model_and_both_are_kept(alice: Tab) -> None:
    ask_and_wait(alice, "Red")
    expect(alice.answer).to_have_accessible_name("Answer from other:1b")

    alice.button("Answer again").click()
    alice.page.get_by_role("menuitem", name="With smollm2:135m").click()

    expect(alice.answer).to_have_accessible_name("Answer from smollm2:135m")
    alice.is_in_state("done")
    alice.page.reload()
    expect(alice.answer).to_have_accessible_name("Answer from smollm2:135m")
    alice.button("Earlier answer").click()
    expect(alice.answer).to_have_accessible_name("Answer from other:1b")
    expect(alice.button("Earlier answer")).to_be_focused()


def test_an_answer_in_the_middle_is_given_again_and_what_followed_is_found_again(
    alice: Tab,
) -> None:
    ask_and_wait(alice, "Red")
    ask_and_wait(alice, "Blue", answers=2)

    alice.answers.first.hover()
    alice.page.get_by_role("button", name="Answer again").first.click()
    alice.page.get_by_role("menuitem", name="With smollm2:135m").click()

    expect(alice.answers).to_have_count(1)
    alice.is_in_state("done")
    alice.button("Earlier answer").click()
    expect(questions(alice)).to_have_text(["Red", "Blue"])


def test_a_question_that_waits_is_taken_back_into_the_composer(alice: Tab) -> None:
    alice.ask("Hold on")
    alice.is_in_state("writing")
    alice.composer.fill("Never mind")
    alice.button("Send").click()
    expect(alice.page.get_by_text("Is asked when the answer is there.")).to_be_visible()

    alice.button("Take back").click()

    expect(alice.composer).to_have_value("Never mind")
    expect(alice.page.get_by_role("list", name="Questions that wait")).to_have_count(0)
    alice.composer.fill("")
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    expect(questions(alice)).to_have_text(["Hold on"])


def test_stop_lets_the_next_question_go(alice: Tab) -> None:
    alice.ask("Hold on")
    alice.is_in_state("writing")
    alice.ask("What is the capital of France?")
    expect(alice.page.get_by_role("list", name="Questions that wait")).to_be_visible()

    alice.button("Stop").click()

    expect(questions(alice)).to_have_text(["Hold on", "What is the capital of France?"])
    alice.is_in_state("done")


def test_an_answer_is_rated_with_reasons_and_the_rating_stays(alice: Tab) -> None:
    ask_and_wait(alice, "Red")

    alice.button("Bad answer").click()
    alice.page.get_by_role("button", name="Too short").click()
    alice.page.get_by_role("textbox", name="Note").fill("One word only")
    alice.button("Save").click()

    expect(alice.button("Bad answer")).to_be_focused()
    until(lambda: is_kept(alice, "true"), what="the rating is kept")
    expect(alice.button("Good answer")).to_have_attribute("aria-pressed", "false")
    alice.button("Bad answer").click()
    expect(alice.button("Bad answer")).to_have_attribute("aria-pressed", "false")
    until(lambda: is_kept(alice, "false"), what="that it was taken back is kept")


def is_kept(tab: Tab, pressed: str) -> bool:
    """The page shows at once what was pressed, and the server stores it a moment later."""
    tab.page.reload()
    return tab.button("Bad answer").get_attribute("aria-pressed") == pressed


def test_what_was_read_before_a_rating_was_heard_takes_neither_it_nor_its_note_away(
    alice: Tab,
) -> None:
    """A conversation is read again whenever something changes, also while she writes why."""
    lines: list[WebSocketRoute] = []
    held: list[str | bytes] = []
    opened: list[str | bytes] = []

    def hold_ratings(line: WebSocketRoute) -> None:
        lines.append(line)
        server = line.connect_to_server()

        def pass_back(message: str | bytes) -> None:
            line.send(message)
            if '"messages":[' in str(message):
                opened.append(message)

        line.on_message(lambda message: _pass_or_hold(server, message, held))
        server.on_message(pass_back)

    alice.page.route_web_socket("**/ws/chat/", hold_ratings)
    alice.page.reload()
    ask_and_wait(alice, "Red")
    alice.button("Bad answer").click()
    note = alice.page.get_by_role("textbox", name="Note")
    note.fill("Half a re")
    until(lambda: _has_come(alice, held), what="the rating is on its way")
    opened.clear()

    conversation_id = path_of(alice).strip("/").removeprefix("c/")
    lines[-1].send(json.dumps({"type": "changed", "conversation_id": conversation_id}))
    until(lambda: _has_come(alice, opened), what="it has been read again")
    alice.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    expect(note).to_have_value("Half a re")
    expect(alice.button("Bad answer")).to_have_attribute("aria-pressed", "true")


def _pass_or_hold(server: WebSocketRoute, message: str | bytes, held: list[str | bytes]) -> None:
    if '"generation.rate"' in str(message):
        held.append(message)
    else:
        server.send(message)


def _has_come(tab: Tab, what: list[str | bytes]) -> bool:
    # Asking the page something lets Playwright hear what arrived.
    tab.page.evaluate("0")
    return bool(what)


def test_the_figures_of_an_answer_are_there_for_who_asks(alice: Tab) -> None:
    ask_and_wait(alice, "Red")

    alice.button("More about this answer").click()
    alice.page.get_by_role("menuitem", name="Statistics").click()

    figures = alice.page.get_by_role("region", name="Statistics")
    expect(figures).to_contain_text("Tokens written")
    expect(figures).to_contain_text("other:1b")
    alice.page.keyboard.press("Escape")
    expect(figures).to_have_count(0)
    expect(alice.button("More about this answer")).to_be_focused()


def clipboard_of(tab: Tab) -> str:
    return str(tab.page.evaluate("navigator.clipboard.readText()"))


def test_an_answer_is_copied_as_markdown_or_plain(visit: Visit) -> None:
    tab = visit("alice", permissions=["clipboard-read", "clipboard-write"])
    ask_and_wait(tab, "Show me markdown")

    tab.button("Copy answer").click()
    expect(tab.button("Copied")).to_be_visible()
    copied = clipboard_of(tab)
    assert copied.startswith("Here is a **function**:\n\n```python")

    tab.button("More about this answer").click()
    tab.page.get_by_role("menuitem", name="Copy as plain text").click()
    # Playwright does not wait for a promise: to it, one is true at once.
    until(lambda: "**" not in clipboard_of(tab), what="the plain text is copied")
    plain = clipboard_of(tab)
    assert plain.startswith("Here is a function:\n\ndef double(number: int) -> int:\n    return")
    assert "Copy code" not in plain
    assert "a\t1" in plain
    assert plain.endswith("1. one\n2. two")


@pytest.fixture(scope="module")
def long_path(house: House) -> str:
    """A thousand questions and as many answers of Dora's."""
    made = "from tests.browser.long_talk import talk; print(talk('dora@example.com', 1000).id)"
    return f"/c/{house.once('manage.py', 'shell', '--no-imports', '-c', made).strip()}/"


def test_a_talk_of_two_thousand_messages_opens_at_its_end_and_draws_what_is_near(
    visit: Visit, long_path: str
) -> None:
    tab = visit("dora", path=long_path)

    expect(tab.page.get_by_text("Number 1000 is answered")).to_be_in_viewport()
    assert tab.answers.count() < 30
    # Up in great steps: what came before is fetched and what is read stands still.
    tab.page.locator(".scroller").evaluate("box => { box.scrollTop = 0; }")
    expect(tab.page.get_by_text("Question number 950", exact=True).first).to_be_attached()
    tab.page.wait_for_function("() => document.querySelector('.scroller').scrollTop > 0")


def test_what_is_read_stands_still_while_earlier_messages_come(
    visit: Visit, long_path: str
) -> None:
    tab = visit("dora", path=long_path)
    expect(tab.page.get_by_text("Number 1000 is answered")).to_be_in_viewport()

    tab.page.get_by_role("button", name="Show earlier messages").focus()
    tab.page.keyboard.press("Enter")
    # Where the button lies, near the upper end, scrolling there alone fetches them too.
    expect(tab.page.get_by_text("Question number 950", exact=True).first).to_be_attached()
    first = tab.page.get_by_text("Question number 971", exact=True).locator("visible=true")
    expect(first).to_be_in_viewport()


def test_the_newest_is_one_press_away(visit: Visit, long_path: str) -> None:
    tab = visit("dora", path=long_path)
    expect(tab.page.get_by_text("Number 1000 is answered")).to_be_in_viewport()
    tab.page.locator(".scroller").evaluate("box => { box.scrollTop -= 3000; }")
    expect(tab.page.get_by_text("Number 1000 is answered")).not_to_be_in_viewport()
    # However much is written, the way to the newest does not lie over it.
    tab.composer.fill("one more line\n" * 12)
    tab.page.wait_for_function(
        """() => {
        const jump = document.querySelector(".jump").getBoundingClientRect();
        const sheet = document.querySelector(".sheet").getBoundingClientRect();
        return sheet.height > 200 && jump.bottom <= sheet.top;
        }"""
    )

    tab.button("Jump to newest").click()

    expect(tab.page.get_by_text("Number 1000 is answered")).to_be_in_viewport()


def test_every_control_of_a_talk_is_named_and_reached_by_keyboard(alice: Tab) -> None:
    ask_and_wait(alice, "Red")
    alice.composer.focus()
    met = set()
    for _press in range(40):
        alice.page.keyboard.press("Shift+Tab")
        met.add(
            alice.page.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.textContent"
            )
        )

    assert met >= {
        *("Copy question", "Edit question", "Copy answer", "Answer again", "Good answer"),
        *("Bad answer", "More about this answer"),
    }
    assert re.search(r"\S", "".join(met))
