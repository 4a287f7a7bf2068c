"""What a file is, by its first bytes alone. A name proves nothing, and is not asked."""

from typing import Literal

Kind = Literal["picture", "pdf", "zip", "ole", "text"]

# So much of a file is enough to tell.
HEAD_BYTES = 1_024
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)
_ZIP, _OLE, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-"
_BMP_HEADER_BYTES = 26


def kind_of(head: bytes) -> Kind:
    """Of a file that begins so. What is nothing else may still be no text."""
    if picture_type(head):
        return "picture"
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_OLE):
        return "ole"
    # Readers forgive what stands before the mark, so people have such files.
    return "pdf" if _PDF in head[:HEAD_BYTES] else "text"


def picture_type(head: bytes) -> str:
    """Its media type; empty for what is no picture that can be read here."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    found = next((kind for mark, kind in _PICTURES if head.startswith(mark)), "")
    # Two letters are few: a text may begin with them.
    is_letters = found == "image/bmp" and head[6:10] != b"\0\0\0\0"
    return "" if is_letters or (found == "image/bmp" and len(head) < _BMP_HEADER_BYTES) else found


def media_type_of(head: bytes) -> str:
    """As far as the first bytes tell."""
    kind = kind_of(head)
    if kind == "picture":
        return picture_type(head)
    return {"pdf": "application/pdf", "text": "text/plain"}.get(kind, "application/octet-stream")
