"""Files that people attach, made as their programs make them; and such as nobody's program makes.

PDFs are written by hand, so that the suite needs nothing that writes them.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import docx
import pptx
import xlsxwriter
from PIL import Image

CHINESE = "季度报告：收入增长了百分之十二。"


def picture(
    kind: str = "PNG", *, size: tuple[int, int] = (40, 30), color: str = "red", **how: Any
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind, **how)
    return buffer.getvalue()


def photograph_with_place() -> bytes:
    """A JPEG that says where it was taken, and lies on its side."""
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif[0x0112] = 6
    return picture("JPEG", size=(40, 20), exif=exif)


def see_through() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def gigapixels() -> bytes:
    """A PNG of 60,000 by 60,000 in a few bytes."""
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
        + _chunk(b"IEND", b"")
    )


def pdf(*pages: str) -> bytes:
    """One line of letters a page; any script, by the map that a PDF may carry for readers."""
    letters = sorted({letter for page in pages for letter in page})
    codes = {letter: number for number, letter in enumerate(letters, start=1)}
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (7 + 2 * at) for at in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Anything /Encoding /Identity-H"
        b" /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Anything /DW 1000 /CIDSystemInfo"
        b" << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor 6 0 R >>",
        _stream(_unicode_map(codes)),
        b"<< /Type /FontDescriptor /FontName /Anything /Flags 4 /FontBBox [0 0 1000 1000]"
        b" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>",
    ]
    for at, page in enumerate(pages):
        shown = "".join(f"{codes[letter]:04x}" for letter in page)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
            b" /Resources << /Font << /F 3 0 R >> >> >>" % (8 + 2 * at)
        )
        objects.append(_stream(f"BT /F 12 Tf 20 700 Td <{shown}> Tj ET".encode()))
    return _pdf_of(objects)


def pdf_with_a_password() -> bytes:
    """It asks for one, and no password is right."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 0 /Kids [] >>",
        b"<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%s> /U <%s> >>"
        % (b"5a" * 32, b"a5" * 32),
    ]
    return _pdf_of(objects, trailer=b"/Encrypt 3 0 R /ID [<00> <00>]")


def pdf_of_pages(count: int) -> bytes:
    """So many pages, all of them the same one."""
    kids = b" ".join([b"3 0 R"] * count)
    return _pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids),
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] >>",
        ]
    )


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Plans", level=1)
    document.add_paragraph("We open in March.")
    document.add_paragraph(CHINESE, style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for at, words in enumerate(("name", "rows", "one\nline", "7")):
        table.cell(at // 2, at % 2).text = words
    document.add_paragraph("The end.")
    return _saved(document)


def slides() -> bytes:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Where we stand"
    slide.placeholders[1].text = "Twelve people"
    slide.notes_slide.notes_text_frame.text = "Smile here"
    table = show.slides.add_slide(show.slide_layouts[6]).shapes.add_table(1, 2, 0, 0, 100, 100)
    for at, words in enumerate(("left", CHINESE)):
        table.table.cell(0, at).text = words
    return _saved(show)


def workbook(cells: Mapping[str, object] | None = None) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("Sales")
    for place, value in (cells or {"A1": "who", "B1": "how many", "A2": CHINESE, "B2": 3}).items():
        sheet.write(place, value)
    book.add_worksheet("Empty")
    book.close()
    return buffer.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """An Office file with one of its parts replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", 8) as new:
        for part in old.namelist():
            new.writestr(part, content if part == name else old.read(part))
    return buffer.getvalue()


@cache
def swollen() -> bytes:
    """A Word document of some kilobytes that unpacks to 64 million blanks."""
    return with_part(word(), "word/document.xml", b" " * 64_000_000)


def lying_about_its_size() -> bytes:
    """As `swollen`, and it says that it were small."""
    real, told = struct.pack("<I", 64_000_000), struct.pack("<I", 1_000)
    return swollen().replace(real, told)


def laughing() -> bytes:
    """XML whose names stand for other names, nine times over."""
    names = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10 if at else "lol"}">' for at in range(10))
    body = (
        f"<?xml version='1.0'?><!DOCTYPE w [{names}]>"
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p></w:body></w:document>"
    )
    return with_part(word(), "word/document.xml", body.encode())


def old_word() -> bytes:
    return _container("WordDocument")


def office_with_a_password() -> bytes:
    return _container("EncryptedPackage")


def _container(stream: str) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0")
    return head + stream.encode("utf-16-le").ljust(512, b"\0")


def _saved(made: Any) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _unicode_map(codes: Mapping[str, int]) -> bytes:
    lines = "\n".join(
        f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items()
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Anything def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{lines}\nendbfchar\nendcmap end end"
    ).encode()


def _pdf_of(objects: Sequence[bytes], *, trailer: bytes = b"") -> bytes:
    data = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(objects) + 1, trailer)
    return bytes(data + b"startxref\n%d\n%%%%EOF\n" % start)
