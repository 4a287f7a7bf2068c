"""Strangers' files, each through the real child: what they say, and how hostile ones end."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image

from portal.files.opening import opened
from tests.doubles import papers
from unpacking import kinds
from unpacking.said import KEPT_SIDE_PIXELS, NotSaid, Picture, Refused, Said, Text, decode, encode

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's own")


@pytest.fixture
def said_of(tmp_path: Path) -> Callable[[bytes], Said]:
    def said(data: bytes) -> Said:
        path = tmp_path / "file"
        path.write_bytes(data)
        return opened(path)

    return said


def text_of(said: Said) -> str:
    assert isinstance(said, Text), said
    return said.text


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(
            lambda: papers.pdf("First page", papers.CHINESE),
            ["[Page 1]", "First page", "[Page 2]", papers.CHINESE],
            id="PDF",
        ),
        pytest.param(
            papers.word,
            [
                "# Plans",
                "We open in March.",
                f"- {papers.CHINESE}",
                "| name | rows |",
                "| one line | 7 |",
                "The end.",
            ],
            id="Word",
        ),
        pytest.param(
            papers.slides,
            [
                "[Slide 1]",
                "Where we stand",
                "Twelve people",
                "(Notes) Smile here",
                "[Slide 2]",
                f"| left | {papers.CHINESE} |",
            ],
            id="PowerPoint",
        ),
        pytest.param(
            papers.workbook,
            ["[Sheet Sales]", "who,how many", f"{papers.CHINESE},3", "[Sheet Empty]"],
            id="Excel",
        ),
    ],
)
def test_a_document_is_read_whole_and_in_its_order(
    said_of: Callable[[bytes], Said], data: Callable[[], bytes], lines: list[str]
) -> None:
    read = [line for line in text_of(said_of(data())).splitlines() if line]

    assert read == lines


def test_values_of_a_table_are_told_as_people_write_them(
    said_of: Callable[[bytes], Said],
) -> None:
    cells = {"A1": 1.0, "B1": 2.5, "C1": True, "D1": "a, b", "A3": "two\nlines"}

    assert text_of(said_of(papers.workbook(cells))).splitlines()[1:3] == [
        '1,2.5,TRUE,"a, b"',
        "two lines",
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"def f():\n\treturn 1\n", "def f():\n\treturn 1"),
        ("\ufeffname;sum\r\nü;1\r\n".encode(), "name;sum\nü;1"),
        (papers.CHINESE.encode("utf-16"), papers.CHINESE),
        ((papers.CHINESE * 20).encode("gb18030"), papers.CHINESE * 20),
        (b"<h1>Hello</h1><script>x</script>", "<h1>Hello</h1><script>x</script>"),
    ],
)
def test_text_is_read_in_whatever_it_was_written(
    said_of: Callable[[bytes], Said], data: bytes, text: str
) -> None:
    assert text_of(said_of(data)) == text


@pytest.mark.threat("H13")
def test_nothing_that_no_database_takes_comes_out_of_a_file(
    said_of: Callable[[bytes], Said],
) -> None:
    text = text_of(
        said_of(b"a line of words, and another one\n" * 50 + b"and one\x1b with \x01 more")
    )

    assert not [char for char in text if char < " " and char not in "\t\n"]


@pytest.mark.threat("F23")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_picture_is_drawn_anew(said_of: Callable[[bytes], Said], kind: str) -> None:
    hidden = b"<script>alert(1)</script>PK\x03\x04"

    said = said_of(papers.picture(kind) + hidden)

    assert isinstance(said, Picture)
    assert (said.width, said.height) == (40, 30)
    assert b"script" not in said.data
    with Image.open(io.BytesIO(said.data)) as drawn:
        assert drawn.size == (40, 30)
        assert Image.MIME[drawn.format or ""] == said.media_type


@pytest.mark.threat("F23")
def test_a_photograph_loses_what_it_says_of_place_and_camera_and_stands_upright(
    said_of: Callable[[bytes], Said],
) -> None:
    said = said_of(papers.photograph_with_place())

    assert isinstance(said, Picture)
    assert b"SecretCamera" not in said.data
    assert (said.width, said.height) == (20, 40)


def test_a_large_picture_becomes_as_large_as_models_look(
    said_of: Callable[[bytes], Said],
) -> None:
    said = said_of(papers.picture("JPEG", size=(4_096, 1_024)))

    assert isinstance(said, Picture)
    assert (said.width, said.height) == (KEPT_SIDE_PIXELS, 512)


def test_what_can_be_seen_through_stays_so(said_of: Callable[[bytes], Said]) -> None:
    said = said_of(papers.see_through())

    assert isinstance(said, Picture)
    with Image.open(io.BytesIO(said.data)) as drawn:
        assert drawn.convert("RGBA").getchannel("A").getextrema() == (0, 0)


@pytest.mark.threat("F23")
@pytest.mark.threat("E6")
@pytest.mark.parametrize(
    ("data", "problems"),
    [
        pytest.param(papers.gigapixels, {"too-many-pixels"}, id="a picture bomb"),
        pytest.param(lambda: papers.picture("JPEG")[:200], {"broken"}, id="a cut picture"),
        pytest.param(papers.swollen, {"swollen"}, id="an archive that swells"),
        pytest.param(
            papers.lying_about_its_size,
            {"broken", "swollen", "limits"},
            id="one that lies about it",
        ),
        pytest.param(papers.laughing, {"broken", "no-text"}, id="XML that multiplies"),
        pytest.param(lambda: papers.pdf_of_pages(100_000), {"too-many-pages"}, id="100,000 pages"),
        pytest.param(lambda: papers.pdf_of_pages(3), {"no-text"}, id="a scan"),
        pytest.param(papers.pdf_with_a_password, {"protected"}, id="a PDF behind a password"),
        pytest.param(papers.office_with_a_password, {"protected"}, id="Word behind a password"),
        pytest.param(papers.old_word, {"old-office"}, id="Word of before 2007"),
        pytest.param(lambda: papers.word()[:2_000], {"broken"}, id="a cut document"),
        pytest.param(lambda: b"%PDF-1.7 and nothing", {"broken"}, id="a PDF of nothing"),
        pytest.param(lambda: bytes(range(256)) * 40, {"unknown"}, id="bytes of nothing known"),
        pytest.param(lambda: b" \n\n", {"no-text"}, id="blanks"),
        pytest.param(lambda: b"word " * 500_000, {"too-long"}, id="more text than is read"),
        pytest.param(
            lambda: papers.workbook({"A1": 1, "XFD1048576": 1}),
            {"limits", "broken"},
            id="a sheet of seventeen thousand million cells",
        ),
    ],
)
def test_a_hostile_file_ends_in_a_word_of_refusal(
    said_of: Callable[[bytes], Said], data: Callable[[], bytes], problems: set[str]
) -> None:
    said = said_of(data())

    assert isinstance(said, Refused)
    assert said.problem in problems


@pytest.mark.threat("F23")
def test_a_child_that_dies_or_hangs_is_a_refusal_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(papers.word())

    starved = opened(path, data_bytes=16 * 1024 * 1024)

    assert isinstance(starved, Refused)
    assert opened(path, wall_seconds=0.0) == Refused(problem="limits")
    assert isinstance(opened(path), Text)


@ON_LINUX
@pytest.mark.threat("F23")
def test_the_child_stands_behind_the_walls_of_a_trial(said_of: Callable[[bytes], Said]) -> None:
    said = said_of(b"hello")

    assert isinstance(said, Text)
    # The others may be forbidden in a container; this one stands nearly everywhere.
    assert "seccomp" in said.walls


def test_no_child_and_no_open_file_is_left_behind(said_of: Callable[[bytes], Said]) -> None:
    me = psutil.Process()
    said_of(b"the first one opens what stays open")
    before = me.num_fds()

    for data in (b"hello", papers.gigapixels()):
        said_of(data)

    assert me.num_fds() <= before
    assert not [child for child in me.children() if "unpacking" in child.cmdline()]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{}",
        b'{"said":"text","media_type":"text/html; charset=x","text":"a"}',
        b'{"said":"picture","media_type":"image/svg+xml","width":1,"height":1,"data":"AA=="}',
        b'{"said":"picture","media_type":"image/png","width":1,"height":99999,"data":"AA=="}',
        b'{"said":"refused","problem":"because"}',
        b'{"said":"text","media_type":"text/plain","text":"a","more":1}',
        b'{"said":"text","media_type":"text/plain","text":"\xff"}',
    ],
)
def test_what_the_child_may_not_say_is_not_heard(said: bytes) -> None:
    with pytest.raises(NotSaid):
        decode(said)


def test_what_it_says_comes_back_as_it_was_said() -> None:
    for said in (
        Text(media_type="text/plain", text="a\n中"),
        Picture(media_type="image/png", width=1, height=2, data=b"\x89PNG"),
        Refused(problem="broken"),
    ):
        assert decode(encode(said)) == said


@pytest.mark.threat("D10")
def test_the_bytes_say_what_a_file_is() -> None:
    assert kinds.kind_of(papers.picture("PNG")) == "picture"
    assert kinds.kind_of(papers.picture("BMP")) == "picture"
    assert kinds.kind_of(b"BMW and other words that begin so") == "text"
    assert kinds.kind_of(b"\n\n%PDF-1.4") == "pdf"
    assert kinds.kind_of(b"<svg xmlns=...>") == "text"
    assert kinds.media_type_of(papers.picture("JPEG")) == "image/jpeg"
