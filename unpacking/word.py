"""The text of a Word document: headings, paragraphs and tables in order. In the child."""

import io
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

from unpacking.letters import Gathering
from unpacking.said import Text, Unreadable

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_MAX_DEPTH = 8


def read(data: bytes) -> Text:
    document = docx.Document(io.BytesIO(data))
    gathered = Gathering()
    for line in _lines(document, depth=0):
        gathered.add(line)
    text = gathered.text()
    if not text.strip():
        raise Unreadable("no-text")
    return Text(media_type=MEDIA_TYPE, text=text)


def _lines(container: Document | _Cell, *, depth: int) -> Iterator[str]:
    for item in container.iter_inner_content():
        if isinstance(item, Paragraph):
            yield _paragraph(item)
        elif depth < _MAX_DEPTH:
            yield from _rows(item, depth=depth + 1)


def _paragraph(paragraph: Paragraph) -> str:
    name = (paragraph.style.name if paragraph.style else "") or ""
    if name.startswith("Heading ") and name[8:].isdigit():
        return f"\n{'#' * min(int(name[8:]), 6)} {paragraph.text}"
    return f"- {paragraph.text}" if name.startswith("List") else paragraph.text


def _rows(table: Table, *, depth: int) -> Iterator[str]:
    yield ""
    for row in table.rows:
        cells = []
        last = None
        for cell in row.cells:
            if cell._tc is not last:  # one that spans several columns is told of in each
                cells.append(" ".join("\n".join(_lines(cell, depth=depth)).split()))
            last = cell._tc
        yield f"| {' | '.join(cells)} |"
    yield ""
