"""Models come in, are tried, renamed and retired in the administration, in a real browser."""

import json
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator

from portal import configuration
from tests.browser.conftest import BACKGROUND_MS, HERE, Tab, Visit, another_tab, expect
from tests.browser.house import House, until
from tests.browser.script import RULES
from tests.catalog.gguf_files import large_gguf
from tests.doubles.lying_registry import Asked, Lie, LyingRegistry, for_blobs

pytestmark = pytest.mark.browser

LIST = "/admin/catalog/model/"
ADD = f"{LIST}add/"
PAGES = (
    LIST,
    ADD,
    f"{LIST}names/",
    f"{LIST}loaded/",
    f"{LIST}add/file/",
    f"{LIST}add/modelfile/",
    f"{LIST}add/upload/",
)
# Nobody waits so long: in the end the gate is opened, whatever becomes of the test.
HELD_SECONDS = 450
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}

# Every control that can be seen, and what a screen reader would call it.
NAMELESS = """
() => [...document.querySelectorAll(".catalog :is(button, a, input, select, textarea, summary)")]
  .filter((each) => each.type !== "hidden" && each.checkVisibility())
  .filter((each) => !(
    each.getAttribute("aria-label") || each.textContent.trim() ||
    [...(each.labels ?? [])].some((label) => label.textContent.trim())
  ))
  .map((each) => each.outerHTML)
"""

# Whether the row of a model with a long name hides some of it.
HIDES = """
(link) => {
  link.textContent = "registry.example.com/team/" + "long-name-".repeat(12);
  const cell = link.closest("th").getBoundingClientRect();
  const name = link.getBoundingClientRect();
  return name.top < cell.top || name.bottom > cell.bottom || name.right > cell.right;
}
"""


@pytest.fixture(scope="module")
def registry() -> Iterator[LyingRegistry]:
    with LyingRegistry().serving() as serving:
        yield serving


@pytest.fixture(scope="module")
def house(registry: LyingRegistry) -> Iterator[House]:
    """As for the other page tests, with a registry beside it and somebody to do the fetching."""
    house = House.build(RULES)
    house.environment |= {"PORTAL_REGISTRIES": registry.host}
    house.configuration = configuration.read(house.environment)
    try:
        house.open(people=HERE / "people.py")
        house.start("jobs")
        yield house
    finally:
        if "jobs" in house.running:
            house.kill("jobs")
        house.close()


@pytest.fixture(autouse=True)
def _honest(registry: LyingRegistry) -> Iterator[None]:
    yield
    registry.lies.clear()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def carol(visit: Visit) -> Tab:
    return visit("carol", path=ADD)


def half_then_wait(gate: threading.Event) -> Lie:
    """Half of what is asked for comes; the rest when the gate opens."""

    def lie(asked: Asked) -> bool:
        registry, wanted = asked.registry, asked.wants()
        if wanted is None:
            return False
        begin, end = wanted
        data = registry.blobs[asked.path.rpartition("/")[2]][begin : end + 1]
        total = len(registry.blobs[asked.path.rpartition("/")[2]])
        said = {"Content_Range": f"bytes {begin}-{end}/{total}", "Content_Length": str(len(data))}
        asked.say(206, data[: len(data) // 2], **said)
        gate.wait(HELD_SECONDS)
        asked.write(data[len(data) // 2 :])
        return True

    return for_blobs(lie)


def fetch(tab: Tab, name: str) -> Locator:
    """The row of what was asked for."""
    tab.page.get_by_role("textbox", name="Name of the model").fill(name)
    tab.button("Fetch").click()
    row = tab.page.get_by_role("listitem").filter(has_text=name)
    expect(row).to_have_count(1)
    return row


def model_page(tab: Tab, name: str) -> Tab:
    tab.open(LIST)
    tab.page.get_by_role("link", name=name, exact=True).click()
    expect(tab.page.get_by_role("heading", name="How it stands")).to_be_visible()
    return tab


def test_a_model_is_fetched_with_a_moving_bar_cancelled_resumed_and_looked_at(
    carol: Tab, registry: LyingRegistry, gate: threading.Event
) -> None:
    name = registry.add_model("bar", large_gguf(600_000)).short
    registry.lies.append(half_then_wait(gate))

    row = fetch(carol, name)
    bar = row.get_by_role("progressbar").first
    expect(row).to_have_attribute("data-state", "running", timeout=BACKGROUND_MS)
    expect(row).to_contain_text(re.compile(r"\d+\.\d\sKB of \d+\.\d\sKB"))
    assert 0 < bar.evaluate("bar => bar.value / bar.max") < 1
    carol.page.reload()
    expect(row).to_contain_text(re.compile(r"\d+\.\d\sKB of \d+\.\d\sKB"))
    other = another_tab(carol, ADD)
    expect(other.page.get_by_role("listitem").filter(has_text=name)).to_have_attribute(
        "data-state", "running"
    )

    row.get_by_role("button", name=f"Cancel {name}").click()
    expect(row).to_have_attribute("data-state", "cancelled", timeout=BACKGROUND_MS)
    gate.set()
    row.get_by_role("button", name=f"Resume {name}").click()
    expect(row).to_have_attribute("data-state", "done", timeout=BACKGROUND_MS)
    row.get_by_role("link", name=f"Open {name}").click()

    expect(carol.page.get_by_role("heading", name="About the model")).to_be_visible()
    expect(carol.page.get_by_text("May be used by: nobody (hidden).")).to_be_visible()
    carol.nothing_ran()


@pytest.mark.threat("E9")
def test_wrong_bytes_are_said_and_nothing_of_them_is_a_model(
    carol: Tab, registry: LyingRegistry
) -> None:
    name = registry.add_model("rotten", large_gguf(50_000)).short
    manifest = json.loads(registry.manifests["me/rotten:latest"])
    digest = manifest["layers"][0]["digest"]
    registry.blobs[digest] = registry.blobs[digest][:-1] + b"!"

    row = fetch(carol, name)

    expect(row).to_have_attribute("data-state", "failed", timeout=BACKGROUND_MS)
    said = row.locator("[data-sentence]")
    expect(said).to_contain_text("was not what its checksum says")
    expect(said).to_contain_text("nothing has changed")
    expect(row.get_by_role("button", name=f"Try again {name}")).to_be_visible()
    carol.open(LIST)
    expect(carol.page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def test_a_name_that_is_not_there_is_said_in_its_row(carol: Tab, registry: LyingRegistry) -> None:
    row = fetch(carol, f"{registry.host}/me/nobody:1")

    expect(row).to_have_attribute("data-state", "failed", timeout=BACKGROUND_MS)
    expect(row.locator("[data-sentence]")).not_to_be_empty()


def test_a_prompt_is_answered_and_measured_in_the_test_box(carol: Tab) -> None:
    model_page(carol, "smollm2:135m")
    carol.page.get_by_role("textbox", name="Prompt").fill("What is the capital of France?")

    carol.button("Ask").click()

    answer = carol.page.get_by_role("region", name="Answer")
    expect(answer).to_have_text("Paris is the capital of France.")
    statistics = carol.page.get_by_role("table", name="Statistics of the answer")
    for step in ("Loading", "Reading the prompt", "Writing the answer"):
        expect(statistics.get_by_role("rowheader", name=step)).to_be_visible()
    carol.nothing_ran()


def test_a_long_answer_in_the_test_box_can_be_stopped(carol: Tab) -> None:
    model_page(carol, "smollm2:135m")
    carol.page.get_by_role("textbox", name="Prompt").fill("Hold on")
    carol.button("Ask").click()
    expect(carol.page.get_by_role("region", name="Answer")).to_contain_text("1 2 3 4 5")

    carol.button("Stop").click()

    expect(carol.button("Ask")).to_be_enabled()
    expect(carol.button("Stop")).to_be_hidden()


@pytest.mark.threat("D1")
def test_a_hostile_answer_is_text_in_the_test_box(carol: Tab) -> None:
    model_page(carol, "smollm2:135m")
    for index in range(3):
        carol.page.get_by_role("textbox", name="Prompt").fill(f"Hostile {index}")
        carol.button("Ask").click()
        expect(carol.page.get_by_role("region", name="Answer")).not_to_be_empty()
        expect(carol.button("Ask")).to_be_enabled()

    carol.nothing_ran()


def test_a_failing_model_is_said_in_the_test_box(carol: Tab) -> None:
    model_page(carol, "smollm2:135m")
    carol.page.get_by_role("textbox", name="Prompt").fill("Break, please")
    carol.button("Ask").click()

    expect(
        carol.page.get_by_role("alert").filter(has_text="Nothing else was harmed")
    ).to_be_visible()


def test_a_speed_is_measured_alone_and_four_at_once_and_kept_with_its_date(carol: Tab) -> None:
    model_page(carol, "other:1b")
    carol.button("Measure").click()

    expect(carol.page.get_by_text("Measured, and kept here.")).to_be_visible()
    carol.page.reload()
    table = carol.page.get_by_role("table", name="Tokens a second, by the number of answers")
    for at_once in ("1", "4"):
        expect(table.get_by_role("rowheader", name=at_once, exact=True)).to_be_visible()
    expect(carol.page.get_by_text(re.compile(r"Measured: .*20\d\d"))).to_be_visible()


def test_a_stable_name_is_what_people_choose_and_follows_one_click(
    carol: Tab, visit: Visit
) -> None:
    carol.open(f"{LIST}names/")
    carol.page.get_by_role("textbox", name="Stable name").fill("general")
    carol.page.get_by_label("Model", exact=True).select_option(label="smollm2:135m")
    carol.button("Add the name").click()
    expect(carol.page.get_by_text("Stands for smollm2:135m.")).to_be_visible()

    alice = visit("alice")
    alice.page.get_by_role("button", name=re.compile("^Model")).click()
    choice = alice.page.get_by_role("option", name=re.compile("^general"))
    expect(choice).to_contain_text("smollm2:135m")
    choice.click()
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")

    carol.page.get_by_label("Let general stand for").select_option(label="other:1b")
    carol.button("Change general").click()
    expect(carol.page.get_by_text("Stands for other:1b.")).to_be_visible()
    expect(alice.page.get_by_role("button", name="Model: general")).to_be_visible()
    alice.ask("What is the capital of France?")
    expect(alice.page.get_by_role("article", name="Answer from other:1b")).to_be_visible()
    carol.button("Back to smollm2:135m").click()
    expect(carol.page.get_by_text("Stands for smollm2:135m.")).to_be_visible()
    carol.button("Remove the name general").click()
    expect(carol.page.get_by_role("heading", name="general", exact=True)).to_have_count(0)


def test_a_conversation_with_a_retired_model_says_so_and_goes_on_with_another(
    carol: Tab, visit: Visit
) -> None:
    alice = visit("alice")
    alice.page.get_by_role("button", name=re.compile("^Model")).click()
    alice.page.get_by_role("option", name=re.compile("^other:1b")).click()
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")

    model_page(carol, "other:1b")
    carol.page.get_by_label("Successor").select_option(label="smollm2:135m")
    carol.button("Retire").click()
    expect(carol.button("Bring back")).to_be_visible()
    try:
        note = alice.page.get_by_role("note")
        expect(note).to_contain_text("other:1b has been retired.")
        expect(note).to_contain_text("smollm2:135m will answer")
        expect(alice.page.get_by_role("button", name="Model: smollm2:135m")).to_be_visible()
        alice.ask("What is the capital of France?")
        expect(alice.answers).to_have_count(2)
        alice.is_in_state("done")
        expect(note).to_have_count(0)
    finally:
        carol.button("Bring back").click()
        expect(carol.button("Retire")).to_be_visible()


def test_a_model_is_loaded_and_let_go_from_the_page_of_hosts(carol: Tab) -> None:
    carol.open(f"{LIST}loaded/")
    carol.page.get_by_label("Model", exact=True).select_option(label="smollm2:135m")
    carol.button("Load now").click()
    expect(carol.page.get_by_text("It is being loaded now.")).to_be_visible()

    def is_loaded() -> bool:
        """The page shows what its host has told, and that is told about every second."""
        carol.page.reload()
        return carol.button("Unload smollm2:135m").is_visible()

    until(is_loaded, what="the model is loaded")
    carol.button("Unload smollm2:135m").click()

    expect(carol.page.get_by_text("Unloaded once running answers are done")).to_be_visible()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh-CN", "dark")])
def test_every_page_fits_a_phone_and_names_every_control(
    visit: Visit, language: str, scheme: str
) -> None:
    carol = visit("carol", path=LIST, locale=language, color_scheme=scheme, **PHONE)
    model = carol.page.locator("a[href*='/change/']").last.get_attribute("href") or ""
    for page in (*PAGES, model):
        carol.open(page)
        assert carol.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
        assert carol.page.evaluate(NAMELESS) == [], page
    carol.open(LIST)
    assert carol.page.locator("#result_list tbody th a").first.evaluate(HIDES) is False
    carol.nothing_ran()
