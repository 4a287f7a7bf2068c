"""The text of a PDF, page by page, by the library that browsers use. In the child alone."""

import pypdfium2
from pypdfium2 import raw

from unpacking.letters import Gathering
from unpacking.said import MAX_PAGES, Text, Unreadable


def read(data: bytes) -> Text:
    document = _opened(data)
    if len(document) > MAX_PAGES:
        raise Unreadable("too-many-pages")
    gathered = Gathering()
    has_letters = False
    for number in range(len(document)):
        words = _words_on(document, number)
        has_letters = has_letters or bool(words)
        gathered.add(f"[Page {number + 1}]\n{words}\n")
    if not has_letters:
        raise Unreadable("no-text")
    return Text(media_type="application/pdf", text=gathered.text())


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise Unreadable("protected" if error.err_code in locked else "broken") from None


def _words_on(document: pypdfium2.PdfDocument, number: int) -> str:
    """One page that cannot be read leaves the others."""
    try:
        page = document[number]
        try:
            letters = page.get_textpage()
            try:
                return str(letters.get_text_bounded()).strip()
            finally:
                letters.close()
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        return ""
