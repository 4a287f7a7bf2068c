"""The pages of the API: searched, and copied from."""

import pytest

from tests.browser.conftest import Visit, expect

pytestmark = pytest.mark.browser


def test_a_developer_finds_a_door_by_its_words_and_copies_its_command(visit: Visit) -> None:
    tab = visit("alice", path="/api/docs", permissions=["clipboard-read", "clipboard-write"])
    page = tab.page

    page.get_by_role("searchbox", name="Search the API").fill("rerank top_n")

    expect(page.get_by_role("region")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("Found: 1")
    button = page.get_by_role("button", name="Copy the command for /v1/rerank")
    button.click()
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl {tab.house.address}/v1/rerank")
    assert "Authorization: Bearer $PORTAL_KEY" in copied
    assert (tab.errors, tab.foreign) == ([], [])
