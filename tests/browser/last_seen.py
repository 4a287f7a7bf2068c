"""What a page showed when a test of it failed, so that a log alone tells the cause."""

from playwright.sync_api import Browser, Error, Page

WORDS_CHARS = 600
MOST_LINES = 20
LOOK_MS = 2_000


def last_seen(browser: Browser) -> str:
    """Of every page that is still open: address, title, first words, and what its console said."""
    pages = [page for context in browser.contexts for page in context.pages]
    return "\n\n".join(_described(page) for page in pages if not page.is_closed())


def _described(page: Page) -> str:
    try:
        lines = [
            f"{page.url} — {page.locator('title').first.text_content(timeout=LOOK_MS)}",
            page.locator("body").inner_text(timeout=LOOK_MS)[:WORDS_CHARS].strip(),
            *(f"{said.type}: {said.text}" for said in page.console_messages()[-MOST_LINES:]),
            *(f"error: {error}" for error in page.page_errors()[-MOST_LINES:]),
        ]
    except Error as error:
        # It may be in the middle of going elsewhere, or have crashed.
        lines = [page.url, f"could not be looked at: {error.message}"]
    return "\n".join(line for line in lines if line)
