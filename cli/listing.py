"""The tables of `list` and `ps`. Not for how a table looks."""

from datetime import UTC, datetime

from cli import tables, units
from cli.server import Server

_ID_LETTERS = 12


def models(server: Server, *, prefix: str = "") -> str:
    """Those whose name begins with the prefix, in whatever case."""
    now = datetime.now(UTC)
    rows = [
        (
            model["name"],
            model["digest"][:_ID_LETTERS],
            "-" if model.get("remote_model") else units.size(model["size"]),
            units.ago(datetime.fromisoformat(model["modified_at"]), now=now),
        )
        for model in server.models()
        if model["name"].lower().startswith(prefix.lower())
    ]
    return tables.table(("NAME", "ID", "SIZE", "MODIFIED"), rows)


def loaded(server: Server, *, prefix: str = "") -> str:
    """Those whose name begins with the prefix, in just this case."""
    now = datetime.now(UTC)
    rows = [
        (
            model["name"],
            model["digest"][:_ID_LETTERS],
            units.size(model["size"]),
            _processor(model["size"], model.get("size_vram") or 0),
            str(model.get("context_length") or ""),
            _until(datetime.fromisoformat(model["expires_at"]), now=now),
        )
        for model in server.loaded()
        if model["name"].startswith(prefix)
    ]
    return tables.table(("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"), rows)


def _processor(size_bytes: int, gpu_bytes: int) -> str:
    if gpu_bytes == 0:
        return "100% CPU"
    if gpu_bytes == size_bytes:
        return "100% GPU"
    if gpu_bytes > size_bytes or size_bytes == 0:
        return "Unknown"
    share = round((size_bytes - gpu_bytes) / size_bytes * 100)
    return f"{share}%/{100 - share}% CPU/GPU"


def _until(moment: datetime, *, now: datetime) -> str:
    return "Stopping..." if moment < now else units.ago(moment, now=now)
