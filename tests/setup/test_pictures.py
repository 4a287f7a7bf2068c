"""The pictures of the documentation: all there, none too many, none too large."""

import re

from setup.pictures import FOLDER, MOST_BYTES, ROOT

SHOWN = re.compile(r"pictures/([\w-]+\.\w+)")


def shown_in(*names: str) -> set[str]:
    return {name for page in names for name in SHOWN.findall((ROOT / page).read_text("utf-8"))}


def pages() -> list[str]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [str(path.relative_to(ROOT)) for path in found]


def test_every_picture_that_a_page_shows_is_there_and_no_other():
    assert shown_in(*pages()) == {path.name for path in FOLDER.iterdir()}


def test_no_picture_is_too_large():
    assert {path.name for path in FOLDER.iterdir() if path.stat().st_size > MOST_BYTES} == set()


def test_both_languages_show_the_same_by_day_and_by_night():
    english, chinese = shown_in("README.md"), shown_in("README.zh-CN.md")

    assert {name.replace("-en", "-zh") for name in english} == chinese
    pages = {name for name in english if not name.startswith("admin")}
    dark = {name for name in pages if "-dark" in name}
    assert {name.replace("-dark", "") for name in dark} == pages - dark
