"""axe-core finds nothing on any page, in light and in dark; with more contrast, seven to one."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.seeing import faults, faults_in_administration

pytestmark = pytest.mark.browser

# A window in which nothing is hidden for want of room.
WIDE = {"viewport": {"width": 1400, "height": 1000}}


@pytest.fixture
def wide(visit: Visit) -> Tab:
    return visit("alice", **WIDE)


def menu(tab: Tab, item: str) -> None:
    tab.page.locator(".item.shown .menu-button").click()
    tab.page.get_by_role("menuitem", name=item, exact=True).click()


def dialog_is_fine(tab: Tab, name: str | re.Pattern[str]) -> None:
    dialog = tab.page.get_by_role("dialog", name=name)
    expect(dialog).to_be_visible()
    assert faults(tab.page) == [], name
    tab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_conversation_and_whatever_opens_in_it(wide: Tab) -> None:
    page = wide.page
    expect(page.get_by_role("heading", name=re.compile("how can I help"))).to_be_visible()
    assert faults(page) == [], "a new conversation"

    wide.ask("Draw")
    wide.is_in_state("done")
    expect(wide.prose.get_by_role("img", name="Diagram")).to_be_visible(timeout=60_000)
    expect(wide.prose.locator(".formula .katex")).to_have_count(2)
    assert faults(page) == [], "an answer with all that is drawn"

    wide.button("More about this answer").click()
    assert faults(page) == [], "a menu"
    page.get_by_role("menuitem", name="Statistics").click()
    expect(page.get_by_role("region", name="Statistics")).to_be_visible()
    wide.button("Bad answer").click()
    page.get_by_role("button", name=re.compile("^Model")).click()
    expect(page.get_by_role("listbox")).to_be_visible()
    assert faults(page) == [], "statistics, a rating, the models"

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account of").click()
    wide.button("Edit question").click()
    page.get_by_role("button", name="Account of").click()
    wide.composer.fill("/set")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert faults(page) == [], "the account, a question in other words, commands"
    wide.composer.fill("")


def test_every_panel_over_a_conversation(wide: Tab) -> None:
    page = wide.page
    wide.ask("What is the capital of France?")
    wide.is_in_state("done")

    page.keyboard.press("Control+k")
    page.get_by_role("searchbox", name="Search for").fill("capital")
    expect(page.get_by_role("dialog").get_by_role("link").first).to_be_visible()
    dialog_is_fine(wide, "Search your chats")
    page.keyboard.press("Control+/")
    dialog_is_fine(wide, "Keyboard shortcuts")
    page.keyboard.press("Control+,")
    expect(page.get_by_role("dialog")).to_be_visible()
    sections = page.get_by_role("dialog").locator("details")
    sections.evaluate_all("all => all.forEach((each) => { each.open = true; })")
    wide.button("Save as a preset…").click()
    dialog_is_fine(wide, "Settings of this conversation")
    menu(wide, "Share")
    dialog_is_fine(wide, re.compile("^Share"))
    menu(wide, "Move to folder")
    dialog_is_fine(wide, "Move to folder")
    menu(wide, "Delete")
    dialog_is_fine(wide, "Delete this conversation?")
    for arranged in ("Archive", "Import chats"):
        wide.button("Arrange chats").click()
        page.get_by_role("menuitem", name=arranged, exact=True).click()
        dialog_is_fine(wide, arranged)
    wide.button("Arrange chats").click()
    page.get_by_role("menuitem", name="Select chats").click()
    expect(page.get_by_role("group", name="Selected chats")).to_be_visible()
    assert faults(page) == [], "chats are selected"


def test_a_preview_a_temporary_chat_and_a_phone(wide: Tab, visit: Visit) -> None:
    wide.ask("Page one")
    wide.is_in_state("done")
    wide.button("Preview").click()
    expect(wide.page.get_by_role("heading", name=re.compile("^Preview"))).to_be_visible()
    assert faults(wide.page) == [], "a preview"
    wide.button("Temporary chat").click()
    expect(wide.page.locator(".temporary")).to_be_visible()
    assert faults(wide.page) == [], "a temporary chat"

    phone = visit("alice", viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True)
    expect(phone.composer).to_be_visible()
    assert faults(phone.page) == [], "a phone"
    phone.button("Open the list").tap()
    expect(phone.links.first).to_be_visible()
    assert faults(phone.page) == [], "the list on a phone"


def shared_by(tab: Tab) -> str:
    """The path of a chat that she gave Erin to read."""
    tab.ask("Show me markdown")
    tab.is_in_state("done")
    menu(tab, "Share")
    tab.page.get_by_label("People, by their email addresses").fill("erin@example.com")
    tab.page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(tab.button("Stop sharing")).to_be_visible()
    dialog_is_fine(tab, re.compile("^Share"))
    path: str = tab.page.evaluate("location.pathname")
    return path


def test_a_shared_chat_and_one_that_is_not_there(wide: Tab, visit: Visit) -> None:
    shared_by(wide)
    erin = visit("erin", **WIDE)

    erin.links.filter(has_text="Show me markdown").first.click()
    expect(erin.page.get_by_text("shared this with you")).to_be_visible()
    assert faults(erin.page) == [], "a shared chat"
    erin.open("/c/6f0e7c9a-3f4b-4c63-9d1e-0a8d6f2f0a11/")
    expect(erin.page.get_by_role("alert")).to_be_visible()
    assert faults(erin.page) == [], "a chat that is not hers"


OPEN_PAGES = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/first/none/",
    "/offline/en/",
    "/nowhere",
    "/api/docs",
)
OWN_PAGES = (
    "/account/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/reauthenticate/",
    "/connect/",
)


def plain_page_is_fine(page: Page, path: str) -> None:
    expect(page.get_by_role("heading").first).to_be_visible()
    page.evaluate(
        "document.querySelectorAll('details').forEach((each, n) => { each.open = n < 20; })"
    )
    assert faults(page) == [], path


def test_every_page_before_and_around_the_chat(visit: Visit) -> None:
    stranger = visit(None, path="/accounts/login/")
    stranger.button("Sign in").click()
    for path in OPEN_PAGES:
        plain_page_is_fine(stranger.open(path).page, path)
    frank = visit("frank", path="/account/")
    for path in OWN_PAGES:
        plain_page_is_fine(frank.open(path).page, path)


def test_pages_that_have_just_done_something(visit: Visit) -> None:
    stranger = visit(None, path="/accounts/login/")
    stranger.page.get_by_label("Email").fill("frank@example.com")
    stranger.page.get_by_label("Password").fill("not this one")
    stranger.button("Sign in").click()
    expect(stranger.page.locator(".error").first).to_be_visible()
    plain_page_is_fine(stranger.page, "a refused sign-in")

    frank = visit("frank", path="/account/")
    frank.page.get_by_text("New key").click()
    frank.page.locator("[name=name]").last.fill("A program")
    frank.button("Make the key").click()
    expect(frank.page.get_by_text("Copy it now")).to_be_visible()
    plain_page_is_fine(frank.page, "a new key")
    frank.open("/connect/")
    frank.button("Make an address for the Ollama provider").click()
    expect(frank.page.get_by_text("Waiting for its first request")).to_be_visible()
    plain_page_is_fine(frank.page, "a new device")


ADMIN_PAGES = (
    "/admin/",
    "/admin/catalog/model/add/",
    "/admin/catalog/model/names/",
    "/admin/catalog/model/loaded/",
    "/admin/catalog/model/add/file/",
    "/admin/catalog/model/add/folder/",
    "/admin/catalog/model/add/modelfile/",
    "/admin/catalog/model/add/upload/",
)


def test_what_we_draw_in_the_administration(visit: Visit) -> None:
    carol = visit("carol", path="/admin/catalog/model/", **WIDE)
    model = carol.page.locator("a[href*='/change/']").last.get_attribute("href") or ""
    for path in (*ADMIN_PAGES, model):
        carol.open(path)
        expect(carol.page.locator("#content").first).to_be_visible()
        assert faults_in_administration(carol.page) == [], path
