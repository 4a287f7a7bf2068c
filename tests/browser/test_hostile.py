"""Whatever a model or a person writes, nothing of it runs and nothing is fetched elsewhere."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.hostile import DIAGRAMS, PAYLOADS, in_lots
from tests.browser.house import until
from tests.browser.renderer import load_renderer

pytestmark = [pytest.mark.browser, pytest.mark.threat("D1")]

LOTS = in_lots()


@pytest.mark.threat("D3")
@pytest.mark.threat("D4")
@pytest.mark.parametrize("index", range(len(LOTS)))
def test_a_hostile_answer_is_only_text(alice: Tab, index: int) -> None:
    alice.ask(f"Hostile {index}")
    alice.is_in_state("done")
    alice.is_drawn()

    links = alice.answer.locator("a").evaluate_all(
        "links => links.map(link => [link.protocol, link.rel, link.target])"
    )
    assert all(scheme in ("http:", "https:", "mailto:") for scheme, _, _ in links)
    assert all("noopener noreferrer" in rel and target == "_blank" for _, rel, target in links)
    assert alice.answer.locator("img, script, iframe, style, form, input").count() == 0
    expect(alice.prose.locator(".formula:not([data-drawn])")).to_have_count(0)
    alice.page.reload()
    alice.is_in_state("done")
    alice.is_drawn()
    alice.nothing_ran()


@pytest.mark.parametrize("index", range(len(LOTS)))
def test_a_hostile_message_and_title_are_only_text(alice: Tab, index: int) -> None:
    alice.ask(LOTS[index])
    alice.is_in_state("done")

    # The default answer says it again, so it has been an answer and a title as well.
    expect(alice.page.locator(".question p")).to_have_text(LOTS[index], use_inner_text=False)
    alice.page.reload()
    alice.is_in_state("done")
    alice.is_drawn()
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


def test_hostile_markup_that_came_so_far_is_taken_apart_by_the_sanitiser_alone(alice: Tab) -> None:
    """Markdown lets no markup through; should it ever, this is what stands behind it."""
    load_renderer(alice.page)

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


def test_there_are_three_hundred_of_them() -> None:
    assert len(set(PAYLOADS)) >= 300


def what_leaves(page: Page) -> list[str]:
    """Every request to another origin that no policy has stopped. Filled as they come."""
    left: list[str] = []

    def stop(route: Route) -> None:
        left.append(route.request.url)
        route.abort()

    # Of its windows too, should it open any.
    page.context.route(re.compile(r"^https?://[\w.]*evil\.example/"), stop)
    page.on("websocket", lambda socket: left.append(socket.url))
    return left


# The frame's attribute, gone before the page sets it.
WITHOUT_ATTRIBUTE = """() => {
  const set = Element.prototype.setAttribute;
  HTMLIFrameElement.prototype.setAttribute = function (name, value) {
    if (name !== "sandbox") set.call(this, name, value);
  };
}"""
LOCKS = ("attribute", "policy")
GETS_OUT = ("a.css", "b.png", "fetch", "module.js", "image.png", "e", "top")


def unlock(page: Page, *locks: str, policy: Callable[[str], str] = lambda _policy: "") -> None:
    """Without these of the two locks of a preview; `policy` is what becomes of that one."""

    def weaken(route: Route) -> None:
        response = route.fetch()
        headers = response.headers
        changed = policy(headers["content-security-policy"])
        assert changed != headers["content-security-policy"]
        route.fulfill(response=response, headers={**headers, "content-security-policy": changed})

    if "attribute" in locks:
        page.evaluate(WITHOUT_ATTRIBUTE)
    if "policy" in locks:
        page.route("**/page/isolated/**", weaken)


def without_sandbox(policy: str) -> str:
    return policy.replace("; sandbox allow-scripts", "")


# Every text grows byte by byte, as it does while it streams, and every rest of it is drawn as well.
CUT = """payloads => {
  const place = document.body.appendChild(document.createElement("div"));
  const bad = "img, script, iframe, style, form, input, object, embed, base, meta, link, "
    + "[onerror], [onload], [onclick], [src], [formaction], [srcdoc], [id], [name]";
  const reader = new TextDecoder();
  let shown = 0;
  const look = text => {
    if (place.querySelector(bad)) throw new Error(text);
    for (const link of place.querySelectorAll("a"))
      if (!["http:", "https:", "mailto:"].includes(link.protocol)) throw new Error(link.href);
    for (const formula of place.querySelectorAll(".formula:not([data-drawn])"))
      if (formula.childElementCount > 0) throw new Error(text);
    shown += 1;
  };
  for (const payload of payloads) {
    const bytes = new TextEncoder().encode(payload);
    const growing = window.growing(place);
    for (let length = 1; length <= bytes.length; length += 1) {
      const text = reader.decode(bytes.slice(0, length));
      growing.show(text, length === bytes.length);
      look(text);
    }
    for (let from = 1; from < bytes.length; from += 1) {
      const text = reader.decode(bytes.slice(from));
      place.replaceChildren(window.rendered(text));
      look(text);
    }
    place.replaceChildren();
  }
  return shown;
}"""


@pytest.mark.threat("D2")
@pytest.mark.threat("D3")
@pytest.mark.threat("D4")
def test_hostile_text_cut_at_any_byte_is_only_text(alice: Tab) -> None:
    load_renderer(alice.page)

    shown = alice.page.evaluate(CUT, list(PAYLOADS))

    assert shown == sum(2 * len(payload.encode()) - 1 for payload in PAYLOADS)
    alice.nothing_ran()


@pytest.mark.threat("D3")
@pytest.mark.threat("D4")
@pytest.mark.threat("D6")
def test_hostile_formulas_reach_for_nothing_and_come_to_an_end(alice: Tab) -> None:
    load_renderer(alice.page)
    formulas = [payload.strip("$()[]\\\n ") for payload in PAYLOADS if payload[0] in "$\\"]
    assert len(formulas) > 20

    found = alice.page.evaluate(
        """formulas => formulas.flatMap(tex => {
          const place = document.body.appendChild(document.createElement("p"));
          window.drawInto(place, tex, true);
          return [...place.querySelectorAll("a, img, script, [href], [src], [onclick], [id]")]
            .map(element => element.localName);
        })""",
        formulas,
    )

    assert found == []
    assert alice.page.evaluate("window.ranCount") == 0
    assert alice.foreign == []


@pytest.mark.threat("D3")
@pytest.mark.threat("D4")
def test_hostile_diagrams_are_pictures_or_text(alice: Tab) -> None:
    left = what_leaves(alice.page)
    alice.ask("Hostile diagrams")
    alice.is_in_state("done")
    settled = alice.prose.locator("figure:is([data-diagram=shown], [data-diagram=failed])")
    expect(settled).to_have_count(len(DIAGRAMS), timeout=60_000)

    assert alice.prose.locator("svg, script, iframe").count() == 0
    addresses = alice.prose.locator("img").evaluate_all("all => all.map(image => image.src)")
    assert addresses != []
    assert all(address.startswith("blob:") for address in addresses)
    assert alice.page.evaluate("[window.ranCount, window.reports, window.mermaid]") == [0, [], None]
    assert left == []
    assert alice.errors == []


@pytest.mark.threat("D1")
@pytest.mark.threat("D3")
@pytest.mark.parametrize("kind", ["html", "svg", "markdown"])
def test_a_hostile_document_in_the_preview_stays_locked_in(alice: Tab, kind: str) -> None:
    """It may run what it likes in its own frame; it reaches neither the page nor an address."""
    left = what_leaves(alice.page)
    alice.ask(f"Hostile {kind}")
    alice.is_in_state("done")

    alice.prose.get_by_role("button", name="Preview").click()
    frame = alice.page.locator(".preview iframe").content_frame
    expect(frame.locator("body")).to_contain_text("isolated" if kind == "html" else "still")

    assert alice.page.evaluate("window.ranCount") == 0
    assert left == []
    assert alice.errors == []
    assert alice.page.url.startswith(alice.house.address)


@pytest.mark.threat("D1")
@pytest.mark.parametrize("lock", LOCKS)
def test_a_preview_stays_locked_in_when_one_of_its_two_locks_is_missing(
    alice: Tab, lock: str
) -> None:
    """The sandbox of the frame, and that of its document's own policy."""
    left = what_leaves(alice.page)
    unlock(alice.page, lock, policy=without_sandbox)
    alice.ask("Hostile html")
    alice.is_in_state("done")

    alice.prose.get_by_role("button", name="Preview").click()
    frame = alice.page.locator(".preview iframe")
    expect(frame.content_frame.locator("body")).to_contain_text("isolated")

    assert (frame.get_attribute("sandbox") is None) == (lock == "attribute")
    assert alice.page.evaluate("window.ranCount") == 0
    assert left == []


def test_what_gets_out_of_a_preview_without_locks_is_noticed(alice: Tab) -> None:
    """So that the tests around this one say something when they find nothing."""
    left = what_leaves(alice.page)
    ran: list[bool] = []
    alice.page.expose_function("noteRan", lambda: ran.append(True))
    alice.page.evaluate("() => { window.ran = window.noteRan; }")
    unlock(alice.page, *LOCKS)
    alice.ask("Hostile html")
    alice.is_in_state("done")

    alice.prose.get_by_role("button", name="Preview").click()

    # Each is told as it leaves. How it failed need not be: "top" takes the page away meanwhile.
    def has_left() -> bool:
        alice.page.context.cookies()  # whatever is asked, Playwright then hears what it was told
        return {f"https://evil.example/{name}" for name in GETS_OUT} <= set(left)

    def has_run() -> bool:
        alice.page.context.cookies()
        return bool(ran)

    until(has_left, what="everything has left")
    until(has_run, what="the document has reached the page")


@pytest.mark.threat("D3")
def test_a_document_in_the_preview_cannot_take_its_frame_elsewhere(alice: Tab) -> None:
    left = what_leaves(alice.page)
    alice.ask("Hostile leaving")
    alice.is_in_state("done")

    alice.prose.get_by_role("button", name="Preview").click()
    report = alice.page.evaluate(
        """new Promise(tell => {
          const look = () => window.reports.length > 0 && tell(window.reports[0]);
          document.addEventListener("securitypolicyviolation", look);
          look();
        })"""
    )

    assert report.startswith("frame-src https://evil.example")
    assert left == []


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
