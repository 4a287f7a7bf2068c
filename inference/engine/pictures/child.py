"""The process a stranger's picture is unpacked in: file bytes in, pixels out, dies past its limits.

Never imported by the engine: `reading.py` starts it. Not for what a model makes of pixels.
"""

import io
import struct
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from inference.engine.limited import serve

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
CPU_SECONDS = 5.0
_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
# Checked against the header, before a pixel is unpacked (threat F23).
MAX_PIXELS = 50_000_000
MAX_SIDE_PIXELS = 20_000
# No projector looks closer; what is larger is only slower.
KEPT_SIDE_PIXELS = 2_048
_SIZE = struct.Struct(">II")


def main() -> None:
    warnings.simplefilter("ignore")  # our own bound on pixels is lower than the library's
    for name in FORMATS:  # every decoder is imported while files may still be opened
        _warm_up(name)
    serve(_answer, cpu_seconds=CPU_SECONDS, memory_bytes=_MEMORY_BYTES)


def _answer(data: bytes) -> bytes:
    """Width, height and RGB rows from the top; nothing at all for what is no picture."""
    try:
        pixels = _unpacked(data)
    except (OSError, ValueError, SyntaxError, ArithmeticError, MemoryError, struct.error):
        return b""
    return _SIZE.pack(*pixels.size) + pixels.tobytes()


def _unpacked(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        width, height = picture.size
        if not 0 < width * height <= MAX_PIXELS or max(width, height) > MAX_SIDE_PIXELS:
            raise UnidentifiedImageError
        picture.draft("RGB", (KEPT_SIDE_PIXELS, KEPT_SIDE_PIXELS))
        upright = ImageOps.exif_transpose(picture)
        if "A" in upright.getbands() or "transparency" in upright.info:
            seen = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        flat = upright.convert("RGB")
        flat.thumbnail((KEPT_SIDE_PIXELS, KEPT_SIDE_PIXELS))
        return flat


def _warm_up(name: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, name)
    _answer(buffer.getvalue())
