"""By keyboard, on a phone, in Chinese, in the dark, and for a screen reader."""

import re

import pytest

from tests.browser.conftest import Tab, Visit, expect

pytestmark = pytest.mark.browser


def test_everything_can_be_done_by_keyboard(alice: Tab) -> None:
    page = alice.page
    expect(alice.composer).to_be_focused()
    page.keyboard.type("What is the")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("capital of France?")
    page.keyboard.press("Enter")
    alice.is_in_state("done")
    expect(page.locator(".question p")).to_have_text("What is the capital of France?")

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Model"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("^Model"))).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_focused_control_of_the_list_opens_its_menu_and_gives_the_focus_back(alice: Tab) -> None:
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")
    more = alice.page.locator(".item.shown .menu-button")
    more.focus()

    alice.page.keyboard.press("Enter")
    expect(alice.page.get_by_role("menuitem", name="Pin")).to_be_focused()
    alice.page.keyboard.press("ArrowDown")
    expect(alice.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    alice.page.keyboard.press("ArrowUp")
    alice.page.keyboard.press("ArrowUp")
    expect(alice.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    alice.page.keyboard.press("Escape")

    expect(more).to_be_focused()


def test_every_control_has_a_name(alice: Tab) -> None:
    alice.ask("Show me markdown")
    alice.is_in_state("done")

    for role in ("button", "link", "textbox"):
        for control in alice.page.get_by_role(role).all():
            expect(control).to_have_accessible_name(re.compile(r"\S"))


def test_an_answer_is_announced_by_sentence(alice: Tab) -> None:
    said = alice.page.locator("[aria-live=polite]")

    alice.ask("What is the capital of France?")
    alice.is_in_state("done")

    expect(said).to_contain_text("Paris is the capital of France.")
    expect(said).to_contain_text("The answer is complete.")


def test_on_a_phone_the_list_is_a_drawer_and_targets_are_large(visit: Visit) -> None:
    phone = visit("alice", viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True)
    expect(phone.links.first).not_to_be_visible()
    phone.ask("Show me markdown")
    phone.is_in_state("done")

    width = phone.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 375
    phone.button("Open the list").tap()
    expect(phone.links.first).to_be_visible()
    small = phone.page.locator("button:visible, nav a:visible, textarea:visible").evaluate_all(
        """all => all.filter(one => {
          const box = one.getBoundingClientRect();
          return box.height < 43.5 || box.width < 43.5;
        }).map(one => one.outerHTML.slice(0, 120))"""
    )
    assert small == []
    phone.links.first.tap()
    expect(phone.links.first).not_to_be_visible()
    phone.is_in_state("done")


def test_the_page_speaks_chinese(visit: Visit) -> None:
    bob = visit("bob", locale="zh-CN")

    expect(bob.page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(bob.button("新对话")).to_be_visible()
    box = bob.page.get_by_role("textbox", name="消息")
    box.fill("What is the capital of France?")
    bob.button("发送").click()
    bob.is_in_state("done")
    expect(bob.button("复制回答")).to_be_visible()


def test_an_input_method_keeps_its_enter(alice: Tab) -> None:
    alice.composer.fill("ni hao")
    alice.composer.dispatch_event(
        "keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True}
    )

    expect(alice.composer).to_have_value("ni hao")
    expect(alice.answers).to_have_count(0)
    alice.composer.fill("")


def test_the_theme_is_kept_and_painted_at_once(visit: Visit) -> None:
    alice = visit("alice")
    alice.page.get_by_role("button", name="Account of").click()
    alice.page.get_by_role("radio", name="Dark").check(force=True)
    expect(alice.page.locator("html")).to_have_attribute("data-theme", "dark")

    alice.page.reload()

    expect(alice.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(alice.composer).to_be_visible()


def test_the_page_stays_where_she_reads_until_she_wants_the_newest(visit: Visit) -> None:
    alice = visit("alice", viewport={"width": 900, "height": 500})
    alice.ask("Hold on")
    expect(alice.prose).to_contain_text("1 2 3 4 5 6 7 8 9 10 11 12")
    for _ in range(3):
        alice.button("Stop").click()
        alice.is_in_state("stopped")
        alice.ask("Show me markdown")
        alice.is_in_state("done")
        alice.ask("Hold on")
        alice.is_in_state("writing")
    box = alice.page.locator(".scroller")
    box.hover()
    alice.page.mouse.wheel(0, -400)
    jump = alice.button("Jump to newest")
    expect(jump).to_be_visible()

    before = alice.page.evaluate("document.querySelector('.scroller').scrollTop")
    expect(alice.prose).to_contain_text("20 21 22")
    assert alice.page.evaluate("document.querySelector('.scroller').scrollTop") == before

    jump.click()
    expect(jump).to_have_count(0)
    alice.button("Stop").click()
    alice.is_in_state("stopped")


def test_the_first_load_is_small_and_from_here_only(visit: Visit) -> None:
    alice = visit("alice")
    expect(alice.composer).to_be_visible()

    sizes = alice.page.evaluate(
        "performance.getEntriesByType('resource').map(entry => [entry.name, entry.transferSize])"
    )
    assert sum(size for _, size in sizes) < 150_000, sizes
    alice.nothing_ran()
