"""Connecting ChatBox as a person does: one press, and the page says when the first request came."""

import re

import httpx
import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.connect import chatbox

pytestmark = pytest.mark.browser

# A browser without ChatBox asks what should open the link, where no test can answer, and hears no
# key and no click until then. So here the page believes that it has opened it already.
HAS_OPENED = "Storage.prototype.getItem = () => 'yes';"


@pytest.fixture
def dora(visit: Visit) -> Tab:
    """The keys she makes here are nobody else's."""
    return visit("dora")


def without_chatbox(tab: Tab) -> Tab:
    tab.page.add_init_script(HAS_OPENED)
    return tab


def made(tab: Tab) -> str:
    """Press the button; give the link that opens ChatBox."""
    tab.open("/connect/")
    tab.page.get_by_label("Name of this device").fill("My laptop")
    tab.button("Connect ChatBox").click()
    address = tab.page.get_by_role("link", name="Open ChatBox").get_attribute("href")
    assert address is not None
    return address


def test_from_the_chat_page_to_the_first_request(dora: Tab) -> None:
    dora.page.get_by_role("button", name="Account of Dora").click()
    dora.page.get_by_role("link", name="Connect ChatBox").click()
    expect(dora.page.get_by_role("heading", name="Connect a program")).to_be_visible()

    given = chatbox.opened(made(dora))
    arrival = dora.page.get_by_role("status").filter(has_text="request")
    expect(arrival).to_have_text("Waiting for its first request…")
    assert [each for each in dora.foreign if each.startswith("chatbox://provider/import?")]
    assert "smollm2:135m" in {each["modelId"] for each in given["settings"]["models"]}

    headers = {
        "Authorization": f"Bearer {given['settings']['apiKey']}",
        "User-Agent": "xyz.chatboxapp.app/1.20.0 Chrome/122",
    }
    answer = httpx.get(f"{given['settings']['apiHost']}/models", headers=headers, timeout=60)

    assert answer.status_code == httpx.codes.OK
    expect(arrival).to_have_text(
        "Your first request just arrived. It works: ChatBox 1.20.0, OpenAI API read the list of"
        " your models. Pick one there and ask."
    )
    dora.page.reload()
    expect(dora.page.get_by_role("row").filter(has_text="My laptop")).to_contain_text("It works")
    assert dora.errors == []
    assert dora.page.evaluate("window.reports") == []


def test_a_device_is_taken_away_with_one_press(dora: Tab) -> None:
    given = chatbox.opened(made(without_chatbox(dora)))
    headers = {"Authorization": f"Bearer {given['settings']['apiKey']}"}

    dora.page.get_by_role("row").filter(has_text="My laptop").first.get_by_role("button").click()

    expect(dora.page.get_by_text("This device can no longer use the portal.")).to_be_visible()
    address = f"{given['settings']['apiHost']}/models"
    assert httpx.get(address, headers=headers, timeout=60).status_code == httpx.codes.UNAUTHORIZED


def test_an_address_for_old_programs_is_copied_with_one_press(visit: Visit) -> None:
    erin = visit("erin", path="/connect/", permissions=["clipboard-read", "clipboard-write"])
    erin.button("Make an address for the Ollama provider").click()

    erin.button("Copy the address").click()

    expect(erin.button("Copied")).to_be_visible()
    copied = str(erin.page.evaluate("navigator.clipboard.readText()"))
    assert re.fullmatch(re.escape(erin.house.address) + r"/u/pk_[\w-]{43}", copied)
    tags = httpx.get(f"{copied}/api/tags", timeout=60)
    assert tags.status_code == httpx.codes.OK
    expect(erin.page.get_by_role("status").filter(has_text="It works")).to_be_visible()


def test_it_is_all_there_on_a_phone_and_by_keyboard(visit: Visit) -> None:
    grace = without_chatbox(visit("grace", viewport={"width": 360, "height": 740}))
    grace.open("/connect/")
    page = grace.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.get_by_label("Name of this device").focus()
    page.keyboard.press("Tab")
    expect(grace.button("Connect ChatBox")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="Open ChatBox")).to_be_visible()
    page.get_by_text("Nothing opened?").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Settings for ChatBox")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
