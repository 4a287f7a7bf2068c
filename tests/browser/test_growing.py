"""A growing answer shows at each moment what a whole one of that length would show."""

import re

import pytest

from tests.browser.conftest import Tab
from tests.browser.renderer import load_renderer

pytestmark = pytest.mark.browser

PROGRAM = "".join(
    f"def part_{number}(value: int) -> str:\n\n\treturn f'``` {{value}} {number}'\n"
    for number in range(300)
)
# A mark that changes the direction of text is made visible by the parser, in mid-stream too.
MARKED = f"{PROGRAM[:900]}# \u202e\n{PROGRAM[900:5000]}\n"
GROW = """([text, step]) => {
  const place = document.body.appendChild(document.createElement("div"));
  const growing = window.growing(place);
  const shown = [];
  for (let length = step; length < text.length; length += step) {
    growing.show(text.slice(0, length), false);
    shown.push(place.querySelector("code")?.textContent ?? "");
  }
  const pieces = place.querySelectorAll(".stretch").length;
  growing.show(text, true);
  const code = place.querySelector("code").textContent;
  place.remove();
  return { shown, pieces, code };
}"""


@pytest.mark.parametrize("program", [PROGRAM, MARKED], ids=["plain", "marked"])
@pytest.mark.parametrize("step", [7, 61, 2_500])
def test_code_that_comes_piece_by_piece_is_the_code_that_was_written(
    alice: Tab, program: str, step: int
) -> None:
    load_renderer(alice.page)
    head = "```python\n"

    grown = alice.page.evaluate(GROW, [f"{head}{program}```\n", step])

    assert grown["code"] == program
    lengths = range(step, len(head) + len(program), step)
    for length, shown in zip(lengths, grown["shown"], strict=False):
        written = program[: max(0, length - len(head))]
        # Blanks that begin a line may come with what follows them.
        assert re.sub(r"(?<=\n)[ \t]+$", "", shown) == re.sub(r"(?<=\n)[ \t]+$", "", written)
    alice.nothing_ran()


def test_a_long_program_stands_in_pieces_while_it_grows(alice: Tab) -> None:
    """The browser lays out anew what grows: that is the last piece, however long the program."""
    load_renderer(alice.page)

    grown = alice.page.evaluate(GROW, [f"```python\n{PROGRAM}", 61])

    assert grown["pieces"] >= len(PROGRAM) // 4_000


def test_what_was_stopped_goes_on_in_the_same_program_and_the_same_paragraph(alice: Tab) -> None:
    load_renderer(alice.page)

    grown = alice.page.evaluate(
        """texts => texts.map(([begun, whole]) => {
          const place = document.body.appendChild(document.createElement("div"));
          const growing = window.growing(place);
          growing.show(begun, true);
          growing.show(begun, false);
          growing.show(whole.slice(0, -5), false);
          growing.show(whole, true);
          return [...place.querySelectorAll("p, code")].map((each) => each.textContent);
        })""",
        [["One and ", "One and two and three."], ["```js\nlet a", "```js\nlet a = 1;\n```\n"]],
    )

    assert grown == [["One and two and three."], ["let a = 1;\n"]]
