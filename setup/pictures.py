"""`make pictures`: the pictures of the documentation, taken from a running portal.

Everything on them is the portal's own page; only the answers and what is attached come from
`picture_words.py`, and what was there before from `picture_office.py`.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    FilePayload,
    Page,
    ViewportSize,
    sync_playwright,
)

from setup import starter
from setup.picture_words import MODEL, OFFICES, RULES, SEEING_MODEL, Office
from setup.screen import Screen
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGUMENTS, sign_in
from tests.browser.house import House

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
OFFICE = Path(__file__).with_name("picture_office.py")
# Opens what is attached.
READER = ROOT / "tests" / "browser" / "reader.py"
STARTER = "smollm2:135m"
MOST_BYTES = 80_000
# Words stay sharp without a loss; what is too large for that loses what nobody sees.
QUALITIES = (95, 90, 85, 80, 75)
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
Scheme = Literal["light", "dark"]
SCHEMES: tuple[tuple[Scheme, str], ...] = (("light", ""), ("dark", "-dark"))


def main() -> int:
    """All of them anew; what is no longer taken goes."""
    house = House.build(RULES)
    try:
        house.open(people=OFFICE, starter=starter.unpack(Screen()))
        house.start_beside("reader", sys.executable, str(READER))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
            pictures = take(house, browser)
            browser.close()
    finally:
        if "reader" in house.running:
            house.end("reader")
        house.close()
    for old in set(FOLDER.iterdir()) - set(pictures):
        old.unlink()
    for picture in pictures:
        sys.stdout.write(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes\n")
    return 1 if any(picture.stat().st_size > MOST_BYTES for picture in pictures) else 0


def take(house: House, browser: Browser) -> list[Path]:
    """Every picture, one person after the other. Where they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = [picture for office in OFFICES for picture in _page(house, browser, office)]
    house.once(str(OFFICE), "work")
    doors = [
        picture
        for round_, office in enumerate(OFFICES)
        for picture in _doors(house, browser, office, round_=round_)
    ]
    return [*pages, *doors]


def _page(house: House, browser: Browser, office: Office) -> Iterator[Path]:
    """The chat page and what lies beside it, by day and by night."""
    with _visitor(browser, **DESK) as page:
        sign_in(page, house, office.name)
        _ask(page, office.first_question)
        _ask_anew(page, office.question)
        talk, state = page.url, page.context.storage_state()
        page.goto(house.address)
        _ask(page, office.page_question)
        drawn = page.url
        page.goto(house.address)
        _attach(page, office)
        _ask(page, office.file_question, model=SEEING_MODEL)
        attached = page.url
    for scheme, suffix in SCHEMES:
        ending = f"{office.language}{suffix}"
        options = {"storage_state": state, "color_scheme": scheme}
        with _visitor(browser, **options, **PHONE) as page:
            _open(page, talk)
            yield _picture(page, f"phone-{ending}")
        with _visitor(browser, **options, **DESK) as page:
            _open(page, talk)
            page.locator(".turn .question").hover()
            yield _picture(page, f"chat-{ending}")
            _search(page, office.searched)
            yield _picture(page, f"search-{ending}")
            page.keyboard.press("Escape")
            _open(page, drawn)
            page.locator("button[data-act=preview]").click()
            page.locator(".preview iframe").content_frame.locator("h1").wait_for()
            yield _picture(page, f"preview-{ending}", is_settled=True)
            _open(page, attached)
            yield _picture(page, f"files-{ending}")
            page.goto(house.address)
            _settings(page, office.preset)
            yield _picture(page, f"settings-{ending}")
            page.goto(f"{house.address}/connect/")
            yield _picture(page, f"connect-{ending}")
            page.goto(f"{house.address}/api/docs")
            yield _picture(page, f"api-{ending}")


def _doors(house: House, browser: Browser, office: Office, *, round_: int) -> Iterator[Path]:
    """What an administrator sees."""
    with _visitor(browser, **DESK) as page:
        sign_in(page, house, office.administrator)
        page.goto(f"{house.address}/admin/catalog/model/")
        if office.language == "en":  # for the administrator's guide, which is in English only
            yield _picture(page, f"admin-models-{office.language}")
        page.get_by_role("link", name=STARTER, exact=True).click()
        page.set_viewport_size(TALL)
        yield _picture(page, f"admin-model-{office.language}")
        page.set_viewport_size(TALLER)
        page.goto(f"{house.address}/admin/catalog/model/add/")
        # Told while the page looks, so that it can say how fast it goes.
        house.once(str(OFFICE), "advance", str(round_))
        yield _picture(page, f"admin-add-{office.language}")


@contextmanager
def _visitor(browser: Browser, **options: Any) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(
        **{"locale": "en-GB", "reduced_motion": "reduce", **options}
    )
    try:
        yield context.new_page()
    finally:
        context.close()


def _ask(page: Page, question: str, *, model: str = MODEL) -> None:
    page.locator(".picker-button").click()
    page.get_by_role("option").filter(has_text=model).click()
    page.locator("form.composer textarea").fill(question)
    page.locator("form.composer textarea").press("Enter")
    page.wait_for_url("**/c/*/")
    _is_answered(page)


def _ask_anew(page: Page, question: str) -> None:
    """The same in other words: a second version, beside the first."""
    page.locator(".turn .tools button").nth(1).click()
    page.locator(".edit textarea").fill(question)
    page.locator(".edit textarea").press("Enter")
    page.locator(".question").filter(has_text=question).wait_for()
    _is_answered(page)


def _attach(page: Page, office: Office) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("form.composer .attach").click()
    table = office.table.encode()
    chooser.value.set_files(
        [
            FilePayload(name=office.picture_name, mimeType="image/png", buffer=_chart()),
            FilePayload(name=office.table_name, mimeType="text/csv", buffer=table),
        ]
    )
    page.locator(".chip[data-state=ready]").nth(1).wait_for()


def _chart() -> bytes:
    """Bars of a year, without a word: it is looked at in every language."""
    picture = Image.new("RGB", (720, 440), "#fbfaf7")
    heights = (120, 138, 131, 170, 214, 236, 228, 149, 190, 205, 243, 322)
    for index, height in enumerate(heights):
        left = 42 + index * 54
        colour = "#c8553d" if height == max(heights) else "#588b8b"
        picture.paste(colour, (left, 400 - height, left + 36, 400))
    picture.paste("#8a8a85", (30, 400, 690, 403))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


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
    """Done, and its code in colours."""
    page.locator("article[data-state=done]").wait_for()
    page.locator("code[data-language]:not(.coloured)").wait_for(state="hidden")
    page.locator(".item .pulse").wait_for(state="hidden")


def _picture(page: Page, name: str, *, is_settled: bool = False) -> Path:
    """`is_settled`: what comes last was waited for. A locked frame does not say when it is idle."""
    if not is_settled:
        page.wait_for_load_state("networkidle")
    taken = Image.open(io.BytesIO(page.screenshot(style=PASSING))).convert("RGB")
    path = FOLDER / f"{name}.webp"
    taken.save(path, lossless=True, quality=100, method=6)
    for quality in QUALITIES:
        if path.stat().st_size <= MOST_BYTES:
            break
        taken.save(path, quality=quality, method=6)
    return path


if __name__ == "__main__":
    sys.exit(main())
