"""What is installed is what was locked (threat J2)."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.threat("J2")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_carries_its_hashes(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())

    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry, re.ASCII), entry[:60]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:60]


@pytest.mark.threat("J2")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_a_registry(lock: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", lock.read_text())


@pytest.mark.threat("J2")
def test_the_front_ends_lock_carries_hashes_and_no_registry() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    for name, package in packages.items():
        if not name or package.get("link"):
            continue
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
