"""Strangers' pictures are unpacked where they harm nobody, or refused (threat F23)."""

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference.engine.pictures import child
from inference.engine.pictures.reading import BadPicture, PictureReader

pytestmark = pytest.mark.threat("F23")


@pytest.fixture(scope="module")
def reader():
    reader = PictureReader()
    yield reader
    reader.close()


def encoded(name: str, *, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red").save(buffer, name)
    return buffer.getvalue()


def png_that_promises(width: int, height: int) -> bytes:
    """A few bytes whose header names any size, with pixels that unpack without end."""

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 2_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


@pytest.mark.parametrize("name", child.FORMATS)
def test_the_usual_formats_are_unpacked_to_rows_of_pixels(reader, name):
    picture = reader.read(encoded(name))

    red, green, blue = picture.pixels[:3]
    assert (picture.width, picture.height) == (6, 4)
    assert len(picture.pixels) == 6 * 4 * 3
    assert red > 240
    assert max(green, blue) < 15


def test_what_shines_through_is_seen_on_white(reader):
    buffer = io.BytesIO()
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(buffer, "PNG")

    assert reader.read(buffer.getvalue()).pixels[:3] == b"\xff\xff\xff"


def test_a_photograph_taken_sideways_stands_upright(reader):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 4)).save(buffer, "JPEG", exif=exif)

    picture = reader.read(buffer.getvalue())

    assert (picture.width, picture.height) == (4, 6)


def test_a_large_picture_becomes_as_large_as_a_model_looks(reader):
    picture = reader.read(encoded("PNG", size=(5_000, 1_000)))

    assert (picture.width, picture.height) == (child.KEPT_SIDE_PIXELS, 410)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture",
        b"http://127.0.0.1/cat.png",
        b"file:///etc/passwd",
        encoded("PNG")[: len(encoded("PNG")) // 2],
        encoded("JPEG")[: len(encoded("JPEG")) // 2],
        encoded("TIFF"),
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1/"/></svg>',
        png_that_promises(60_000, 60_000),
        png_that_promises(2**31 - 1, 1),
        png_that_promises(0, 5),
        png_that_promises(7_000, 7_000),
        b"GIF89a" + b"\xff" * 100,
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 40,
    ],
    ids=range(14),
)
def test_what_is_no_picture_or_too_large_a_one_is_refused(reader, data):
    with pytest.raises(BadPicture):
        reader.read(data)


def test_a_picture_that_kills_the_child_is_refused_and_the_next_is_read(reader):
    reader.read(encoded("PNG"))
    reader._child._child.kill()

    with contextlib.suppress(BadPicture):
        reader.read(encoded("PNG"))

    assert reader.read(encoded("PNG")).width == 6


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(child.FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8),
    kept=st.floats(0.2, 1.0),
)
def test_damaged_pictures_are_read_or_refused_and_nothing_else_happens(reader, name, changes, kept):
    data = bytearray(encoded(name, size=(20, 20)))
    for place, value in changes:
        data[place % len(data)] = value

    try:
        picture = reader.read(bytes(data[: int(len(data) * kept)]))
    except BadPicture:
        return

    assert len(picture.pixels) == picture.width * picture.height * 3
    assert picture.width * picture.height <= child.KEPT_SIDE_PIXELS**2
