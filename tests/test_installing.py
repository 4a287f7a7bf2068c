"""The portal as an app: what browsers are told, and what of it they may keep."""

import json
import os
import struct
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from portal.accounts.models import Person

BUILT = {
    "chat/main.tsx": {
        "file": "assets/chat-AAAAAAAA.js",
        "name": "chat",
        "isEntry": True,
        "imports": ["_words.js"],
        "css": ["assets/chat-BBBBBBBB.css"],
    },
    "_words.js": {"file": "assets/words-CCCCCCCC.js", "name": "words"},
    "offline/main.ts": {"file": "assets/offline-DDDDDDDD.js", "name": "offline", "isEntry": True},
    "pages.ts": {
        "file": "assets/pages-EEEEEEEE.js",
        "name": "pages",
        "isEntry": True,
        "css": ["assets/pages-FFFFFFFF.css"],
    },
    "worker/main.ts": {"file": "assets/worker-GGGGGGGG.js", "name": "worker", "isEntry": True},
}


@pytest.fixture
def visitor() -> Client:
    return Client()


@pytest.fixture
def dist(tmp_path: Path, settings: Settings) -> Path:
    """A page that is built: one that the test can build again."""
    settings.BASE_DIR = tmp_path
    folder = tmp_path / "static" / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(BUILT))
    (folder / "assets" / "worker-GGGGGGGG.js").write_text("works();")
    return folder


def shell_of(visitor: Client, address: str = "/worker.js") -> dict[str, object]:
    first, _, _rest = visitor.get(address).content.decode().partition("\n")
    shell: dict[str, object] = json.loads(first.removeprefix("self.shell=").removesuffix(";"))
    return shell


@pytest.mark.parametrize(("language", "name"), [("en", "Portal"), ("zh-hans", "门户")])
def test_a_browser_learns_how_to_install_the_portal(
    visitor: Client, language: str, name: str
) -> None:
    answer = visitor.get(f"/app.{language}.webmanifest")

    told = answer.json()
    assert answer["Content-Type"] == "application/manifest+json"
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")
    assert (told["name"], told["lang"]) == (name, language)
    assert {each.get("purpose", "any") for each in told["icons"]} == {"any", "maskable"}


def test_each_icon_is_there_in_the_size_it_is_said_to_have(visitor: Client) -> None:
    for icon in visitor.get("/app.en.webmanifest").json()["icons"]:
        found = finders.find(icon["src"].removeprefix("/static/"))
        assert found is not None, icon
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", Path(found).read_bytes()[16:24])
            assert icon["sizes"] == f"{width}x{height}"


def test_every_page_names_the_app_in_its_language(visitor: Client) -> None:
    page = visitor.get("/accounts/login/", headers={"Accept-Language": "zh-CN"}).content.decode()

    assert '<link rel="manifest" href="/app.zh-hans.webmanifest">' in page


@pytest.mark.threat("C18")
def test_the_worker_knows_the_files_of_this_build_and_one_page_without_data(
    visitor: Client, dist: Path
) -> None:
    answer = visitor.get("/worker.js?language=zh-hans")

    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache"
    assert answer.content.endswith(b"\nworks();")
    assert shell_of(visitor, "/worker.js?language=zh-hans") == {
        "files": [
            "/static/assets/chat-AAAAAAAA.js",
            "/static/assets/chat-BBBBBBBB.css",
            "/static/assets/offline-DDDDDDDD.js",
            "/static/assets/pages-EEEEEEEE.js",
            "/static/assets/pages-FFFFFFFF.css",
            "/static/assets/words-CCCCCCCC.js",
        ],
        "offline": "/offline/zh-hans/",
        "offlineFiles": ["/static/assets/pages-FFFFFFFF.css", "/static/assets/offline-DDDDDDDD.js"],
    }


def test_another_build_is_another_worker(visitor: Client, dist: Path) -> None:
    before = visitor.get("/worker.js").content
    again = visitor.get("/worker.js").content
    entries = {**BUILT, "_words.js": {"file": "assets/words-HHHHHHHH.js", "name": "words"}}
    newer = dist / "newer.json"
    newer.write_text(json.dumps(entries))
    later = (dist / "manifest.json").stat().st_mtime_ns + 1_000_000_000
    os.utime(newer, ns=(later, later))
    newer.replace(dist / "manifest.json")

    assert before == again != visitor.get("/worker.js").content


def test_a_portal_that_is_not_built_has_no_worker(visitor: Client, dist: Path) -> None:
    (dist / "manifest.json").unlink()

    assert visitor.get("/worker.js").status_code == 404


@pytest.mark.parametrize(
    "address", ["/worker.js?language=xx", "/offline/xx/", "/app.xx.webmanifest"]
)
def test_a_language_we_do_not_speak_is_not_there(visitor: Client, dist: Path, address: str) -> None:
    assert visitor.get(address).status_code == 404


@pytest.mark.threat("C18")
def test_the_page_without_a_connection_is_the_same_for_everybody(db: None, visitor: Client) -> None:
    ada = Client()
    ada.force_login(Person.objects.create_superuser("ada@example.com", None, name="Ada Arnold"))
    ada.cookies["theme"] = "dark"

    hers, nobodys = ada.get("/offline/en/"), visitor.get("/offline/en/")

    assert hers.content == nobodys.content
    assert b"Your conversations are safe" in hers.content
    assert not hers.cookies
    assert b"csrf" not in hers.content


@pytest.mark.threat("C18")
def test_whoever_signs_out_leaves_nothing_in_the_browser(db: None) -> None:
    browser = Client()
    browser.force_login(Person.objects.create_user("ada@example.com", None))

    asked = browser.get("/accounts/logout/")
    done = browser.post("/accounts/logout/")

    assert done["Clear-Site-Data"] == '"storage"'
    assert done["Location"] == "/accounts/login/"
    # What another page can make a browser send takes nothing from anybody.
    assert "Clear-Site-Data" not in asked.headers
    assert "Clear-Site-Data" not in browser.get("/accounts/logout/").headers
