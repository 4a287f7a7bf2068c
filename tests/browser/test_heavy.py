"""Answers that would freeze a page which drew them whole. Nothing here looks at a clock."""

import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import House
from tests.browser.long_answer import CODE_CHARS, LINE, code
from tests.browser.renderer import load_renderer

pytestmark = [pytest.mark.browser, pytest.mark.threat("D6")]

# Draws a finished text; tells how much of it was there before anything else had its turn.
SHOWN = """text => {
  const place = document.body.appendChild(document.createElement("div"));
  place.id = "heavy";
  window.growing(place).show(text, true);
  return place.textContent.length;
}"""


def show(tab: Tab, text: str) -> int:
    load_renderer(tab.page)
    at_once: int = tab.page.evaluate(SHOWN, text)
    return at_once


@pytest.mark.parametrize(
    ("piece", "drawn"),
    [
        ("Some words of it, *and* more.\n\n", "p"),
        ("- one of many\n", "li"),
        ("```js\nlet a = 1;\n```\n", "figure"),
    ],
    ids=["paragraphs", "list", "programs"],
)
def test_a_long_answer_is_drawn_bit_by_bit_and_is_whole_in_the_end(
    alice: Tab, piece: str, drawn: str
) -> None:
    text = piece * (500_000 // len(piece))

    at_once = show(alice, text)
    alice.page.wait_for_function(
        "([drawn, count]) => document.querySelectorAll(`#heavy ${drawn}`).length >= count",
        arg=[drawn, text.count(piece)],
    )

    whole: int = alice.page.evaluate("document.querySelector('#heavy').textContent.length")
    assert at_once < whole / 2
    assert alice.errors == []


def test_a_program_of_a_megabyte_is_there_to_the_last_character(visit: Visit, house: House) -> None:
    made = "from tests.browser.long_answer import code, kept; "
    made += "print(kept('erin@example.com', f'Here:\\n\\n```js\\n{code()}```\\n\\nDone.').id)"
    talk = house.once("manage.py", "shell", "--no-imports", "-c", made).strip()
    tab = visit("erin", path=f"/c/{talk}/", permissions=["clipboard-read", "clipboard-write"])

    figure = tab.prose.locator("figure")
    figure.get_by_role("button", name="Copy code").click()
    expect(figure.get_by_role("button", name="Copied")).to_be_attached()

    assert tab.page.evaluate("navigator.clipboard.readText()") == code()
    expect(tab.prose.get_by_text("Done.")).to_be_attached()
    # Coloured letters and a number for each of its lines are what the page is spared.
    expect(figure.get_by_role("button", name="Line numbers")).to_have_count(0)
    expect(figure.locator("code span:not(.stretch)")).to_have_count(0)
    lengths = figure.locator(".stretch").evaluate_all(
        "all => all.map(one => [one.textContent.length, getComputedStyle(one).contentVisibility])"
    )
    assert sum(length for length, _ in lengths) == CODE_CHARS
    assert all(length <= 16_000 + len(LINE) for length, _ in lengths)
    assert {visibility for _, visibility in lengths} == {"auto"}
    tab.composer.fill("Still awake?")
    expect(tab.composer).to_have_value("Still awake?")
    tab.nothing_ran()


def test_a_program_that_still_grows_is_as_whole_as_one_that_has_ended(alice: Tab) -> None:
    load_renderer(alice.page)

    shown = alice.page.evaluate(
        """([whole, line]) => {
          const place = document.body.appendChild(document.createElement("div"));
          place.id = "heavy";
          const growing = window.growing(place);
          for (let count = whole.length - 5 * line.length; count < whole.length; count += 37) {
            growing.show(whole.slice(0, count), false);
          }
          growing.show(whole, false);
          const grown = place.querySelector("code").textContent;
          growing.show(`${whole}\\`\\`\\`\\nAfter *it*.`, true);
          return [grown, place.querySelector("code").textContent];
        }""",
        [f"```js\n{code()[-100_000:]}", LINE],
    )

    assert shown == [code()[-100_000:], code()[-100_000:]]
    # What follows a heavy block may come a moment later: keys and clicks go first.
    expect(alice.page.locator("#heavy p")).to_have_text("After it.")


WIDE = "|" + "a|" * 2_000 + "\n|" + "-|" * 2_000 + "\n" + "|b\n" * 500
HEAD, ROW = "| a | b |\n|---|---|\n", "|1|2|\n"


@pytest.mark.parametrize("table", [WIDE, HEAD + ROW * 3_000], ids=["wide", "long"])
def test_a_table_of_too_many_cells_is_shown_as_it_was_written(alice: Tab, table: str) -> None:
    """A few bytes make many cells: each row gets as many as the head has."""
    show(alice, f"{table}\nAfter it.")

    heavy = alice.page.locator("#heavy")
    expect(heavy.get_by_text("After it.")).to_be_attached()
    assert heavy.locator("td, th").count() == 0
    assert heavy.locator("figure code").first.text_content() == table


def test_a_usual_table_is_a_table(alice: Tab) -> None:
    show(alice, HEAD + ROW * 1_000)

    expect(alice.page.locator("#heavy td")).to_have_count(2_000)
