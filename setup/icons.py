"""Draws the icons of the installed app anew from static/icons/icon.svg: `python -m setup.icons`.

Run by hand after the drawing was changed; needs a Chromium. Not for the icons inside the page.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "static" / "icons"
# Name → side in pixels, and whether the ground goes to the very edge: systems that cut their own
# shape out of it need that, and everything of meaning within the inner four fifths.
PICTURES = {
    "icon-192.png": (192, False),
    "icon-512.png": (512, False),
    "maskable-512.png": (512, True),
    "apple-180.png": (180, True),
}


def draw(page: Page, name: str) -> None:
    side_px, is_whole = PICTURES[name]
    drawing = (FOLDER / "icon.svg").read_text(encoding="utf-8")
    if is_whole:
        drawing = drawing.replace('rx="116"', 'rx="0"')
    page.set_viewport_size({"width": side_px, "height": side_px})
    page.set_content(f"<style>body{{margin:0}} svg{{display:block;width:100vw}}</style>{drawing}")
    page.screenshot(path=str(FOLDER / name), omit_background=True)


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page()
        for name in PICTURES:
            draw(page, name)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
