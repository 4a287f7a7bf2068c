"""What an answer looks like, and what can be done with its parts."""

import re

import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import House, until

pytestmark = pytest.mark.browser

CLIPBOARD = ["clipboard-read", "clipboard-write"]
# How many lines the text of this element takes.
LINES = """element => {
  const text = document.createRange();
  text.selectNodeContents(element);
  return new Set([...text.getClientRects()].map((box) => box.top)).size;
}"""
ERIN = "erin@example.com"


def copied(tab: Tab) -> str:
    text: str = tab.page.evaluate("navigator.clipboard.readText()")
    return text


@pytest.fixture
def drawn(visit: Visit) -> Tab:
    tab = visit("alice", permissions=CLIPBOARD)
    tab.ask("Draw")
    tab.is_in_state("done")
    return tab


def test_formulas_are_drawn_and_prices_are_not(drawn: Tab) -> None:
    expect(drawn.prose.locator(".formula .katex")).to_have_count(2)
    expect(drawn.prose.locator(".formula-block .katex-display")).to_have_count(1)
    expect(drawn.prose).to_contain_text("this costs $5 or $6")
    # What cannot be drawn is read as it was written.
    expect(drawn.prose.locator("td", has_text=r"$\frac{1$")).to_have_count(1)
    drawn.nothing_ran()


def test_nothing_of_formulas_and_diagrams_is_fetched_before_one_appears(visit: Visit) -> None:
    tab = visit("alice", path="/accounts/login/")
    fetched: list[str] = []
    tab.page.on("request", lambda request: fetched.append(request.url))
    tab.open()
    tab.ask("What is the capital of France?")
    tab.is_in_state("done")

    assert not [url for url in fetched if re.search("formula|mermaid|diagrams|KaTeX|Preview", url)]


def test_until_what_draws_answers_is_fetched_they_are_read_as_plain_text(visit: Visit) -> None:
    alice = visit("alice", path="/account/")
    drawer = "**/assets/drawer-*.js"
    alice.page.route(drawer, lambda route: route.abort())
    alice.open()
    alice.ask("Show me markdown")
    alice.is_in_state("done")
    banner = alice.page.get_by_role("status").filter(has_text="Answers are plain text for now")
    expect(banner).to_contain_text("Nothing is lost")
    expect(alice.prose).to_contain_text("Here is a **function**:\n\n```python")

    alice.page.unroute(drawer)
    alice.ask("What is the capital of France?")

    expect(alice.answers.first.locator(".prose strong")).to_have_text("function")
    expect(banner).to_have_count(0)
    alice.nothing_ran()


def test_a_diagram_is_drawn_and_its_source_is_one_press_away(drawn: Tab) -> None:
    figure = drawn.prose.locator("figure", has_text="mermaid")
    picture = figure.get_by_role("img", name="Diagram")
    expect(picture).to_be_visible(timeout=60_000)
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(figure.locator("pre")).to_be_hidden()

    figure.get_by_role("button", name="Source").click()

    expect(figure.locator("pre")).to_contain_text("Question --> Answer")
    drawn.nothing_ran()


def test_lines_of_code_are_numbered_and_wrapped_when_asked_and_copied_as_they_are(
    drawn: Tab,
) -> None:
    figure = drawn.prose.locator("figure", has_text="python")
    expect(figure.locator("code.coloured")).to_have_count(1)

    figure.get_by_role("button", name="Line numbers").click()
    figure.get_by_role("button", name="Wrap lines").click()

    expect(figure.locator(".line")).to_have_count(2)
    expect(figure.get_by_role("button", name="Line numbers")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(figure.locator("pre")).to_have_css("white-space", "pre-wrap")
    figure.get_by_role("button", name="Copy code").click()
    expect(figure.get_by_role("button", name="Copied")).to_be_visible()
    assert copied(drawn) == "first = 1\nsecond = 2\n"
    drawn.nothing_ran()


@pytest.mark.threat("D9")
def test_a_table_is_copied_for_a_spreadsheet_and_computes_nothing_there(drawn: Tab) -> None:
    table = drawn.prose.locator(".table-frame").first

    table.hover()
    table.get_by_role("button", name="Copy as CSV").click()

    expect(table.get_by_role("button", name="Copied")).to_be_visible()
    assert copied(drawn).split("\r\n") == ["name,sum", '"a, b",\'=1+1', '"""c""",-2']


def test_the_tools_of_a_table_take_no_place_until_they_are_wanted(drawn: Tab) -> None:
    frame = drawn.prose.locator(".table-frame").first
    tools = frame.locator(".table-tools")
    heights = frame.evaluate(
        "frame => [frame, frame.querySelector('.table-box')].map(each => each.offsetHeight)"
    )
    assert heights[0] == heights[1]
    # What lies below them is pressed, not they.
    expect(tools).to_have_css("pointer-events", "none")

    frame.hover()
    expect(tools).to_have_css("opacity", "1")
    frame.get_by_role("button", name="Copy table").click()

    expect(frame.get_by_role("button", name="Copied")).to_be_visible()


def test_a_checklist_has_boxes_and_a_table_keeps_its_words_whole_on_a_phone(visit: Visit) -> None:
    tab = visit("alice", permissions=CLIPBOARD, viewport={"width": 360, "height": 640})
    tab.ask("Make a checklist")
    tab.is_in_state("done")

    boxes = tab.prose.get_by_role("img")
    expect(boxes).to_have_count(2)
    expect(boxes.first).to_have_accessible_name("To do")
    expect(boxes.last).to_have_accessible_name("Done")
    expect(tab.prose.locator("li").last).to_have_text("[later] show her the house")
    # The question was asked in one line and is shown in one.
    assert tab.page.locator(".question p").evaluate(LINES) == 1
    assert tab.prose.get_by_role("cell", name="Kindergartenbesichtigung").evaluate(LINES) == 1
    table = tab.prose.locator(".table-box")
    # Too wide for the phone, it scrolls by itself; an address without end is still broken.
    widths = table.evaluate("box => [box.clientWidth, box.scrollWidth, window.innerWidth]")
    assert widths[0] < widths[1] < 3 * widths[2]

    tab.button("More about this answer").click()
    tab.page.get_by_role("menuitem", name="Copy as plain text").click()

    plain = "- \u2610 order a desk\n- \u2611 prepare the badge\n"
    until(lambda: copied(tab).startswith(plain), what="the plain text is copied")


def test_how_long_a_model_thought_is_known_whenever_the_chat_is_opened(
    visit: Visit, house: House
) -> None:
    fields = "thinking='Hm.', stats={'thinking_ns': 12_400_000_000}"
    made = f"from tests.browser.long_answer import kept; print(kept({ERIN!r}, 'Yes.', {fields}).id)"
    talk = house.once("manage.py", "shell", "--no-imports", "-c", made).strip()

    tab = visit("erin", path=f"/c/{talk}/")

    expect(tab.answer.locator("summary")).to_have_text("Thought for 12 seconds")


def test_each_paragraph_reads_from_its_own_side(drawn: Tab) -> None:
    arabic = drawn.prose.locator("p", has_text="مرحبا")

    assert arabic.evaluate("place => getComputedStyle(place).direction") == "rtl"
    latin = drawn.prose.locator("p", has_text="Euler")
    assert latin.evaluate("place => getComputedStyle(place).direction") == "ltr"


def test_a_page_is_tried_out_beside_the_chat_in_each_of_its_versions(visit: Visit) -> None:
    tab = visit("alice")
    for count, question in enumerate(("Page one", "Page two"), start=1):
        tab.ask(question)
        expect(tab.answers).to_have_count(count)
        tab.is_in_state("done")
    button = tab.prose.get_by_role("button", name="Preview")
    button.click()
    pane = tab.page.get_by_role("complementary", name="Preview")
    frame = pane.locator("iframe")
    expect(frame.content_frame.locator("#told")).to_have_text("drawn by its script of Page two")
    assert frame.get_attribute("sandbox") == "allow-scripts"

    pane.get_by_role("button", name="Earlier version").click()

    expect(pane).to_contain_text("1 of 2")
    expect(frame.content_frame.locator("#told")).to_have_text("drawn by its script of Page one")
    with tab.page.expect_download() as download:
        pane.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "preview-1.html"
    tab.page.keyboard.press("Escape")
    expect(pane).to_have_count(0)
    expect(button).to_be_focused()
    tab.nothing_ran()


def test_on_paper_is_what_was_said_and_no_button(drawn: Tab) -> None:
    drawn.page.emulate_media(media="print")

    expect(drawn.prose.locator("figure", has_text="python").locator("code")).to_be_visible()
    expect(drawn.page.get_by_role("button", name="Copy code").first).to_be_hidden()
    expect(drawn.composer).to_be_hidden()
    expect(drawn.page.get_by_role("navigation", name="Conversations")).to_be_hidden()


def test_print_brings_the_whole_conversation_to_paper_from_its_first_question(
    visit: Visit, house: House
) -> None:
    made = "from tests.browser.long_talk import talk; print(talk('dora@example.com', 70).id)"
    talk = house.once("manage.py", "shell", "--no-imports", "-c", made).strip()
    tab = visit("dora", path=f"/c/{talk}/")
    expect(tab.page.get_by_text("Number 70 is answered")).to_be_in_viewport()
    # Within a function: a bare one would be called at once, by the tool that hands it in.
    tab.page.evaluate(
        """() => {
          window.printed = new Promise((done) => {
            window.print = () => done(document.querySelectorAll("article").length);
          });
        }"""
    )

    tab.page.get_by_role("button", name="More for A long talk of 70").click()
    tab.page.get_by_role("menuitem", name="Print").click()

    assert tab.page.evaluate("window.printed") == 70
