"""Office files are archives: looked over before anything of them is unpacked. In the child."""

import io
import zipfile
from collections.abc import Sequence
from typing import Literal

from unpacking.said import Unreadable

MAX_PARTS = 20_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
# Text in marks shrinks to a tenth; what shrinks a hundred times as much was made to.
MAX_RATIO = 200
_SMALL_BYTES = 4 * 1024 * 1024
_IS_ENCRYPTED = 0x1

Office = Literal["word", "slides", "sheets"]
# What stands in an archive of each kind; the last is of OpenDocument.
_HEARTS: Sequence[tuple[str, Office]] = (
    ("word/document.xml", "word"),
    ("ppt/presentation.xml", "slides"),
    ("xl/workbook.xml", "sheets"),
    ("xl/workbook.bin", "sheets"),
)
_SHEETS_MIMETYPE = b"application/vnd.oasis.opendocument.spreadsheet"


def office_of(data: bytes) -> Office:
    """Which kind it is. Raises `Unreadable` for a bomb, and for an archive of anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            _must_be_sane(parts)
            names = {part.filename.lstrip("/") for part in parts}
            return _office(archive, names)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        raise Unreadable("broken") from None


def _must_be_sane(parts: Sequence[zipfile.ZipInfo]) -> None:
    """What it says of itself; the child's limits hold for archives that lie."""
    if any(part.flag_bits & _IS_ENCRYPTED for part in parts):
        raise Unreadable("protected")
    is_swollen = len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > (
        MAX_UNPACKED_BYTES
    )
    if is_swollen or any(_is_bomb(part) for part in parts):
        raise Unreadable("swollen")


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    is_small = part.file_size <= _SMALL_BYTES
    return not is_small and part.file_size > MAX_RATIO * max(part.compress_size, 1)


def _office(archive: zipfile.ZipFile, names: set[str]) -> Office:
    found = next((office for heart, office in _HEARTS if heart in names), None)
    if found is not None:
        return found
    if "mimetype" in names and archive.read("mimetype")[:100].strip() == _SHEETS_MIMETYPE:
        return "sheets"
    raise Unreadable("unknown")
