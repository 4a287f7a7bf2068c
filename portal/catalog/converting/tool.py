"""Where the converter lies, if somebody has fetched it with `make converter`. Runs nothing."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

NOT_INSTALLED = _(
    "This portal cannot convert safetensors yet, so nothing was changed. Whoever runs it can add"
    " that with “make converter”; or bring the model as a GGUF."
)


def folder() -> Path:
    home: Path = settings.PORTAL.home
    return home / "converter"


def python() -> Path:
    """The interpreter that has the converter's packages, which the portal's own has not."""
    return folder() / "venv" / "bin" / "python"


def script() -> Path:
    return folder() / "llama.cpp" / "convert_hf_to_gguf.py"


def is_installed() -> bool:
    """Whether all of it is there: the last step of its set-up leaves this mark."""
    return (folder() / "done").is_file() and python().exists() and script().is_file()
