"""What a conversation is set to, commands in the composer, and what the model sees of it all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from tests.browser.conftest import Tab, Visit, another_tab, expect
from tests.browser.house import until

pytestmark = pytest.mark.browser

# About 1,600 tokens of the scripted model's, whose window is 4,096.
LONG = "some more words. " * 300 + "What is the capital of France?"


@pytest.fixture
def grace(visit: Visit) -> Tab:
    return visit("grace")


def settings_of(tab: Tab) -> Locator:
    tab.page.get_by_role("button", name=re.compile("^Settings")).click()
    return tab.page.get_by_role("dialog", name="Settings of this conversation")


def types(tab: Tab, text: str) -> None:
    tab.composer.fill(text)
    tab.composer.press("Enter")


def said(tab: Tab) -> Locator:
    return tab.page.locator(".said")


def option(tab: Tab) -> Callable[[str], Locator]:
    commands = tab.page.get_by_role("listbox", name="Commands")
    return lambda name: commands.get_by_role("option", name=name)


def test_what_a_conversation_is_set_to_is_there_after_a_reload_and_in_another_tab(
    grace: Tab,
) -> None:
    grace.ask("What is the capital of France?")
    grace.is_in_state("done")
    sheet = settings_of(grace)

    sheet.get_by_label("System prompt").fill("Speak like a pirate.")
    sheet.get_by_text("Parameters").click()
    sheet.get_by_label("Temperature", exact=True).fill("0.2")
    sheet.get_by_label("Temperature", exact=True).press("Tab")
    expect(sheet.get_by_text("Saved.")).to_be_visible()
    grace.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    path = "/" + grace.page.url.split("/", 3)[3]
    # Each is stored by itself, and the first of them says "Saved." too.
    until(lambda: temperature_at(grace, path) == "0.2", what="both are kept")
    for tab in (grace.open(path), another_tab(grace, path)):
        expect(tab.page.get_by_role("button", name="Settings: changed")).to_be_visible()
        sheet = settings_of(tab)
        expect(sheet.get_by_label("System prompt")).to_have_value("Speak like a pirate.")
        expect(sheet.get_by_label("Temperature", exact=True)).to_have_value("0.2")
    sheet.get_by_role("button", name="Reset all", exact=True).click()
    expect(sheet.get_by_label("System prompt")).to_have_value("")
    grace.nothing_ran()


def temperature_at(tab: Tab, path: str) -> str:
    tab.open(path)
    expect(tab.page.get_by_role("button", name="Settings: changed")).to_be_visible()
    return settings_of(tab).get_by_label("Temperature", exact=True).input_value()


def test_a_value_that_cannot_be_is_refused_in_a_sentence_and_the_old_one_stays(
    grace: Tab,
) -> None:
    sheet = settings_of(grace)
    sheet.get_by_text("Parameters").click()
    field = sheet.get_by_label("Top P", exact=True)

    field.fill("7")
    field.press("Tab")

    expect(sheet.get_by_role("alert")).to_have_text(
        "Top P must be a number from 0 to 1. Nothing was changed."
    )
    sheet.get_by_role("radio", name="JSON Schema").check()
    sheet.get_by_role("textbox", name="JSON Schema").fill("{nonsense")
    sheet.get_by_role("textbox", name="JSON Schema").press("Tab")
    expect(sheet.get_by_role("alert")).to_contain_text("This is not JSON")
    grace.page.keyboard.press("Escape")
    expect(grace.page.get_by_role("button", name="Settings", exact=True)).to_be_visible()


def test_commands_complete_and_are_done_from_the_keyboard(grace: Tab) -> None:
    grace.composer.press_sequentially("/s")
    expect(option(grace)("/set …")).to_be_visible()
    grace.composer.press("ArrowDown")
    grace.composer.press("ArrowUp")
    grace.composer.press("Tab")
    expect(grace.composer).to_have_value("/set ")
    grace.composer.press_sequentially("par")
    grace.composer.press("Enter")
    expect(grace.composer).to_have_value("/set parameter ")

    types(grace, "/set parameter temperature 1000")
    expect(said(grace)).to_contain_text("Temperature must be a number from 0 to 100.")
    expect(grace.composer).to_have_value("/set parameter temperature 1000")
    types(grace, "/set parameter temperature 0.5")
    expect(said(grace)).to_contain_text("temperature is 0.5 now.")
    types(grace, "/show parameters")
    expect(said(grace)).to_contain_text(re.compile(r"temperature\s+0\.5\s+\(set by you\)"))
    expect(grace.composer).to_have_value("")
    expect(grace.answers).to_have_count(0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/?", "/set parameter …"),
        ("/list", "smollm2:135m"),
        ("/show system", "No system prompt is set."),
        ("/show info", "The model says nothing of this."),
        ("/set think", "This model cannot think"),
        ("/set format json", "Answers will be JSON."),
        ("/set nonsense", "There is nothing to set"),
        ("/nonsense", "There is no command"),
        ("/load nothing:1b", "There is no model or preset"),
        ("/set parameter num_ctx 9", "is decided by your administrator"),
    ],
)
def test_each_command_of_the_terminal_says_what_it_did(
    visit: Visit, command: str, words: str
) -> None:
    tab = visit("grace")

    types(tab, command)

    expect(said(tab)).to_contain_text(words)
    expect(tab.answers).to_have_count(0)


def test_a_text_in_triple_quotes_has_several_lines_and_is_sent_without_them(grace: Tab) -> None:
    grace.composer.press_sequentially('"""What is the')
    grace.composer.press("Enter")
    grace.composer.press_sequentially('capital of France?"""')
    grace.composer.press("Enter")

    grace.is_in_state("done")
    question = grace.page.locator(".question p").last
    assert question.inner_text() == "What is the\ncapital of France?"


def test_settings_are_kept_as_a_preset_and_begin_a_new_conversation(grace: Tab) -> None:
    types(grace, '/set system """Be brief."""')
    expect(said(grace)).to_contain_text("The system prompt is set.")
    types(grace, "/save Short")
    expect(said(grace)).to_contain_text("Saved as “Short”.")
    grace.page.evaluate("sessionStorage.clear()")
    grace.open("/")

    grace.page.get_by_role("group", name="Presets").get_by_role("button", name="Short").click()
    expect(grace.page.get_by_role("button", name="Settings: Short")).to_be_visible()
    grace.ask("What is the capital of France?")
    grace.is_in_state("done")

    sheet = settings_of(grace)
    expect(sheet.get_by_label("System prompt")).to_have_value("Be brief.")
    sheet.get_by_role("button", name="Delete this preset").click()
    grace.page.get_by_role("button", name="Delete", exact=True).click()
    expect(sheet.get_by_label("Preset", exact=True)).to_have_value("")
    expect(sheet.get_by_label("System prompt")).to_have_value("Be brief.")


def test_a_prompt_template_asks_for_its_gaps_and_fills_the_composer(grace: Tab) -> None:
    sheet = settings_of(grace)
    sheet.get_by_text("Prompt templates").click()
    sheet.get_by_role("button", name="New template").click()
    sheet.get_by_label("Name", exact=True).fill("translate")
    sheet.get_by_label("Text", exact=True).fill("Into {{language:English}}: {{text}}")
    sheet.get_by_role("button", name="Save the template").click()
    expect(sheet.get_by_role("button", name="/translate")).to_be_visible()
    grace.page.keyboard.press("Escape")

    types(grace, "/translate")
    dialog = grace.page.get_by_role("dialog", name="/translate")
    dialog.get_by_role("textbox", name="text", exact=True).fill("Guten Morgen")
    dialog.get_by_role("button", name="Put into the message").click()

    expect(grace.composer).to_have_value("Into English: Guten Morgen")
    expect(grace.answers).to_have_count(0)


def test_a_fresh_context_is_a_line_that_can_be_taken_back(grace: Tab) -> None:
    grace.ask("What is the capital of France?")
    grace.is_in_state("done")
    line = grace.page.get_by_role("note").filter(has_text="Fresh context")

    types(grace, "/clear")
    expect(line).to_be_visible()
    expect(grace.page.get_by_role("button", name="Context: 0 % full")).to_be_visible()
    grace.page.reload()
    expect(line).to_be_visible()
    line.get_by_role("button", name="Bring back").click()

    expect(line).to_be_hidden()
    expect(grace.answers).to_have_count(1)


def test_the_page_says_before_and_after_what_goes_out_of_the_models_view(grace: Tab) -> None:
    meter = grace.page.get_by_role("button", name=re.compile("^Context"))
    grace.ask("First " + LONG)
    grace.is_in_state("done")
    expect(meter).not_to_have_accessible_name("Context: 0 % full")
    grace.ask("Second " + LONG)
    grace.is_in_state("done")
    warning = grace.page.get_by_text("the model will not read its oldest part")
    expect(warning).to_be_hidden()

    grace.composer.fill("Third " + LONG)
    expect(warning).to_be_visible()
    grace.button("Send").click()
    grace.is_in_state("done")

    line = grace.page.get_by_role("note").filter(has_text="The model's view begins here")
    expect(line).to_contain_text("2 messages above did not fit any more.")
    below = line.locator("xpath=following-sibling::*[contains(@class, 'turn')][1]")
    expect(below).to_contain_text("Second")
    meter.click()
    expect(grace.page.get_by_text("2 older messages are out of view.")).to_be_visible()


def test_the_picker_says_what_is_in_memory(grace: Tab) -> None:
    grace.ask("What is the capital of France?")
    grace.is_in_state("done")

    grace.page.get_by_role("button", name=re.compile("^Model")).click()

    loaded = grace.page.get_by_role("option", name=re.compile("ready, .* of memory"))
    expect(loaded.first).to_be_visible()


def test_keys_do_what_the_cheat_sheet_says(grace: Tab) -> None:
    sheet = grace.page.get_by_role("dialog", name="Keyboard shortcuts")
    grace.page.keyboard.press("Control+/")
    expect(sheet.get_by_text("Copy the last answer")).to_be_visible()
    grace.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    grace.page.keyboard.press("Control+,")
    expect(grace.page.get_by_role("dialog", name="Settings of this conversation")).to_be_visible()
    grace.page.keyboard.press("Escape")

    grace.ask("What is the capital of France?")
    grace.is_in_state("done")
    grace.composer.press("ArrowUp")
    expect(grace.composer).to_have_value("What is the capital of France?")
    grace.page.keyboard.press("Control+Shift+O")
    expect(grace.answers).to_have_count(0)
    grace.page.get_by_role("button", name="New chat").focus()
    grace.page.keyboard.press("Shift+Escape")
    expect(grace.composer).to_be_focused()
