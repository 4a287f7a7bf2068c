"""Files sent from a real browser: paused, gone on with after a reload, refused in words."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Tab, Visit, expect
from tests.catalog.gguf_files import build_gguf, tensor, text_value

pytestmark = [pytest.mark.browser, pytest.mark.threat("E23")]

PAGE = "/admin/catalog/model/add/upload/"


@pytest.fixture
def carol(visit: Visit) -> Tab:
    return visit("carol")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound file of three pieces."""
    path = tmp_path / "three.gguf"
    length = 5 * 1024 * 1024
    one = tensor("t", shape=(length,), kind=0, offset=0)
    values = [text_value("general.architecture", "llama")]
    path.write_bytes(build_gguf(values, tensors=[one], data=bytes(4 * length)))
    return path


def chosen(tab: Tab, path: Path, *, name: str) -> None:
    tab.page.get_by_label("Name of the model").fill(name)
    tab.page.get_by_label("GGUF files").set_input_files(path)
    tab.button("Send").click()


def held_after(tab: Tab, pieces: int) -> list[Any]:
    """So many pieces go through; then the network is gone until `let_go`."""
    seen: list[Any] = []

    def pass_or_hold(route: Any) -> None:
        if len(seen) >= pieces and route.request.method == "PATCH":
            route.abort()
            return
        if route.request.method == "PATCH":
            seen.append(route)
        route.continue_()

    tab.page.route("**/uploads/files/**", pass_or_hold)
    return seen


def test_a_file_goes_on_after_a_break_a_pause_and_a_reload(carol: Tab, file: Path) -> None:
    carol.open(PAGE)
    held_after(carol, 1)
    chosen(carol, file, name="three:1")
    item = carol.page.get_by_role("listitem").filter(has_text="three:1")
    expect(item).to_contain_text("does not answer")
    expect(item).to_contain_text("39 %")

    carol.button("Pause three:1").click()
    expect(item).to_contain_text("Paused")
    carol.page.reload()
    expect(item).to_contain_text("choose the same files")
    expect(item).to_contain_text("39 %")

    carol.page.unroute("**/uploads/files/**")
    sent: list[str] = []
    carol.page.on("request", lambda request: sent.append(request.method))
    chosen(carol, file, name="three:1")

    carol.page.wait_for_url("**/admin/catalog/model/add/#jobs")
    expect(carol.page.get_by_role("listitem").filter(has_text="three:1")).to_be_visible()
    assert sent.count("PATCH") == 2
    assert carol.errors == []


def test_what_is_not_one_model_is_refused_in_words_and_can_be_dropped(
    carol: Tab, file: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no model")
    carol.open(PAGE)

    chosen(carol, notes, name="notes:1")
    expect(carol.page.get_by_role("alert").filter(has_text="neither a GGUF")).to_be_visible()

    held_after(carol, 0)
    chosen(carol, file, name="dropped:1")
    carol.button("Drop dropped:1").click()
    expect(carol.page.get_by_role("listitem").filter(has_text="dropped:1")).to_have_count(0)
    assert carol.errors == []
