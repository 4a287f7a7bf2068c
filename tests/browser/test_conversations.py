"""Finding, opening, renaming and deleting conversations."""

import re
from uuid import uuid4

import pytest

from tests.browser.conftest import Tab, another_tab, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def titled(alice: Tab) -> str:
    """The title of a fresh conversation of hers, which is shown."""
    title = f"What is the capital of France? {uuid4().hex[:6]}"
    alice.ask(title)
    alice.is_in_state("done")
    expect(alice.links.filter(has_text=title)).to_have_count(1)
    return title


def choose(tab: Tab, title: str, act: str) -> None:
    tab.links.filter(has_text=title).hover()
    tab.page.get_by_role("button", name=f"More for {title}").click()
    tab.page.get_by_role("menuitem", name=act).click()


def test_a_conversation_is_listed_and_opened_again(alice: Tab, titled: str) -> None:
    alice.button("New chat").click()
    expect(alice.answers).to_have_count(0)

    alice.links.filter(has_text=titled).click()

    expect(alice.answers).to_have_count(1)
    alice.page.wait_for_url("**/c/*/")
    expect(alice.page).to_have_title(re.compile("capital of France"))
    alice.page.go_back()
    expect(alice.answers).to_have_count(0)
    alice.page.go_forward()
    expect(alice.answers).to_have_count(1)


def test_a_conversation_is_renamed_in_every_tab(alice: Tab, titled: str) -> None:
    second = another_tab(alice)
    expect(second.links.filter(has_text=titled)).to_have_count(1)
    name = f"Geography {uuid4().hex[:6]}"

    choose(alice, titled, "Rename")
    alice.page.get_by_role("textbox", name="Title").fill(name)
    alice.page.get_by_role("textbox", name="Title").press("Enter")

    expect(alice.links.filter(has_text=name)).to_have_count(1)
    expect(second.links.filter(has_text=name)).to_have_count(1)
    alice.page.reload()
    expect(alice.links.filter(has_text=name)).to_have_count(1)


def test_a_name_that_is_written_over_stays_as_it_was_whatever_another_tab_does(
    alice: Tab, titled: str
) -> None:
    second = another_tab(alice)
    expect(second.links.filter(has_text=titled)).to_have_count(1)
    name, other = (f"{word} {uuid4().hex[:6]}" for word in ("Here", "Elsewhere"))
    choose(alice, titled, "Rename")
    box = alice.page.get_by_role("textbox", name="Title")

    choose(second, titled, "Rename")
    second.page.get_by_role("textbox", name="Title").fill(other)
    second.page.get_by_role("textbox", name="Title").press("Enter")
    expect(alice.page).to_have_title(re.compile(other))

    expect(box).to_have_value(titled)
    box.fill(name)
    box.press("Enter")
    expect(alice.links.filter(has_text=name)).to_have_count(1)


def test_a_conversation_is_deleted_only_when_she_is_sure(alice: Tab, titled: str) -> None:
    choose(alice, titled, "Delete")
    alice.button("Cancel").click()
    expect(alice.links.filter(has_text=titled)).to_have_count(1)

    choose(alice, titled, "Delete")
    alice.button("Delete").click()

    expect(alice.links.filter(has_text=titled)).to_have_count(0)
    expect(alice.answers).to_have_count(0)
    alice.page.reload()
    expect(alice.composer).to_be_visible()
    expect(alice.links.filter(has_text=titled)).to_have_count(0)


def test_deleting_what_is_shown_elsewhere_says_so_there(alice: Tab, titled: str) -> None:
    alice.page.wait_for_url("**/c/*/")
    second = another_tab(alice, alice.page.url.removeprefix(alice.house.address))
    expect(second.answers).to_have_count(1)

    choose(alice, titled, "Delete")
    alice.button("Delete").click()

    expect(second.page.get_by_role("alert")).to_contain_text("does not exist")
