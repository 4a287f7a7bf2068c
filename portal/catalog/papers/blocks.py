"""One model for a terminal: the blocks of `ollama show`. Not for finding out: showing.py does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from portal.catalog.making.printing import parameters_text
from portal.catalog.papers.details import human_count
from portal.catalog.papers.showing import Shown
from portal.catalog.papers.tables import block, first_lines

PAPER_CHARS = 100
_LIST_CHARS = 10


def blocks_of(found: Shown, *, is_verbose: bool = False) -> str:
    """Every block that has something to say, each with its title."""
    return "".join(_blocks(found, is_verbose=is_verbose))


def _blocks(found: Shown, *, is_verbose: bool) -> Iterator[str]:
    yield block("Model", _model(found))
    yield block("Capabilities", [[each] for each in found.model.capabilities])
    yield block("Projector", _projector(found.projector_info))
    parameters = parameters_text(found.papers.parameters).splitlines()
    yield block("Parameters", [line.split() for line in parameters])
    if is_verbose:
        yield block("Metadata", [[key, _value(value)] for key, value in sorted(found.info.items())])
        yield block(
            "Tensors",
            [[each.name, each.type_name, _list(each.shape)] for each in found.tensors],
        )
    yield block("System", first_lines(found.papers.system), cell_chars=PAPER_CHARS)
    yield block("License", first_lines("\n".join(found.papers.licenses)), cell_chars=PAPER_CHARS)


def _model(found: Shown) -> list[list[str]]:
    others, info, model = found.config.others, found.info, found.model
    architecture = str(info.get("general.architecture") or model.family)
    count = info.get("general.parameter_count")
    rows = [
        ["Remote model", others.get("remote_model", "")],
        ["Remote URL", others.get("remote_host", "")],
        ["architecture", architecture],
        ["parameters", human_count(count) if count else model.parameter_size],
        ["context length", _number(model.context_length)],
        ["embedding length", _number(model.embedding_length)],
        ["quantization", model.quantization],
        ["requires", found.papers.requires],
    ]
    return [row for row in rows if row[1]]


def _projector(info: Mapping[str, Any]) -> list[list[str]]:
    if not info:
        return []
    architecture = str(info.get("general.architecture", ""))
    rows = [
        ["architecture", architecture],
        ["parameters", human_count(int(info["general.parameter_count"]))],
        ["embedding length", _number(info.get(f"{architecture}.vision.embedding_length"))],
        ["dimensions", _number(info.get(f"{architecture}.vision.projection_dim"))],
    ]
    return [row for row in rows if row[1]]


def _number(value: object) -> str:
    return str(value) if value and isinstance(value, int) else ""


def _value(value: object) -> str:
    if value is None:
        return "[...]"
    if isinstance(value, list):
        return _cut(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _cut(values: Sequence[object]) -> str:
    """As many as fit into a few columns, and how many more there are."""
    shown: list[str] = []
    for value in values:
        if sum(map(len, shown)) + len(shown) + len(str(value)) > _LIST_CHARS:
            break
        shown.append(str(value))
    more = len(values) - len(shown)
    return f"[{' '.join([*shown, f'...+{more} more'] if more else shown)}]"


def _list(values: Sequence[int]) -> str:
    return f"[{' '.join(map(str, values))}]"
