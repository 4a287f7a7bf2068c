"""Keeping order: find, pin, fold away, archive, delete, leave nothing, take out and in, share."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.conftest import BACKGROUND_MS, Tab, Visit, another_tab, expect
from tests.browser.house import House

pytestmark = pytest.mark.browser


def said(tab: Tab, *questions: str) -> str:
    """A fresh conversation of these questions; its title. At the end it is not shown."""
    tab.button("New chat").click()
    for question in questions:
        tab.ask(question)
        tab.is_in_state("done")
    title = questions[0]
    expect(tab.links.filter(has_text=title)).to_have_count(1)
    tab.button("New chat").click()
    expect(tab.answers).to_have_count(0)
    return title


def marked() -> str:
    return uuid4().hex[:8]


def choose(tab: Tab, title: str, act: str) -> None:
    tab.page.get_by_role("button", name=f"More for {title}").click()
    tab.page.get_by_role("menuitem", name=act, exact=True).click()


def arrange(tab: Tab, act: str) -> None:
    tab.button("Arrange chats").click()
    tab.page.get_by_role("menuitem", name=act, exact=True).click()


def search(tab: Tab, words: str) -> None:
    tab.page.keyboard.press("Control+k")
    tab.page.get_by_role("searchbox", name="Search for").fill(words)


def test_what_was_said_is_found_marked_and_jumped_to(alice: Tab) -> None:
    mark = marked()
    said(alice, f"Where is the {mark} key?", *(f"And line {n} of it" for n in range(4)))
    said(alice, f"Something about {marked()}")

    search(alice, f"{mark} KEY")
    hit = alice.page.get_by_role("dialog").get_by_role("link").filter(has_text="Where is the")
    expect(hit.last.locator("mark")).to_have_text([mark, "key"])
    hit.last.click()

    expect(alice.page.get_by_role("dialog")).to_have_count(0)
    question = alice.page.locator(".turn").filter(has_text=f"the {mark} key")
    expect(question.first).to_be_in_viewport()
    expect(question.first).to_have_class(re.compile("found"))


def test_a_chinese_word_of_two_letters_is_found(alice: Tab) -> None:
    said(alice, f"我们的数据库在北京 {marked()}")

    search(alice, "北京")

    marks = alice.page.get_by_role("dialog").locator("mark")
    expect(marks.first).to_have_text("北京")
    alice.page.get_by_role("searchbox", name="Search for").fill("不存在的词")
    expect(alice.page.get_by_role("dialog").get_by_role("status")).to_have_text(
        "Nothing was found."
    )


def test_search_is_reached_used_and_left_by_keyboard_alone(alice: Tab) -> None:
    mark = marked()
    said(alice, f"Keyboard {mark}")

    search(alice, mark)
    expect(alice.page.get_by_role("dialog").get_by_role("link").first).to_be_visible()
    alice.page.keyboard.press("Tab")
    alice.page.keyboard.press("Enter")

    expect(alice.page.get_by_role("heading", name="You").first).to_be_attached()
    expect(alice.page).to_have_title(re.compile(mark))
    alice.page.keyboard.press("Control+k")
    alice.page.keyboard.press("Escape")
    expect(alice.page.get_by_role("dialog")).to_have_count(0)


def test_a_pinned_chat_stands_at_the_top_in_every_tab_until_it_is_unpinned(alice: Tab) -> None:
    title = said(alice, f"Pin me {marked()}")
    said(alice, f"Newer {marked()}")
    second = another_tab(alice)

    choose(alice, title, "Pin")

    for tab in (alice, second):
        expect(tab.links.first).to_have_text(title)
    choose(alice, title, "Unpin")
    expect(alice.page.get_by_role("heading", name="Pinned")).to_have_count(0)
    expect(alice.links.filter(has_text=title)).to_have_count(1)


def test_a_chat_is_put_into_a_folder_and_stays_when_the_folder_is_deleted(alice: Tab) -> None:
    title, name = said(alice, f"Fold me {marked()}"), f"Work {marked()}"

    choose(alice, title, "Move to folder")
    alice.page.get_by_role("textbox", name="Name of the new folder").fill(name)
    alice.button("Create and move").click()

    folder = alice.page.get_by_role("button", name=f"{name} 1")
    expect(folder).to_have_attribute("aria-expanded", "false")
    expect(alice.links.filter(has_text=title)).to_have_count(0)
    folder.click()
    expect(alice.links.filter(has_text=title)).to_have_count(1)
    alice.page.reload()
    expect(alice.links.filter(has_text=title)).to_have_count(1)

    choose(alice, name, "Delete folder")
    alice.button("Delete folder").click()
    expect(alice.page.get_by_role("button", name=f"{name} 1")).to_have_count(0)
    expect(alice.links.filter(has_text=title)).to_have_count(1)


def test_archived_chats_are_out_of_the_list_and_come_back_from_the_archive(alice: Tab) -> None:
    title = said(alice, f"Put me away {marked()}")

    choose(alice, title, "To the archive")
    expect(alice.links.filter(has_text=title)).to_have_count(0)
    arrange(alice, "Archive")
    panel = alice.page.get_by_role("dialog", name="Archive")
    row = panel.get_by_role("listitem").filter(has_text=title)
    row.get_by_role("button", name="Take out of the archive").click()

    expect(row).to_have_count(0)
    alice.page.keyboard.press("Escape")
    expect(alice.links.filter(has_text=title)).to_have_count(1)


def test_many_chats_are_selected_and_deleted_at_once(alice: Tab) -> None:
    titles = [said(alice, f"Bulk {number} {marked()}") for number in range(3)]

    arrange(alice, "Select chats")
    for title in titles[:2]:
        alice.page.get_by_role("checkbox", name=title).check()
    bar = alice.page.get_by_role("group", name="Selected chats")
    expect(bar.get_by_role("status")).to_have_text("2 selected")
    bar.get_by_role("button", name="Delete").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    for title in titles[:2]:
        expect(alice.links.filter(has_text=title)).to_have_count(0)
    expect(alice.links.filter(has_text=titles[2])).to_have_count(1)


def test_a_temporary_chat_leaves_nothing_when_it_is_left(alice: Tab) -> None:
    mark = marked()
    alice.button("Temporary chat").click()
    expect(alice.page.get_by_text("gone for good when you leave it")).to_be_visible()
    alice.ask(f"What is the capital of France? {mark}")
    alice.is_in_state("done")
    address = alice.page.url
    alice.page.reload()
    expect(alice.answers).to_have_count(1)
    expect(alice.links.filter(has_text=mark)).to_have_count(0)
    search(alice, mark)
    expect(alice.page.get_by_role("dialog").get_by_role("status")).to_have_text(
        "Nothing was found."
    )
    alice.page.keyboard.press("Escape")

    alice.button("New chat").click()

    expect(alice.page.get_by_text("gone for good when you leave it")).to_have_count(0)
    alice.page.goto(address)
    expect(alice.page.get_by_role("alert")).to_contain_text("does not exist")


def test_a_temporary_chat_can_be_kept(alice: Tab) -> None:
    mark = marked()
    alice.button("Temporary chat").click()
    expect(alice.button("Keep this chat")).to_be_visible()
    alice.ask(f"Keep {mark}")
    alice.is_in_state("done")

    alice.button("Keep this chat").click()

    expect(alice.links.filter(has_text=mark)).to_have_count(1)
    alice.button("New chat").click()
    alice.links.filter(has_text=mark).click()
    expect(alice.answers).to_have_count(1)


def test_chats_are_exported_with_every_branch_and_taken_in_by_somebody_else(
    visit: Visit, tmp_path: Path
) -> None:
    dora, erin = visit("dora"), visit("erin")
    title = said(dora, f"What is the capital of France? {marked()}")
    dora.links.filter(has_text=title).click()
    dora.page.get_by_role("button", name="Answer again").first.click()
    dora.page.get_by_role("menuitem", name="With smollm2:135m").click()
    expect(dora.page.get_by_text("2 of 2")).to_be_visible()
    dora.is_in_state("done")

    with dora.page.expect_download() as download:
        choose(dora, title, "Export as JSON")
    file = tmp_path / "chats.json"
    download.value.save_as(file)
    [conversation] = json.loads(file.read_text())["conversations"]
    assert len(conversation["messages"][0]["answers"]) == 2
    with dora.page.expect_download() as download:
        choose(dora, title, "Export as Markdown")
    written = Path(download.value.path()).read_text()
    assert written.startswith(f"# {title}")
    assert "Paris is the capital of France." in written

    arrange(erin, "Import chats")
    erin.page.get_by_label("File with chats").set_input_files(file)
    erin.page.get_by_role("dialog").get_by_role("button", name="Import").click()
    expect(erin.page.get_by_role("dialog").get_by_role("status")).to_have_text(
        "1 chat was taken in."
    )
    erin.page.keyboard.press("Escape")
    erin.links.filter(has_text=title).click()
    expect(erin.page.get_by_text("2 of 2")).to_be_visible()
    expect(erin.prose).to_contain_text("Paris")


def test_a_chat_is_shared_with_a_colleague_who_reads_it_until_it_is_taken_back(
    visit: Visit,
) -> None:
    dora, grace = visit("dora"), visit("grace")
    title = said(dora, f"What is the capital of France? {marked()}")

    choose(dora, title, "Share")
    panel = dora.page.get_by_role("dialog", name="Share")
    panel.get_by_role("textbox").fill("nobody@example.com")
    panel.get_by_role("button", name="Share", exact=True).click()
    expect(panel.get_by_role("status")).to_contain_text("Nobody signs in here")
    panel.get_by_role("textbox").fill("grace@example.com")
    panel.get_by_role("button", name="Share", exact=True).click()
    expect(panel.get_by_role("region", name="Shared with")).to_contain_text("Grace")

    grace.links.filter(has_text=title).click()
    expect(grace.page.get_by_text("Dora shared this with you")).to_be_visible()
    expect(grace.prose).to_contain_text("Paris")
    expect(grace.composer).to_have_count(0)

    panel.get_by_role("button", name="Stop sharing").click()
    expect(grace.page.get_by_role("alert")).to_contain_text("not shared with you any more")
    expect(grace.links.filter(has_text=title)).to_have_count(0)


@pytest.fixture
def titling(house: House) -> Iterator[None]:
    """The model names conversations, for this test only."""
    house.environment["PORTAL_TITLES"] = "yes"
    house.restart("recorder")
    yield
    house.environment["PORTAL_TITLES"] = "no"
    house.restart("recorder")


def test_the_model_gives_a_new_chat_its_title_while_she_looks(alice: Tab, titling: None) -> None:
    alice.ask(f"Name this conversation {marked()}")
    alice.is_in_state("done")

    titled = alice.links.filter(has_text="A fitting title")
    expect(titled.first).to_be_visible(timeout=BACKGROUND_MS)
    expect(alice.page).to_have_title(re.compile("A fitting title"))
