"""Paths of pictures and sounds that people write into a prompt. Not for looking at them."""

import re
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 100 * 1024 * 1024
_ENDINGS = ("jpg", "jpeg", "png", "webp", "wav")
# From a slash, `./`, a backslash or a drive up to the ending; blanks may be escaped or plain.
_PATH = re.compile(r"(?:[a-zA-Z]:)?(?:\./|/|\\)[\S\\ ]+?\.(?i:" + "|".join(_ENDINGS) + r")\b")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class NotAPicture(ValueError):
    """A file that was named cannot be sent. The message says why."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The text without the paths, the files' bytes, and what to tell of each."""

    text: str
    images: tuple[bytes, ...]
    told: tuple[str, ...]


def taken_from(text: str) -> Taken:
    """What is not a file that exists stays in the text."""
    images, told = [], []
    for written in _PATH.findall(text):
        path = Path(_unescaped(written)).expanduser()
        if not path.is_file():
            continue
        data = _read(path)
        kind = "audio" if path.suffix.lower() == ".wav" else "image"
        images.append(data)
        told.append(f"Added {kind} '{path}'")
        text = text.replace(f"'{written}'", "").replace(written, "")
    return Taken(text.strip() if images else text, tuple(images), tuple(told))


def is_path(text: str) -> bool:
    """Whether a line that looks like a command is rather a picture that exists."""
    found = _PATH.match(text)
    return found is not None and Path(_unescaped(found.group())).expanduser().is_file()


def _unescaped(path: str) -> str:
    return re.sub(r"\\([ ()\[\]{}$&;'\\*?~])", r"\1", path)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NotAPicture(f"{path} is larger than 100 MB")
        data = path.read_bytes()
    except OSError as error:
        raise NotAPicture(f"{path} cannot be read: {error.strerror}") from None
    is_riff = data[:4] == b"RIFF" and data[8:12] in (b"WEBP", b"WAVE")
    if not (data.startswith(_MAGIC) or is_riff):
        raise NotAPicture(f"{path} is not a JPEG, PNG, WebP or WAV file")
    return data
