"""A person signs in, asks, and watches."""

import re

import pytest
from playwright.sync_api import Browser, WebSocketRoute

from tests.browser.conftest import PATIENCE_MS, Tab, Visit, expect, sign_in
from tests.browser.house import House, until
from tests.browser.script import COUNTED_TEXT

pytestmark = pytest.mark.browser


def test_a_person_signs_in_asks_and_watches_the_answer(chromium: Browser, house: House) -> None:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        sign_in(page, house, "erin")
        tab = Tab(page, house)

        tab.button("New chat").click()
        tab.ask("What is the capital of France?")

        tab.is_in_state("done")
        expect(tab.prose).to_have_text("Paris is the capital of France.")
        assert tab.errors == []
    finally:
        context.close()


def test_who_is_not_signed_in_is_asked_to(chromium: Browser, house: House) -> None:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        page.goto(house.address + "/")
        assert "/accounts/login/" in page.url
    finally:
        context.close()


def test_an_answer_streams_and_stop_keeps_what_was_said(alice: Tab) -> None:
    alice.ask("Hold on")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8 9 10")
    alice.is_in_state("writing")

    alice.button("Stop").click()

    alice.is_in_state("stopped")
    kept = alice.prose.inner_text()
    assert COUNTED_TEXT.startswith(kept.strip()) or kept.startswith(COUNTED_TEXT)
    alice.page.reload()
    alice.is_in_state("stopped")
    expect(alice.prose).to_have_text(kept)
    expect(alice.button("Send")).to_be_visible()


def test_a_stopped_answer_can_go_on(alice: Tab) -> None:
    alice.ask("Hold on, then go on")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8")
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    kept = alice.prose.inner_text().strip()

    alice.button("Continue").click()

    alice.is_in_state("writing")
    expect(alice.prose).to_have_text(re.compile(f"^{re.escape(kept)}.*\\d \\d"))
    alice.button("Stop").click()
    alice.is_in_state("stopped")
    expect(alice.answer.get_by_text("2 of 2")).to_be_visible()


def test_an_answer_is_shown_as_markdown_with_coloured_code(alice: Tab) -> None:
    alice.ask("Show me markdown")
    alice.is_in_state("done")

    expect(alice.prose.locator("strong")).to_have_text("function")
    expect(alice.prose.locator("code .hljs-keyword").first).to_have_text("def")
    expect(alice.prose.get_by_role("cell", name="a", exact=True)).to_be_visible()
    expect(alice.prose.get_by_role("listitem")).to_have_text(["one", "two"])


def test_code_is_copied_as_it_is(visit: Visit) -> None:
    tab = visit("alice", permissions=["clipboard-read", "clipboard-write"])
    tab.ask("Show me markdown")
    tab.is_in_state("done")

    tab.button("Copy code").click()

    expect(tab.button("Copied")).to_be_visible()
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    assert copied == "def double(number: int) -> int:\n    return number * 2  # twice\n"


def test_another_model_can_be_picked_for_the_next_answer(alice: Tab) -> None:
    picker = alice.page.get_by_role("button", name=re.compile("^Model"))
    picker.click()
    alice.page.get_by_role("option", name=re.compile("other:1b")).click()
    expect(picker).to_have_accessible_name("Model: other:1b")

    alice.ask("Who are you?")

    alice.is_in_state("done")
    expect(alice.answer).to_have_accessible_name("Answer from other:1b")


def test_a_refused_question_stays_in_the_composer(alice: Tab) -> None:
    too_long = "x" * 100_001
    alice.composer.fill(too_long)
    alice.button("Send").click()

    expect(alice.page.get_by_role("alert")).to_contain_text("too long")
    expect(alice.composer).to_have_value(too_long)


@pytest.mark.threat("C3")
def test_a_question_larger_than_a_frame_stays_too_and_the_connection_lives(alice: Tab) -> None:
    # Within the limit of characters, beyond that of bytes: such letters take three each.
    too_large = "好" * 100_000
    alice.composer.fill(too_large)
    alice.button("Send").click()

    expect(alice.page.get_by_role("alert")).to_contain_text("too long. At most 87")
    expect(alice.composer).to_have_value(too_large)
    # What just fits arrives; a model with a small context says so itself.
    alice.composer.fill("好" * 87_000)
    alice.button("Send").click()
    alice.is_in_state("failed")
    expect(alice.answer).to_contain_text("too long for the model")


@pytest.mark.threat("C7")
def test_half_a_character_does_not_hold_a_question_up(alice: Tab) -> None:
    alice.page.evaluate(
        """box => {
            const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
            set.call(box, "cut \\ud83d here");
            box.dispatchEvent(new Event("input", {bubbles: true}));
        }""",
        alice.composer.element_handle(),
    )
    alice.button("Send").click()

    alice.is_in_state("done")
    expect(alice.answer).to_contain_text("cut \ufffd here")


def test_a_draft_is_kept_for_each_conversation(alice: Tab) -> None:
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")
    alice.composer.fill("half a thought")

    alice.button("New chat").click()
    expect(alice.composer).to_have_value("")
    alice.composer.fill("another one")
    alice.page.go_back()

    expect(alice.composer).to_have_value("half a thought")
    alice.page.reload()
    expect(alice.composer).to_have_value("half a thought")
    alice.button("New chat").click()
    expect(alice.composer).to_have_value("another one")
    alice.composer.fill("")


def test_what_is_typed_before_the_connection_is_there_stays(alice: Tab) -> None:
    held: list[tuple[WebSocketRoute, str | bytes]] = []

    def hold_back(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        server.on_message(lambda message: held.append((line, message)))

    alice.page.route_web_socket("**/ws/chat/", hold_back)
    alice.page.reload()
    alice.composer.fill("What is the capital of France?")
    expect(alice.button("Send")).to_be_disabled()

    until(lambda: _handed_over(alice, held), what="the welcome arrived")

    expect(alice.button("Send")).to_be_enabled()
    expect(alice.composer).to_have_value("What is the capital of France?")
    alice.composer.fill("")


def test_enter_before_the_connection_is_there_is_not_lost(alice: Tab) -> None:
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_held = True

    def hold_back(line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        server.on_message(
            lambda message: held.append((line, message)) if is_held else line.send(message)
        )

    alice.page.route_web_socket("**/ws/chat/", hold_back)
    alice.page.reload()
    alice.composer.fill("What is the capital of France?")
    alice.composer.press("Enter")
    expect(alice.page.get_by_text("Will be sent once you are online.")).to_be_visible()
    expect(alice.composer).to_have_value("What is the capital of France?")

    until(lambda: _handed_over(alice, held), what="the welcome arrived")
    is_held = False

    alice.is_in_state("done")
    expect(alice.answers).to_have_count(1)
    expect(alice.composer).to_have_value("")


def _handed_over(tab: Tab, held: list[tuple[WebSocketRoute, str | bytes]]) -> bool:
    # Asking the page something lets Playwright hear what arrived.
    tab.page.evaluate("0")
    for line, message in held:
        line.send(message)
    return bool(held)
