"""A real browser, people signed in, and the portal behind them."""

import json
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, sync_playwright
from playwright.sync_api import expect as expect

from tests.browser.house import PASSWORD, House
from tests.browser.last_seen import last_seen
from tests.browser.script import RULES

HERE = Path(__file__).parent
# `make test` leaves these tests out, and says so, where there is none.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Only for what never comes: on a slow machine two browsers share two processors with two portals.
PATIENCE_MS = 45_000
expect.set_options(timeout=PATIENCE_MS)
# For what another process does when it comes to it: an answer, a title, a job.
BACKGROUND_MS = 60_000

# Counts what must never happen: a script of somebody else, or a report of the content policy.
WATCH = """
window.ranCount = 0;
window.ran = () => { window.ranCount += 1; };
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
const later = window.setTimeout.bind(window);
window.setTimeout = (act, ms, ...more) => later(act, MOMENTS.includes(ms) ? 1e9 : ms, ...more);
"""
# What is said for a moment ("Copied") stays: a slow machine may look when the moment is over.
MOMENTS = sorted(
    int(found.replace("_", ""))
    for path in (HERE.parents[1] / "static" / "src" / "chat").rglob("*.ts*")
    for found in re.findall(r"_FOR_MS = ([\d_]+)", path.read_text(encoding="utf-8"))
)
WATCH = WATCH.replace("MOMENTS", str(MOMENTS))


class Tab:
    """One tab of one person. Speaks of what is on the page, not of how it is made."""

    def __init__(self, page: Page, house: House) -> None:
        self.page = page
        self.house = house
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._note_foreign)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))

    def open(self, path: str = "/") -> "Tab":
        self.page.goto(self.house.address + path)
        return self

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def answers(self) -> Locator:
        return self.page.get_by_role("article")

    @property
    def answer(self) -> Locator:
        return self.answers.last

    @property
    def prose(self) -> Locator:
        return self.answer.locator(".prose").last

    @property
    def links(self) -> Locator:
        return self.page.get_by_role("navigation", name="Conversations").get_by_role("link")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def ask(self, text: str) -> None:
        self.composer.fill(text)
        self.button("Send").click()

    def is_in_state(self, state: str) -> None:
        expect(self.answer).to_have_attribute("data-state", state, timeout=BACKGROUND_MS)

    def is_drawn(self) -> None:
        """Until what draws answers has been fetched, they are plain text."""
        expect(self.page.locator(".prose-plain")).to_have_count(0)

    def nothing_ran(self) -> None:
        assert self.page.evaluate("window.ranCount") == 0
        assert self.page.evaluate("window.reports") == []
        assert self.foreign == []
        assert self.errors == []

    def _note_foreign(self, request: object) -> None:
        address = str(getattr(request, "url", ""))
        if not address.startswith((self.house.address, "blob:", "data:")):
            self.foreign.append(address)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside a failure stands what the pages showed."""
    report = yield
    browser = getattr(item, "funcargs", {}).get("chromium")
    if report.when == "call" and report.failed and browser is not None:
        report.sections.append(("what the pages showed", last_seen(browser)))
    return report


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Started once for all page tests; each test has conversations of its own."""
    house = House.build(RULES)
    if not (HERE.parents[1] / "static" / "dist" / "manifest.json").exists():
        raise RuntimeError("the page is not built: npm run build")
    try:
        house.open(people=HERE / "people.py")
        yield house
    finally:
        house.close()


def _as_long_as_pages_alone_are_tested(fixture_name: str, config: pytest.Config) -> Any:
    """Else a module at a time: its event loop must not be running when others bring their own."""
    is_alone = all(Path(each).resolve().is_relative_to(HERE) for each in config.args)
    return "session" if is_alone else "module"


@pytest.fixture(scope=_as_long_as_pages_alone_are_tested)
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope=_as_long_as_pages_alone_are_tested)
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
    yield browser
    browser.close()


Visit = Callable[..., Tab]
USUAL = {"locale": "en-GB", "reduced_motion": "reduce"}


@pytest.fixture
def visit(chromium: Browser, house: House) -> Iterator[Visit]:
    """A browser of one person's own, signed in: `visit("alice")`. Options go to the browser.

    Who signs out says `has_own_session`: the session of the other tests is one and the same.
    `None` is nobody: a stranger. Service workers are for the tests of them: what a worker answers
    for, a test could neither watch nor hold back.
    """
    contexts: list[BrowserContext] = []

    def visit(
        name: str | None, *, path: str = "/", has_own_session: bool = False, **options: object
    ) -> Tab:
        signing_in = _signing_in if has_own_session else _signed_in
        state = None if name is None else signing_in(chromium, house, name)
        context = chromium.new_context(
            **{"storage_state": state, "service_workers": "block", **USUAL, **options}  # type: ignore[arg-type] # chosen by each test
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return _tab(context, house).open(path)

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def alice(visit: Visit) -> Tab:
    return visit("alice")


def another_tab(tab: Tab, path: str = "/") -> Tab:
    """In the same browser: the same person, the same storage."""
    return _tab(tab.page.context, tab.house).open(path)


def sign_in(page: Page, house: House, name: str) -> None:
    page.goto(f"{house.address}/accounts/login/")
    page.locator("[name=login]").fill(f"{name}@example.com")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"{house.address}/")


_states: dict[str, str] = {}


def _signed_in(chromium: Browser, house: House, name: str) -> dict[str, object]:
    """Cookies of a signed-in browser. By the form, once a person; signing in is limited."""
    key = f"{house.address} {name}"
    if key not in _states:
        _states[key] = json.dumps(_signing_in(chromium, house, name))
    state: dict[str, object] = json.loads(_states[key])
    return state


def _signing_in(chromium: Browser, house: House, name: str) -> dict[str, object]:
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    sign_in(context.new_page(), house, name)
    cookies = context.storage_state().get("cookies")
    context.close()
    return {"cookies": cookies, "origins": []}


def _tab(context: BrowserContext, house: House) -> Tab:
    page = context.new_page()
    page.add_init_script(WATCH)
    return Tab(page, house)
