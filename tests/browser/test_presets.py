"""What the administration publishes, and what a person makes of it."""

import re

import pytest

from tests.browser.conftest import Tab, Visit, expect

pytestmark = pytest.mark.browser


def published(carol: Tab) -> str:
    """The address of a preset for everyone, made in the administration."""
    page = carol.page
    page.locator("[name=name]").fill("Travel desk")
    page.locator("[name=icon]").fill("🧭")
    page.locator("[name=is_for_everyone]").check()
    page.locator("[name=model_name]").fill("smollm2:135m")
    page.locator("[name=system]").fill("You plan journeys.")
    page.locator("[name=starters]").fill("What is the capital of France?\nCount slowly")
    page.locator("[name=_continue]").click()
    page.wait_for_url("**/change/")
    return page.url.removeprefix(carol.house.address)


def test_a_published_preset_begins_a_conversation_until_it_is_withdrawn(visit: Visit) -> None:
    carol = visit("carol", path="/admin/presets/preset/add/")
    made = published(carol)
    grace = visit("grace")
    preset = grace.page.get_by_role("group", name="Presets").get_by_role(
        "button", name="Travel desk"
    )

    preset.click()
    expect(preset).to_have_attribute("aria-pressed", "true")
    expect(preset).to_contain_text("🧭")
    grace.button("What is the capital of France?").click()
    expect(grace.composer).to_have_value("What is the capital of France?")
    grace.button("Send").click()

    grace.is_in_state("done")
    expect(grace.answer).to_have_accessible_name("Answer from smollm2:135m")
    grace.page.get_by_role("button", name=re.compile("^Settings")).click()
    sheet = grace.page.get_by_role("dialog", name="Settings of this conversation")
    expect(sheet.get_by_label("System prompt")).to_have_value("You plan journeys.")
    grace.page.keyboard.press("Escape")

    carol.open(made.replace("/change/", "/delete/"))
    carol.page.get_by_role("button", name=re.compile("^Yes, I")).click()
    carol.page.wait_for_url("**/admin/presets/preset/")
    # What was begun with it stays as it was; new conversations find it no more.
    grace.page.reload()
    expect(grace.answer).to_have_accessible_name("Answer from smollm2:135m")
    grace.button("New chat").click()
    expect(grace.button("What is the capital of France?")).to_have_count(0)
    expect(preset).to_have_count(0)
    grace.nothing_ran()
