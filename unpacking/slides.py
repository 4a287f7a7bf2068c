"""The text of a presentation: slide by slide, with tables and notes. In the child alone."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pptx

from unpacking.letters import Gathering
from unpacking.said import MAX_PAGES, Text, Unreadable

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_MAX_DEPTH = 8


def read(data: bytes) -> Text:
    slides = pptx.Presentation(io.BytesIO(data)).slides
    if len(slides) > MAX_PAGES:
        raise Unreadable("too-many-pages")
    gathered = Gathering()
    has_letters = False
    for number, slide in enumerate(slides, start=1):
        lines = [line for line in _lines(slide.shapes, depth=0) if line.strip()]
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            lines.append(f"(Notes) {notes.text}")
        has_letters = has_letters or bool(lines)
        gathered.add("\n".join([f"[Slide {number}]", *lines, ""]))
    if not has_letters:
        raise Unreadable("no-text")
    return Text(media_type=MEDIA_TYPE, text=gathered.text())


def _lines(shapes: Iterable[Any], *, depth: int) -> Iterator[str]:
    """Their classes differ, and say by flags what they have."""
    for shape in shapes:
        if shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False):
            for row in shape.table.rows:
                yield f"| {' | '.join(' '.join(cell.text.split()) for cell in row.cells)} |"
        elif hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            yield from _lines(shape.shapes, depth=depth + 1)
