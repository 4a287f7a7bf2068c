"""The portal as an app of its own: what it keeps, what it says offline, what is left of it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Tab, Visit, expect
from tests.browser.house import until

pytestmark = pytest.mark.browser

HASHED = re.compile(r"/static/assets/[\w.-]+-[\w-]{8}\.(?:js|css|woff2)", re.ASCII)
WITH_WORKER = {"service_workers": "allow"}

# Everything that scripts of this origin have kept in this browser.
KEPT = """
async () => {
  const kept = { files: {}, storage: JSON.stringify({ ...localStorage, ...sessionStorage }) };
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const answer = await cache.match(request);
      kept.files[new URL(request.url).pathname] = await answer.text();
    }
  }
  kept.databases = (await indexedDB.databases()).map((each) => each.name);
  kept.workers = (await navigator.serviceWorker.getRegistrations()).length;
  return kept;
}
"""


def kept_in(page: Page) -> dict[str, Any]:
    kept: dict[str, Any] = page.evaluate(KEPT)
    return kept


def installed(tab: Tab) -> Tab:
    """Once the worker answers for this tab, and the page has come by way of it."""
    tab.page.evaluate(
        "navigator.serviceWorker.controller || new Promise((done) =>"
        " navigator.serviceWorker.addEventListener('controllerchange', () => done()))"
    )
    tab.page.reload()
    expect(tab.composer).to_be_visible()
    return tab


@pytest.mark.threat("C18")
def test_the_app_keeps_its_own_files_and_no_word_of_hers(visit: Visit) -> None:
    erin = installed(visit("erin", has_own_session=True, **WITH_WORKER))
    erin.ask("Say canary-7f3a, Show me markdown")
    erin.is_in_state("done")
    erin.page.keyboard.press("Control+k")
    erin.page.get_by_role("searchbox", name="Search for").fill("canary")
    expect(erin.page.get_by_role("dialog").get_by_role("link").first).to_be_visible()
    erin.page.keyboard.press("Escape")
    erin.composer.fill("A draft of canary-7f3a")
    erin.page.reload()
    expect(erin.composer).to_have_value("A draft of canary-7f3a")

    # What it answers with it keeps a moment later.
    until(
        lambda: any("SearchPanel" in path for path in kept_in(erin.page)["files"]),
        what="the panel of the search is kept",
    )
    kept = kept_in(erin.page)
    assert "/offline/en/" in kept["files"]
    strange = {path for path in kept["files"] if not HASHED.fullmatch(path)}
    assert strange == {"/offline/en/"}
    everything = "".join(kept["files"].values())
    token = erin.page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    hers = ("canary-7f3a", "erin@example.com", "Account of Erin", token)
    assert not [word for word in hers if word in everything]
    assert "canary" in kept["storage"]

    # Signed out on a page that has no script of ours.
    erin.open("/account/")
    erin.page.get_by_role("navigation", name="Account").get_by_role("button").click()
    erin.page.wait_for_url("**/accounts/login/**")
    left = kept_in(erin.page)
    assert (left["files"], left["databases"], left["workers"]) == ({}, [], 0)
    assert "canary" not in left["storage"]
    erin.page.go_back()
    expect(erin.page.locator("[name=login]")).to_be_visible()


@pytest.mark.threat("C18")
def test_what_another_person_left_on_this_device_goes(visit: Visit) -> None:
    erin = visit("erin")
    erin.composer.fill("A draft of canary-51bd")
    # As after a sign-out that no script saw, on plain http.
    cookies = visit("grace").page.context.cookies()
    erin.page.context.clear_cookies()
    erin.page.context.add_cookies(
        [
            {"name": each["name"], "value": each["value"], "url": erin.house.address}
            for each in cookies
        ]
    )

    erin.page.reload()

    expect(erin.page.get_by_role("button", name="Account of Grace")).to_be_visible()
    expect(erin.composer).to_have_value("")
    assert "canary" not in erin.page.evaluate("JSON.stringify({ ...localStorage })")
    erin.composer.fill("Hers")
    erin.page.reload()
    expect(erin.composer).to_have_value("Hers")
    erin.composer.fill("")


def test_without_a_connection_the_app_says_so_and_comes_back_by_itself(visit: Visit) -> None:
    erin = installed(visit("erin", **WITH_WORKER))
    page = erin.page

    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).display") == "flex"

    page.context.set_offline(False)
    expect(erin.composer).to_be_visible()
    assert erin.foreign == []


def test_the_browser_offers_to_install_it_and_so_does_the_menu(visit: Visit) -> None:
    erin = visit("erin")
    manifest = erin.page.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then((all) => all.json())"
    )
    pictures = erin.page.evaluate(
        """(icons) => Promise.all(icons.map(async ({ src }) => {
          const picture = new Image();
          picture.src = src;
          await picture.decode();
          return picture.naturalWidth;
        }))""",
        manifest["icons"],
    )
    assert pictures[1:] == [192, 512, 512]

    # Headless browsers offer nothing by themselves.
    erin.page.evaluate(
        """() => {
          const offer = new Event("beforeinstallprompt");
          offer.prompt = async () => { window.asked = true; };
          window.dispatchEvent(offer);
        }"""
    )
    erin.page.get_by_role("button", name="Account of").click()
    erin.button("Install as an app").click()

    assert erin.page.evaluate("window.asked") is True
    expect(erin.button("Install as an app")).to_have_count(0)
