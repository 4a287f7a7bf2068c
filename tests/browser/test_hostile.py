"""Whatever a model or a person writes, nothing of it runs and nothing is fetched elsewhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.hostile import PAYLOADS, in_lots

pytestmark = [pytest.mark.browser, pytest.mark.threat("D1")]

ROOT = Path(__file__).parents[2]
LOTS = in_lots()


@pytest.mark.threat("D3")
@pytest.mark.threat("D4")
@pytest.mark.parametrize("index", range(len(LOTS)))
def test_a_hostile_answer_is_only_text(alice: Tab, index: int) -> None:
    alice.ask(f"Hostile {index}")
    alice.is_in_state("done")

    links = alice.answer.locator("a").evaluate_all(
        "links => links.map(link => [link.protocol, link.rel, link.target])"
    )
    assert all(scheme in ("http:", "https:", "mailto:") for scheme, _, _ in links)
    assert all("noopener noreferrer" in rel and target == "_blank" for _, rel, target in links)
    assert alice.answer.locator("img, script, iframe, style, form, input").count() == 0
    alice.page.reload()
    alice.is_in_state("done")
    alice.nothing_ran()


@pytest.mark.parametrize("index", range(len(LOTS)))
def test_a_hostile_message_and_title_are_only_text(alice: Tab, index: int) -> None:
    alice.ask(LOTS[index])
    alice.is_in_state("done")

    # The default answer says it again, so it has been an answer and a title as well.
    expect(alice.page.locator(".question p")).to_have_text(LOTS[index], use_inner_text=False)
    alice.page.reload()
    alice.is_in_state("done")
    alice.nothing_ran()


def test_a_hostile_name_of_a_conversation_is_only_text(alice: Tab) -> None:
    alice.ask("What is the capital of France?")
    alice.is_in_state("done")
    for payload in PAYLOADS[:12]:
        shown = alice.page.locator("a[aria-current=page]")
        shown.hover()
        alice.page.locator(".item.shown .menu-button").click()
        alice.page.get_by_role("menuitem", name="Rename").click()
        alice.page.get_by_role("textbox", name="Title").fill(payload)
        alice.page.get_by_role("textbox", name="Title").press("Enter")
        expect(shown).to_have_text(" ".join(payload.split()))
    alice.page.reload()
    expect(alice.answers).to_have_count(1)
    alice.nothing_ran()


def test_hostile_names_of_models_and_people_are_only_text(visit: Visit) -> None:
    mallory = visit("mallory")
    picker = mallory.page.get_by_role("button", name=re.compile("^Model"))
    count = len(PAYLOADS[:8]) + 2

    for index in range(count):
        picker.click()
        options = mallory.page.get_by_role("option")
        expect(options).to_have_count(count)
        options.nth(index).click()
    mallory.page.get_by_role("button", name="Account of").click()

    mallory.nothing_ran()


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """markdown.ts alone, as a script that a page can load."""
    node = shutil.which("node")
    assert node is not None, "node is needed to build what is tested"
    folder = tmp_path_factory.mktemp("renderer")
    subprocess.run(  # noqa: S603 - the locked build tool
        [
            node,
            "node_modules/vite/bin/vite.js",
            *("build", "--config", "vite.tests.config.ts", "--mode", "page"),
            *("--outDir", str(folder), "--logLevel", "error"),
        ],
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return (folder / "renderer.js").read_text()


def load_renderer(page: Page, renderer: str) -> None:
    page.route(
        "**/static/renderer.js",
        lambda route: route.fulfill(body=renderer, content_type="text/javascript"),
    )
    page.add_script_tag(url="/static/renderer.js", type="module")
    page.wait_for_function("window.rendered !== undefined")


def test_hostile_markup_that_came_so_far_is_taken_apart_by_the_sanitiser_alone(
    alice: Tab, renderer: str
) -> None:
    """Markdown lets no markup through; should it ever, this is what stands behind it."""
    load_renderer(alice.page, renderer)

    left = alice.page.evaluate(
        """payloads => payloads.flatMap(payload => {
          const place = document.body.appendChild(document.createElement("div"));
          place.replaceChildren(window.sanitised(payload));
          const tags = "img script iframe style svg math form input object embed video audio base";
          const schemes = ["", ":", "http:", "https:", "mailto:"];
          const bad = [...place.querySelectorAll("*")].filter(element =>
            `${tags} meta link`.split(" ").includes(element.localName.toLowerCase())
            || [...element.attributes].some(each => /^(on|style|src|id|name)/i.test(each.name))
            || (element.localName === "a" && !schemes.includes(element.protocol)));
          return bad.map(element => element.outerHTML);
        })""",
        list(PAYLOADS),
    )

    assert left == []
    # The policy reports what it stopped while the markup was looked at; nothing may have run.
    assert alice.page.evaluate("window.ranCount") == 0
    assert alice.foreign == []


@pytest.mark.threat("D2")
def test_hostile_text_cut_anywhere_is_only_text(alice: Tab, renderer: str) -> None:
    page = alice.page
    load_renderer(page, renderer)

    shown = page.evaluate(
        """payloads => {
          const place = document.body.appendChild(document.createElement("div"));
          let shown = 0;
          for (const payload of payloads) {
            for (let length = 1; length <= payload.length; length += 1) {
              for (const text of [payload.slice(0, length), payload.slice(length)]) {
                place.replaceChildren(window.rendered(text));
                if (place.querySelector("img, script, iframe, style, svg, form, [onerror]"))
                  throw new Error(text);
                for (const link of place.querySelectorAll("a"))
                  if (!["http:", "https:", "mailto:"].includes(link.protocol))
                    throw new Error(link.href);
                shown += 1;
              }
            }
          }
          return shown;
        }""",
        list(PAYLOADS),
    )

    assert shown > 4_000
    alice.nothing_ran()


@pytest.mark.threat("D7")
def test_hidden_direction_marks_in_code_are_shown(alice: Tab) -> None:
    alice.ask("Reverse it")
    alice.is_in_state("done")

    marks = alice.prose.locator(".bidi-mark")
    expect(marks).to_have_count(2)
    assert marks.evaluate_all("all => all.map(one => one.dataset.code)") == ["U+202E", "U+2066"]


@pytest.mark.threat("D8")
def test_an_unknown_frame_is_dropped(visit: Visit) -> None:
    tab = visit("alice")
    tab.page.route_web_socket("**/ws/chat/", lambda line: _with_strange_frames(line))
    tab.page.reload()

    tab.ask("What is the capital of France?")

    tab.is_in_state("done")
    tab.nothing_ran()


def _with_strange_frames(line: object) -> None:
    server = line.connect_to_server()  # type: ignore[attr-defined] # a WebSocketRoute

    def hand_over(message: str | bytes) -> None:
        for strange in ('{"type":"execute","code":"ran()"}', "ran()", "[]", '{"type":null}'):
            line.send(strange)  # type: ignore[attr-defined] # likewise
        line.send(message)  # type: ignore[attr-defined] # likewise

    server.on_message(hand_over)
