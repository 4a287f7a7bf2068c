"""What the code of the catalogue may never do, whoever edits it next."""

import ast
import re
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


@pytest.mark.threat("E12")
def test_room_is_never_taken_by_writing_it() -> None:
    """Where the disk cannot promise room, that call writes every block of a file, lock held."""
    for path, tree in _trees(PORTAL):
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "posix_fallocate" not in named, path


@pytest.mark.threat("E22")
def test_nothing_of_ours_reads_pickles_or_the_disk_cache_of_the_engines_package() -> None:
    """Not in the catalogue alone: wherever a folder's files are read. Two names would do it by
    themselves, so they may not even be said."""
    pickles = {"pickle", "marshal", "shelve", "diskcache", "dill", "cloudpickle", "joblib"}
    caches = {"LlamaDiskCache", "LlamaCache", "llama_cache"}
    for folder in ("portal", "inference", "gguffile", "gotext", "cli"):
        for path, tree in _trees(PORTAL.parent / folder):
            assert not {name.split(".")[0] for name in _imported(tree)} & pickles, path
            named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            named |= {part for name in _imported(tree) for part in name.split(".")}
            assert not named & caches, path


@pytest.mark.threat("E22")
def test_the_advisory_that_has_no_fix_is_accepted_in_writing() -> None:
    """`diskcache` comes with the engine's package; the page says why it stays, and since when."""
    lock = (PORTAL.parent / "requirements" / "run.txt").read_text()
    accepted = (PORTAL.parent / "SECURITY.md").read_text()

    row = next(line for line in accepted.splitlines() if "CVE-2025-69872" in line)
    assert "diskcache" in lock, "it is gone: take the row out of SECURITY.md, and this test"
    assert "diskcache" in row
    assert re.search(r"20\d\d-\d\d-\d\d", row)


@pytest.mark.threat("E24")
def test_only_the_command_line_names_files_of_this_machine() -> None:
    """No request can: what takes a path is called from management commands, and from the job whose
    files are those that lie in one folder of the operator's, by name."""
    may = ("actions.py", "incoming.py", "taking_in.py")
    for path, tree in _trees(PORTAL):
        if path.parent.name == "commands" or path.name in may:
            continue
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        named |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert "LocalFile" not in named, path
        assert "stage_file" not in named or path.name in ("store.py", "staging.py"), path
