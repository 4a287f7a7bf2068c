"""Tables and the blocks of `show`, to the blank as people know them. Pure: text out."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wcwidth import wcswidth

from cli import units

_GAP = "    "
_CELL_COLUMNS = 30
_TEXT_COLUMNS = 100
_SHOWN_LINES = 2
_LIST_COLUMNS = 10


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Left-aligned columns under a header; long cells go on in the next line."""
    wrapped = [[_wrapped(cell, _CELL_COLUMNS) for cell in row] for row in rows]
    widths = _widths([*([[name] for name in header],), *wrapped])
    lines = [
        _GAP.join(_padded(name, width) for name, width in zip(header, widths, strict=True)) + " "
    ]
    for row in wrapped:
        lines += _lines(row, widths)
    return "\n".join(lines) + "\n"


def block(title: str, rows: Iterable[Sequence[str]], *, columns: int = _CELL_COLUMNS) -> str:
    """One part of `show`: a title, its rows further in, and a blank line."""
    wrapped = [[_wrapped(cell, columns) for cell in row] for row in rows]
    widths = _widths(wrapped)
    lines = [f"{_GAP}{line}" for row in wrapped for line in _lines(row, widths[: len(row)])]
    return "\n".join([f"  {title}", *lines, ""]) + "\n"


def shown(info: Mapping[str, Any], *, is_verbose: bool = False) -> str:
    """Everything `show` says about a model, block after block."""
    blocks = [block("Model", _model_rows(info))]
    if capabilities := info.get("capabilities"):
        blocks.append(block("Capabilities", [[each] for each in capabilities]))
    if projector := info.get("projector_info"):
        blocks.append(block("Projector", _projector_rows(projector)))
    if parameters := info.get("parameters"):
        lines = [line for line in str(parameters).splitlines() if line.strip()]
        blocks.append(block("Parameters", _even(line.split(None, 1) for line in lines)))
    if is_verbose:
        blocks += _verbose_blocks(info)
    for title, field in (("System", "system"), ("License", "license")):
        if text := info.get(field):
            blocks.append(block(title, _beginning(str(text)), columns=_TEXT_COLUMNS))
    return "".join(blocks)


def _model_rows(info: Mapping[str, Any]) -> list[list[str]]:
    details, facts = info.get("details") or {}, info.get("model_info") or {}
    architecture = str(facts.get("general.architecture") or details.get("family") or "")
    count = facts.get("general.parameter_count")
    rows: list[tuple[str, Any]] = [
        ("Remote model", info.get("remote_model")),
        ("Remote URL", info.get("remote_host")),
        ("architecture", architecture),
        ("parameters", units.number(int(count)) if count else details.get("parameter_size")),
        ("context length", facts.get(f"{architecture}.context_length")),
        ("embedding length", facts.get(f"{architecture}.embedding_length")),
        ("quantization", details.get("quantization_level")),
        ("requires", info.get("requires")),
    ]
    return [[name, _plain(value)] for name, value in rows if value]


def _projector_rows(facts: Mapping[str, Any]) -> list[list[str]]:
    architecture = str(facts.get("general.architecture", ""))
    count = facts.get("general.parameter_count")
    rows: list[tuple[str, Any]] = [
        ("architecture", architecture),
        ("parameters", units.number(int(count)) if count else None),
        ("embedding length", facts.get(f"{architecture}.vision.embedding_length")),
        ("dimensions", facts.get(f"{architecture}.vision.projection_dim")),
    ]
    return [[name, _plain(value)] for name, value in rows if value]


def _verbose_blocks(info: Mapping[str, Any]) -> Iterable[str]:
    if facts := info.get("model_info"):
        yield block("Metadata", [[name, _fact(facts[name])] for name in sorted(facts)])
    if tensors := info.get("tensors"):
        rows = [
            [each["name"], each["type"], "[" + " ".join(map(str, each["shape"])) + "]"]
            for each in tensors
        ]
        yield block("Tensors", rows)


def _fact(value: object) -> str:
    if isinstance(value, list):
        return _cut([_fact(each) for each in value])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _scientific(float(value))
    return _plain(value)


def _scientific(value: float) -> str:
    """Go's `%g`: as few digits as tell it apart, with an exponent below 1e-4 and from 1e6."""
    digits = len(repr(value).replace("e", ".").replace("-", ".").replace("+", "."))
    shortest = next(
        text for count in range(1, 18) if float(text := f"{value:.{count - 1}e}") == value
    )
    exponent = int(shortest.partition("e")[2])
    return shortest if exponent < -4 or exponent >= 6 else f"{value:.{digits}g}"


def _cut(parts: list[str]) -> str:
    """`[a b c ...+128253 more]`: as much as about ten columns take."""
    taken, columns = 0, 0
    while taken < len(parts) and columns < _LIST_COLUMNS:
        columns += len(parts[taken]) + 1
        taken += 1
    left = len(parts) - taken
    return "[" + " ".join(parts[:taken]) + (f" ...+{left} more" if left else "") + "]"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _beginning(text: str) -> list[list[str]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown_lines = lines[:_SHOWN_LINES]
    return [[line] for line in [*shown_lines, *(["..."] if len(lines) > _SHOWN_LINES else [])]]


def _even(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    return [[*row, *([""] * (2 - len(row)))] for row in rows]


def _wrapped(cell: str, columns: int) -> list[str]:
    if wcswidth(cell) <= columns:
        return [cell]
    return textwrap.wrap(cell, columns, break_long_words=False, break_on_hyphens=False) or [""]


def _widths(rows: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    widths: list[int] = []
    for row in rows:
        for column, lines in enumerate(row):
            widest = max(max(0, wcswidth(line)) for line in lines)
            if column == len(widths):
                widths.append(0)
            widths[column] = max(widths[column], widest)
    return widths


def _lines(row: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterable[str]:
    for line in range(max(len(cell) for cell in row)):
        cells = [cell[line] if line < len(cell) else "" for cell in row]
        yield "".join(
            _padded(cell, width) + _GAP for cell, width in zip(cells, widths, strict=True)
        )


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - max(0, wcswidth(text)))
