"""`make pictures`: the pictures of the documentation, taken from a running portal.

Everything on them is the portal's own page; only the answers come from the script below, and what
is on its way from `picture_office.py`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from setup import starter
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
DESK = {"viewport": {"width": 1280, "height": 800}}
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

ENGLISH = "How do I add up the hours of each project in our timesheet, in Python?"
ENGLISH_ANSWER = """Export the sheet as CSV; then **four lines** are enough:

```python
hours = collections.Counter()
with open("timesheet.csv", newline="") as file:
    for row in csv.DictReader(file):
        hours[row["project"]] += float(row["hours"])
```

With the numbers of your example:

| project | hours | share |
|:--------|------:|------:|
| Website | 42.5 | 69 % |
| Archive | 19.0 | 31 % |
"""
CHINESE = "怎样用 Python 把工时表里每个项目的小时数加起来？"
CHINESE_ANSWER = """把表格导出为 CSV，然后**四行代码**就够了：

```python
hours = collections.Counter()
with open("工时表.csv", newline="") as file:
    for row in csv.DictReader(file):
        hours[row["项目"]] += float(row["小时"])
```

用您例子里的数字，结果是：

| 项目 | 小时 | 占比 |
|:-----|-----:|-----:|
| 网站 | 42.5 | 69 % |
| 档案 | 19.0 | 31 % |
"""
RULES: list[dict[str, object]] = [
    {"when": "timesheet", "says": [ENGLISH_ANSWER]},
    {"when": "工时表", "says": [CHINESE_ANSWER]},
]


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
        *_conversations(house, browser, name="office", language="en", question=ENGLISH),
        *_conversations(house, browser, name="bangongshi", language="zh", question=CHINESE),
        *_doors(house, browser),
    ]


def _conversations(
    house: House, browser: Browser, *, name: str, language: str, question: str
) -> Iterator[Path]:
    with _visitor(browser, **DESK) as page:
        sign_in(page, house, name)
        _ask(page, question)
        address, state = page.url, page.context.storage_state()
        yield _picture(page, f"chat-{language}")
    with _visitor(browser, storage_state=state, color_scheme="dark", **DESK) as page:
        _open(page, address)
        yield _picture(page, f"chat-{language}-dark")
    if language == "en":
        with _visitor(browser, storage_state=state, **PHONE) as page:
            _open(page, address)
            yield _picture(page, "phone")


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
