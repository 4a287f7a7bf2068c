"""What the code of the catalogue may never do, whoever edits it next."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PORTAL = Path(__file__).parents[2] / "portal"


def _trees(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.threat("E2")
def test_nothing_in_the_catalogue_can_unpack_an_archive() -> None:
    archives = {"zipfile", "tarfile", "gzip", "bz2", "lzma", "zlib", "zipimport", "shutil"}
    for path, tree in _trees(PORTAL / "catalog"):
        assert not {name.split(".")[0] for name in _imported(tree)} & archives, path


@pytest.mark.threat("E22")
def test_nothing_in_the_catalogue_reads_pickles() -> None:
    for path, tree in _trees(PORTAL / "catalog"):
        assert not {name.split(".")[0] for name in _imported(tree)} & {
            "pickle",
            "marshal",
            "shelve",
            "diskcache",
        }, path


@pytest.mark.threat("E24")
def test_only_the_command_line_names_files_of_this_machine() -> None:
    """No request can: what takes a path is called from management commands and nowhere else."""
    for path, tree in _trees(PORTAL):
        if path.parent.name == "commands" or path.name == "actions.py":
            continue
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert "LocalFile" not in named, path
        assert "stage_file" not in named or path.name == "store.py", path
