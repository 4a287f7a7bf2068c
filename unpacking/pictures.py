"""A picture is drawn anew: its pixels, upright and no larger than models look, and nothing else of
its file (threat F23). In the child alone.
"""

import io
import struct
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from unpacking.said import KEPT_SIDE_PIXELS, Picture, PictureType, Unreadable

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
# Checked against the header, before a pixel is unpacked.
MAX_PIXELS = 50_000_000
MAX_SIDE_PIXELS = 20_000
# Letters on a screen stay sharp as PNG; a photograph would only be large.
_MAX_LOSSLESS_BYTES = 3 * 1024 * 1024
_QUALITY = 90


def read(data: bytes) -> Picture:
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # our own bound is lower, and has a word of its own
    try:
        return _drawn_anew(data)
    except (OSError, ValueError, SyntaxError, ArithmeticError, struct.error):
        raise Unreadable("broken") from None


def _drawn_anew(data: bytes) -> Picture:
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE_PIXELS:
            raise Unreadable("too-many-pixels")
        if width * height <= 0:
            raise UnidentifiedImageError
        was_photograph = picture.format == "JPEG"
        picture.draft("RGB", (KEPT_SIDE_PIXELS, KEPT_SIDE_PIXELS))
        upright = ImageOps.exif_transpose(picture)
        is_clear = "A" in upright.getbands() or "transparency" in upright.info
        flat = upright.convert("RGBA" if is_clear else "RGB")
    flat.thumbnail((KEPT_SIDE_PIXELS, KEPT_SIDE_PIXELS))
    # Into a new one: what the old one carried beside its pixels would be written along.
    bare = Image.new(flat.mode, flat.size)
    bare.paste(flat)
    return _packed(bare, was_photograph=was_photograph)


def _packed(picture: Image.Image, *, was_photograph: bool) -> Picture:
    if not was_photograph:
        lossless = _written(picture, "PNG")
        if len(lossless) <= _MAX_LOSSLESS_BYTES:
            return _said(picture, "image/png", lossless)
    if picture.mode == "RGBA":
        return _said(picture, "image/webp", _written(picture, "WEBP", quality=_QUALITY))
    return _said(picture, "image/jpeg", _written(picture, "JPEG", quality=_QUALITY))


def _written(picture: Image.Image, kind: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def _said(picture: Image.Image, media_type: PictureType, data: bytes) -> Picture:
    width, height = picture.size
    return Picture(media_type=media_type, width=width, height=height, data=data)
