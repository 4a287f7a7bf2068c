"""What a page offers to eyes, fingers and keys, asked of the page itself. Holds no test.

axe-core is given to the page as a debugger would: no content policy is loosened for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SCHEMES: tuple[Any, ...] = ("light", "dark")
CONTRASTS: tuple[Any, ...] = ("no-preference", "more")

# Each fault in a line: the rule, the element, and what is wrong with it.
_RUN = """
async ([within, only]) => {
  const found = await axe.run(within ?? document, { runOnly: only, iframes: false });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(" ")} ${node.failureSummary.replace(/\\s+/g, " ")}`));
}
"""

# What a finger meets and is smaller than a finger; a link within a sentence may be.
_SMALL = """
() => {
  const stops = "button, a[href], input:not([type=hidden]), select, textarea, summary," +
    " [role=option], [role=menuitem]";
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) &&
    !one.closest("[inert]") && !one.matches(".skip:not(:focus)");
  const touched = (one) => one.labels?.length ? [one, ...one.labels] : [one];
  return [...document.querySelectorAll(stops)].filter(shown)
    .filter((one) => !(one.matches("a") && getComputedStyle(one).display === "inline"))
    .filter((one) => !touched(one).some((each) => {
      const box = each.getBoundingClientRect();
      return box.height >= 43.5 && box.width >= 43.5;
    }))
    .map((one) => one.outerHTML.slice(0, 160));
}
"""

# Marks each control that the keyboard must reach, and gives their names.
_MARK = """
(within) => {
  const stops = "button, a[href], input:not([type=hidden]), select, textarea, summary," +
    " [tabindex='0']";
  const root = within ? document.querySelector(within) : document;
  const isStop = (one) => one.checkVisibility({ visibilityProperty: true }) &&
    !one.matches(":disabled, [tabindex='-1']") && !one.closest("[inert]") &&
    // A group of radio buttons is one stop, at the one that is chosen.
    !(one.type === "radio" && !one.checked &&
      root.querySelector(`input[name="${CSS.escape(one.name)}"]:checked`)) &&
    !(one.closest("details:not([open])") && !one.matches("summary"));
  const all = [...root.querySelectorAll(stops)].filter(isStop);
  all.forEach((one, index) => { one.dataset.stop = index; });
  return all.map((one) => one.outerHTML.slice(0, 160));
}
"""

# Where the focus is, and whether anything shows it.
_STOP = """
() => {
  const one = document.activeElement;
  const drawn = (each) => {
    const style = each && getComputedStyle(each);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  };
  // A text box shows it by its frame, a radio button by the words beside it.
  const isSeen = one.matches("textarea") || drawn(one) || drawn(one.nextElementSibling);
  return [one.dataset.stop ?? null, isSeen, one.outerHTML.slice(0, 160)];
}
"""


def faults(page: Page) -> list[str]:
    """What axe finds: in light, in dark, and in both with more contrast."""
    _lend_axe(page)
    found = []
    for contrast in CONTRASTS:
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, contrast=contrast)
            told = page.evaluate(_RUN, [None, _what_to_ask(scheme, contrast)])
            found += [f"{scheme}, contrast {contrast}: {each}" for each in told]
    page.emulate_media(color_scheme="light", contrast="no-preference")
    return found


def faults_in_administration(page: Page) -> list[str]:
    """The same for what we draw there: the frame around it, and its two looks, are the theme's."""
    _lend_axe(page)
    within = ".catalog" if page.locator(".catalog").count() else "#content"
    found = []
    for scheme in SCHEMES:
        page.evaluate(
            "dark => document.documentElement.classList.toggle('dark', dark)", scheme == "dark"
        )
        told = page.evaluate(_RUN, [within, _what_to_ask(scheme, CONTRASTS[0])])
        found += [f"{scheme}: {each}" for each in told]
    return found


def _lend_axe(page: Page) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))


def _what_to_ask(scheme: str, contrast: str) -> dict[str, object]:
    """Structure is the same in every colour: asked once. More contrast means seven to one."""
    if contrast == "more":
        return {"type": "rule", "values": ["color-contrast-enhanced"]}
    if scheme == "dark":
        return {"type": "rule", "values": ["color-contrast"]}
    return {"type": "tag", "values": STANDARD}


def too_small_for_a_finger(page: Page) -> list[str]:
    small: list[str] = page.evaluate(_SMALL)
    return small


def is_as_wide_as_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def missed_by_keyboard(page: Page, *, within: str | None = None) -> list[str]:
    """Controls that Tab does not come to, and those that do not show it when it does."""
    controls: list[str] = page.evaluate(_MARK, within)
    met: set[int] = set()
    unseen: list[str] = []
    # Past the last control the focus leaves the page once, and comes in again at its beginning.
    # What came to the page meanwhile is met on the way, and is not looked for.
    for _press in range(2 * len(controls) + 4):
        if len(met) == len(controls):
            break
        page.keyboard.press("Tab")
        stop, is_seen, markup = page.evaluate(_STOP)
        if stop is not None:
            met.add(int(stop))
            unseen += [] if is_seen else [f"focus is not seen: {markup}"]
    return [f"not reached: {each}" for n, each in enumerate(controls) if n not in met] + unseen


@contextmanager
def forced_colours(page: Page) -> Iterator[None]:
    """As where the system has colours of its own, such as the contrast themes of Windows."""
    page.emulate_media(forced_colors="active")
    yield
    page.emulate_media(forced_colors="none")
