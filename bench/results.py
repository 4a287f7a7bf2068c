"""RESULTS.md and its parts: who measures one thing leaves what was measured of another alone."""

import re
from pathlib import Path

# The part without a mark: where the file begins.
FIRST = "engine"
_MARK = re.compile(r"^<!-- part: (\w+) -->\n", re.MULTILINE)


def put(path: Path, *, part: str, text: str) -> None:
    """Replaces this part, and keeps the others as they stand."""
    parts = {**read(path), part: text.strip()}
    first = parts.pop(FIRST, "")
    others = [f"<!-- part: {name} -->\n{words}" for name, words in sorted(parts.items())]
    path.write_text("\n\n".join(filter(None, [first, *others])) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    first, *rest = _MARK.split(path.read_text(encoding="utf-8"))
    named = {FIRST: first, **dict(zip(rest[::2], rest[1::2], strict=True))}
    return {name: words.strip() for name, words in named.items() if words.strip()}
