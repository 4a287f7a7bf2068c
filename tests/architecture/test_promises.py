"""Exceptions to the rules carry their reason; threat rows are real; nothing points outside."""

import re
import subprocess
from pathlib import Path

import pytest

from portal.ops.parts import ROOT
from setup import lock
from tests.architecture.code import OURS, PROGRAMS, sources, text

PYTHON = sources(*PROGRAMS, "tests")
EXCEPTION = re.compile(r"#\s*(type: ignore|noqa|pragma: no cover)(.*)$")
GOOD_EXCEPTION = re.compile(
    r"#\s*(?:type: ignore\[[\w, -]+\]|noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|pragma: no cover)"
    r"\s*(?:#|-|–).{8,}"
)
# This number only goes down.
MOST_EXCEPTIONS = 119

# How many rows each section of the threats page has.
ROWS = {"A": 16, "B": 16, "C": 21, "D": 10, "E": 24, "F": 25, "G": 12, "H": 15, "I": 6, "J": 11}
STARRED = [
    "A7",
    "B1",
    "B2",
    "B14",
    "C9",
    "D1",
    "E9",
    "E17",
    "E18",
    "E19",
    "F1",
    "F4",
    "F17",
    "G4",
    "H5",
]

# Sections of which every row has its test.
WHOLE = [f"E{number}" for number in range(1, ROWS["E"] + 1)]

# Written in two halves, or this file would be its own finding.
ELSEWHERE = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/user", "../sha" + "red", "tmp/bo" + "ot"]
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted",
    "registry.npm" + "js",
    "registry.npm" + "mirror",
]


def exceptions() -> list[tuple[Path, str]]:
    return [
        (path, line.strip())
        for path in PYTHON
        if path != Path("tests/architecture/test_promises.py")
        for line in text(path).splitlines()
        if EXCEPTION.search(line)
    ]


def test_every_exception_names_its_rule_and_its_reason():
    assert not [(path, line) for path, line in exceptions() if not GOOD_EXCEPTION.search(line)]


def test_there_are_not_more_exceptions_than_before():
    assert len(exceptions()) <= MOST_EXCEPTIONS


def marked() -> set[str]:
    return {
        row
        for path in sources("tests")
        for found in re.findall(r"threat\(([^)]*)\)", text(path))
        for row in re.findall(r"[\"']([A-Z]\d+)[\"']", found)
    }


def test_every_marked_row_is_on_the_threats_page():
    assert not [row for row in marked() if not 1 <= int(row[1:]) <= ROWS.get(row[0], 0)]


@pytest.mark.parametrize("row", [*STARRED, *WHOLE])
def test_the_worst_threats_and_those_of_models_have_a_test(row):
    assert row in marked()


def tracked() -> list[Path]:
    """Files that are, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git is wherever the developer has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    return [Path(name) for name in listed if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[Path, str]:
    found = {}
    for path in tracked() or sources(*OURS, endings=("",)):
        try:
            found[path] = text(path)
        except UnicodeDecodeError:
            continue
    return found


@pytest.mark.parametrize("place", ELSEWHERE)
def test_nothing_points_to_one_machine(texts, place):
    assert not [path for path, content in texts.items() if place in content]


@pytest.mark.parametrize("host", REGISTRIES)
def test_nothing_names_a_package_registry(texts, host):
    assert not [path for path, content in texts.items() if host in content]


@pytest.mark.threat("J5")
def test_there_is_no_secret_in_the_repository(texts):
    secret = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bpk_[A-Za-z0-9_-]{43}\b")

    assert not [path for path, content in texts.items() if secret.search(content)]


@pytest.mark.threat("J2")
@pytest.mark.parametrize("name", ["run", "dev", "build", "starter", "uv", "node"])
def test_every_lock_carries_hashes_and_no_address(name):
    assert not lock.faults(ROOT / "requirements" / f"{name}.txt")


@pytest.mark.threat("J2")
@pytest.mark.parametrize("lock", ["package-lock.json", "tests/clients/package-lock.json"])
def test_every_lock_for_node_carries_hashes_and_no_address(lock):
    content = text(Path(lock))

    assert '"resolved"' not in content
    assert content.count('"integrity"') > 10
