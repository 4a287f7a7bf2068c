"""The repository's own files, as the laws read them. Not a test."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from portal.ops.parts import ROOT

PROGRAMS = (
    *("portal", "inference", "gguffile", "gotext", "modelfile", "unpacking", "cli"),
    *("setup", "bench"),
)
OURS = (*PROGRAMS, "tests", "static/src", "templates", "deploy", "docs", ".ci")


def sources(*folders: str, endings: Iterable[str] = (".py",)) -> list[Path]:
    """Files below these folders, relative to the root, without migrations and caches."""
    wanted = tuple(endings)
    return sorted(
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.name.endswith(wanted)
        and path.is_file()
        and not {"migrations", "__pycache__", "node_modules"} & set(path.parts)
    )


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(text(path))


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules a file imports, wherever in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def first_column(markdown: str) -> list[list[str]]:
    """The rows of every table of a page, cell by cell."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith("|") and not set(line) <= set("|-: ")
    ]
