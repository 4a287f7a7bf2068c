"""`make pictures`: the pictures of the documentation, taken from a running portal.

Everything on them is the portal's own page; only the answers come from `picture_words.py`, and what
was there before from `picture_office.py`.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from setup import starter
from setup.picture_words import OFFICES, RULES, Office
from setup.screen import Screen
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS, sign_in
from tests.browser.house import House

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
OFFICE = Path(__file__).with_name("picture_office.py")
MODEL = "qwen2.5:7b"
STARTER = "smollm2:135m"
MOST_BYTES = 250_000
# Scroll bars that show themselves for a moment after the page has come.
PASSING = ".simplebar-track { display: none !important; }"
DESK = {"viewport": {"width": 1280, "height": 900}}
# Tall enough for what an administrator looks at first on the page of a model, and on that of what
# is on its way.
TALL = ViewportSize(width=1280, height=1045)
TALLER = ViewportSize(width=1280, height=1112)
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def main() -> int:
    house = House.build(RULES)
    try:
        house.open(people=OFFICE, starter=starter.unpack(Screen()))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
            pictures = take(house, browser)
            browser.close()
    finally:
        house.close()
    too_big = [picture for picture in pictures if picture.stat().st_size > MOST_BYTES]
    for picture in pictures:
        sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes\n")
    return 1 if too_big else 0


def take(house: House, browser: Browser) -> list[Path]:
    """Every picture, one person after the other. Where they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return [
        *(picture for office in OFFICES for picture in _page(house, browser, office)),
        *_doors(house, browser),
    ]


def _page(house: House, browser: Browser, office: Office) -> Iterator[Path]:
    """The chat page and what lies beside it, by day and by night."""
    with _visitor(browser, **DESK) as page:
        sign_in(page, house, office.name)
        _ask(page, office.first_question)
        _ask_anew(page, office.question)
        address, state = page.url, page.context.storage_state()
    if office.language == "en":
        with _visitor(browser, storage_state=state, **PHONE) as page:
            _open(page, address)
            yield _picture(page, "phone")
    for scheme, suffix in (("light", ""), ("dark", "-dark")):
        ending = f"{office.language}{suffix}"
        with _visitor(browser, storage_state=state, color_scheme=scheme, **DESK) as page:
            _open(page, address)
            page.locator(".turn .question").hover()
            yield _picture(page, f"chat-{ending}")
            _search(page, office.searched)
            yield _picture(page, f"search-{ending}")
            page.keyboard.press("Escape")
            page.goto(house.address)
            _settings(page, office.preset)
            yield _picture(page, f"settings-{ending}")
            page.goto(f"{house.address}/connect/")
            yield _picture(page, f"connect-{ending}")
            page.goto(f"{house.address}/api/docs")
            yield _picture(page, f"api-{ending}")


def _doors(house: House, browser: Browser) -> Iterator[Path]:
    house.once(str(OFFICE), "work")
    with _visitor(browser, **DESK) as page:
        sign_in(page, house, "admin")
        page.goto(f"{house.address}/admin/catalog/model/")
        yield _picture(page, "admin-models")
        page.get_by_role("link", name=STARTER, exact=True).click()
        page.set_viewport_size(TALL)
        yield _picture(page, "admin-model")
        page.set_viewport_size(TALLER)
        page.goto(f"{house.address}/admin/catalog/model/add/")
        # Told while the page looks, so that it can say how fast it goes.
        house.once(str(OFFICE), "advance")
        yield _picture(page, "admin-add")


@contextmanager
def _visitor(browser: Browser, **options: Any) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        **{"locale": "en-GB", "reduced_motion": "reduce", **options}
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def _ask(page: Page, question: str) -> None:
    page.locator(".picker-button").click()
    page.get_by_role("option").filter(has_text=MODEL).click()
    page.locator("textarea").fill(question)
    page.locator("textarea").press("Enter")
    _is_answered(page)
    page.wait_for_url("**/c/*/")


def _ask_anew(page: Page, question: str) -> None:
    """The same in other words: a second version, beside the first."""
    page.locator(".turn .tools button").nth(1).click()
    page.locator(".edit textarea").fill(question)
    page.locator(".edit textarea").press("Enter")
    page.locator(".question").filter(has_text=question).wait_for()
    _is_answered(page)


def _search(page: Page, words: str) -> None:
    page.keyboard.press("Control+k")
    page.locator("dialog input[type=search]").fill(words)
    page.locator("dialog mark").first.wait_for()


def _settings(page: Page, preset: str) -> None:
    page.locator(".settings-button").click()
    choice = page.locator("dialog select").first
    offered = choice.locator("option").filter(has_text=preset)
    offered.wait_for(state="attached")
    choice.select_option(value=offered.get_attribute("value"))
    page.locator("dialog [role=status]").filter(has_text=re.compile(r"\S")).wait_for()


def _open(page: Page, address: str) -> None:
    page.goto(address)
    _is_answered(page)


def _is_answered(page: Page) -> None:
    page.locator("article[data-state=done] .hljs-keyword").first.wait_for()
    page.locator(".item .pulse").wait_for(state="hidden")


def _picture(page: Page, name: str) -> Path:
    page.wait_for_load_state("networkidle")
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, style=PASSING)
    return path


if __name__ == "__main__":
    sys.exit(main())
