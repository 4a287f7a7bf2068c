"""Files go with a question: chosen, pasted or dropped; shown, read; refused with a reason."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Route, WebSocketRoute

from tests.browser.conftest import BACKGROUND_MS, Tab, Visit, expect
from tests.browser.house import House

pytestmark = pytest.mark.browser

READER = Path(__file__).with_name("reader.py")
WORD = "Zwetschgendatschi"
# Rows enough for more than the 100,000 tokens that the models of these tests read.
TOO_LONG = "one more row of many\n" * 20_000


@pytest.fixture(scope="module", autouse=True)
def _reading(house: House) -> Iterator[None]:
    """What opens files runs beside the portal."""
    house.start_beside("reader", sys.executable, str(READER))
    yield
    house.kill("reader")


@pytest.fixture
def hana(visit: Visit) -> Tab:
    """She may use a model that sees pictures; the one she has at first does not."""
    hana = visit("hana")
    # From then on the page hears of what is pasted and dropped.
    expect(hana.composer).to_be_focused()
    return hana


def text(name: str = "recipe.txt", words: str = f"The cake is called {WORD}.") -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": words.encode()}


def picture(name: str = "roof.png", *, size: tuple[int, int] = (40, 30)) -> FilePayload:
    written = io.BytesIO()
    Image.new("RGB", size, (29, 106, 88)).save(written, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": written.getvalue()}


def choose(tab: Tab, *files: FilePayload) -> None:
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Attach files").click()
    chooser.value.set_files(list(files))


def chips(tab: Tab) -> Locator:
    return tab.page.get_by_role("list", name="Attached files").get_by_role("listitem")


def files(tab: Tab) -> Locator:
    return tab.page.get_by_role("list", name="Files of this question")


def is_read(tab: Tab, count: int = 1) -> None:
    ready = tab.page.locator(".chip[data-state=ready]")
    expect(ready).to_have_count(count, timeout=BACKGROUND_MS)


def pick(tab: Tab, model: str) -> None:
    tab.page.get_by_role("button", name=re.compile("^Model")).click()
    tab.page.get_by_role("option", name=re.compile(model)).click()


def hand_over(tab: Tab, event: str, *given: FilePayload, beside: str = "") -> None:
    """As the browser does it when somebody pastes or drags: an event with what she carries."""
    tab.page.evaluate(
        """([name, files, beside]) => {
            const carried = new DataTransfer();
            for (const [called, type, bytes] of files) {
                carried.items.add(new File([new Uint8Array(bytes)], called, {type}));
            }
            if (beside !== "") {
                carried.setData("text/plain", beside);
            }
            const all = {bubbles: true, cancelable: true};
            const event = name === "paste"
                ? new ClipboardEvent(name, {...all, clipboardData: carried})
                : new DragEvent(name, {...all, dataTransfer: carried});
            document.querySelector(".sheet textarea").dispatchEvent(event);
        }""",
        [
            event,
            [[each["name"], each["mimeType"], list(each["buffer"])] for each in given],
            beside,
        ],
    )


def test_a_document_is_read_and_its_question_answered_from_it(hana: Tab) -> None:
    choose(hana, text())
    is_read(hana)
    expect(chips(hana)).to_contain_text(re.compile(r"recipe\.txt.*TXT · about \d+ tokens", re.S))
    hana.page.get_by_role("button", name=re.compile("^Context")).click()
    expect(hana.page.get_by_role("region", name="Context")).to_contain_text("Your files, about")
    hana.page.keyboard.press("Escape")

    hana.ask("What is the cake called?")

    expect(chips(hana)).to_have_count(0)
    hana.is_in_state("done")
    expect(hana.answer).to_contain_text(WORD)
    hana.page.reload()
    with hana.page.expect_download() as download:
        files(hana).get_by_role("link", name=re.compile("^Download recipe.txt")).click()
    assert download.value.suggested_filename == "recipe.txt"
    assert Path(download.value.path()).read_bytes() == text()["buffer"]
    hana.nothing_ran()


def test_a_pasted_picture_is_shown_seen_by_the_model_and_enlarged(hana: Tab) -> None:
    pick(hana, "seeing:1b")
    hand_over(hana, "paste", picture("image.png"))
    is_read(hana)
    expect(chips(hana).get_by_role("img")).to_have_attribute(
        "alt", re.compile("^Pasted picture .*png$")
    )

    hana.ask("What is in it?")

    hana.is_in_state("done")
    expect(hana.answer).to_contain_text("[picture 40x30")
    shot = files(hana).get_by_role("button", name=re.compile("^Enlarge Pasted picture"))
    assert (
        shot.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 40
    )
    shot.click()
    dialog = hana.page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name=re.compile("^Pasted picture"))).to_be_visible()
    expect(dialog.get_by_role("link", name="Download")).to_be_visible()
    hana.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(shot).to_be_focused()
    hana.nothing_ran()


def test_cells_of_a_table_are_pasted_as_text(hana: Tab) -> None:
    hand_over(hana, "paste", picture("image.png"), beside="1\t2")

    # What follows would find a chip that had come meanwhile.
    choose(hana, text())
    expect(chips(hana)).to_have_count(1)
    expect(chips(hana)).to_contain_text("recipe.txt")


@pytest.mark.threat("D1")
def test_files_are_dropped_on_a_target_and_taken_out_by_keyboard(hana: Tab) -> None:
    hostile = text("<img src=x onerror=ran()>\u202egnp.txt")
    hand_over(hana, "dragenter", hostile)
    target = hana.page.get_by_text("Drop files here to ask about them")
    expect(target).to_be_visible()

    hand_over(hana, "drop", hostile, text("second.txt"))

    expect(target).to_have_count(0)
    is_read(hana, 2)
    expect(chips(hana).first).to_contain_text("<img src=x onerror=ran()>")
    chips(hana).first.get_by_role("button", name=re.compile("^Take out <img")).press("Enter")
    expect(chips(hana)).to_have_count(1)
    expect(hana.button("Take out second.txt")).to_be_focused()
    hana.page.keyboard.press("Enter")
    expect(chips(hana)).to_have_count(0)
    expect(hana.composer).to_be_focused()
    # In a question too its name is only a name.
    hand_over(hana, "drop", hostile)
    is_read(hana)
    hana.ask("What is the cake called?")
    hana.is_in_state("done")
    expect(files(hana)).to_contain_text("<img src=x onerror=ran()>")
    hana.nothing_ran()


def test_a_model_that_cannot_see_says_so_before_the_question_is_sent(hana: Tab) -> None:
    pick(hana, "other:1b")
    choose(hana, picture())
    hana.composer.fill("What is in it?")

    note = hana.page.get_by_text("other:1b cannot see pictures. Pick seeing:1b, or take them out.")
    expect(note).to_be_visible()
    expect(hana.button("Send")).to_be_disabled()
    expect(hana.button("Send")).to_have_accessible_description(re.compile("cannot see pictures"))
    hana.composer.press("Enter")
    expect(hana.composer).to_have_value("What is in it?")
    pick(hana, "seeing:1b")

    expect(note).to_have_count(0)
    expect(hana.button("Send")).to_be_enabled()


def test_what_cannot_be_read_says_why_and_is_not_left_out_in_silence(hana: Tab) -> None:
    choose(hana, {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 no"})
    hana.composer.fill("What does it say?")

    expect(chips(hana).get_by_role("alert")).to_be_visible(timeout=BACKGROUND_MS)
    expect(hana.page.get_by_text("Take out what could not be added")).to_be_visible()
    expect(hana.button("Send")).to_be_disabled()
    hana.button("Take out broken.pdf").click()

    expect(hana.button("Send")).to_be_enabled()


def test_a_document_longer_than_the_model_reads_is_marked_before_and_after(hana: Tab) -> None:
    choose(hana, text("long.txt", TOO_LONG))
    is_read(hana)
    expect(chips(hana)).to_contain_text("more than this model can read")
    expect(hana.page.get_by_text("Your files are probably longer")).to_be_visible()

    hana.ask("How many rows are there?")

    hana.is_in_state("done")
    note = hana.answer.get_by_role("note")
    expect(note).to_have_text(re.compile(r"did not fit whole: about [\d.]+% of them was read"))


def test_the_files_of_a_draft_are_there_after_a_reload_and_in_no_other_chat(hana: Tab) -> None:
    hana.ask("What is the capital of France?")
    hana.is_in_state("done")
    choose(hana, text())
    is_read(hana)

    hana.page.reload()

    is_read(hana)
    expect(chips(hana)).to_contain_text("recipe.txt")
    hana.button("New chat").click()
    expect(chips(hana)).to_have_count(0)


def test_a_question_asked_anew_keeps_its_files_and_may_leave_one(hana: Tab) -> None:
    choose(hana, text("first.txt"), text("second.txt", "The bread is called Pumpernickel."))
    is_read(hana, 2)
    hana.ask("Name both")
    hana.is_in_state("done")
    hana.page.locator(".turn").hover()
    hana.button("Edit question").click()

    hana.button("Take out second.txt").click()
    hana.page.get_by_role("textbox", name="Question in other words").fill("Name it again")
    hana.button("Ask again").click()

    expect(hana.page.locator(".question")).to_have_text(["Name it again"])
    expect(files(hana).get_by_role("listitem")).to_have_count(1)
    hana.is_in_state("done")
    expect(hana.answer).to_contain_text(WORD)
    expect(hana.answer).not_to_contain_text("Pumpernickel")
    hana.button("Earlier version").click()
    expect(files(hana).get_by_role("listitem")).to_have_count(2)


def test_a_question_that_waits_shows_its_files_and_brings_them_back(hana: Tab) -> None:
    hana.ask("Take your time")
    hana.is_in_state("writing")
    choose(hana, text())
    is_read(hana)

    hana.ask("And the cake?")

    waiting = hana.page.get_by_role("list", name="Questions that wait")
    expect(waiting).to_contain_text("recipe.txt")
    hana.button("Take back").click()
    expect(hana.composer).to_have_value("And the cake?")
    expect(chips(hana)).to_contain_text("recipe.txt")
    hana.button("Stop").click()
    hana.is_in_state("stopped")


def test_a_file_on_its_way_is_stopped_and_one_that_did_not_arrive_tried_again(hana: Tab) -> None:
    held: list[Route] = []
    hana.page.route("**/page/files/", lambda route: held.append(route))
    choose(hana, text("slow.txt"))
    hana.composer.fill("What does it say?")
    expect(hana.page.get_by_text("You can send as soon as all of it has arrived.")).to_be_visible()
    expect(hana.button("Send")).to_be_disabled()

    hana.button("Stop adding slow.txt").click()

    expect(chips(hana)).to_have_count(0)
    expect(hana.button("Send")).to_be_enabled()
    hana.page.unroute("**/page/files/")
    hana.page.route("**/page/files/", lambda route: route.abort())
    choose(hana, text("lost.txt"))
    expect(chips(hana)).to_contain_text("did not arrive")
    hana.page.unroute("**/page/files/")
    hana.button("Try lost.txt again").click()
    is_read(hana)


def test_a_file_that_broke_off_with_the_connection_arrives_with_the_next(hana: Tab) -> None:
    lines: list[WebSocketRoute] = []

    def pass_on(line: WebSocketRoute) -> None:
        line.connect_to_server()
        lines.append(line)

    hana.page.route_web_socket("**/ws/chat/", pass_on)
    hana.page.reload()
    expect(hana.page.get_by_role("button", name=re.compile("^Model: "))).to_be_visible()
    hana.page.route("**/page/files/", lambda route: route.abort())
    choose(hana, text("lost.txt"))
    expect(chips(hana)).to_contain_text("did not arrive")

    hana.page.unroute("**/page/files/")
    lines[-1].close(code=4000)

    is_read(hana)


def test_more_files_than_fit_are_not_taken_and_that_is_said(hana: Tab) -> None:
    choose(hana, *(text(f"{number}.txt") for number in range(11)))

    expect(chips(hana)).to_have_count(10)
    expect(hana.page.get_by_role("alert").first).to_contain_text("At most 10 files")
