"""Published clients for Node are fetched once, and may be missing where nobody insists."""

from pathlib import Path
from typing import Any

import pytest

from setup import client_packages, front_end
from setup.commands import SetupFailed
from setup.screen import Screen
from setup.stamps import Stamps


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What npm was asked. It fails for as long as there is no file `online`."""
    commands: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    client_packages.FOLDER.mkdir(parents=True)
    for path in client_packages.INPUTS:
        path.write_text("{}")

    def run(command: list[str], **_: Any) -> None:
        commands.append(command)
        if not Path("online").exists():
            raise SetupFailed("Fetching failed.")
        (client_packages.FOLDER / "node_modules").mkdir(exist_ok=True)

    monkeypatch.setattr(client_packages, "run", run)
    monkeypatch.setattr(front_end, "find_node", lambda _: (Path("/bin/node"), ["npm"]))
    monkeypatch.delenv("CI", raising=False)
    return commands


def fetch(tmp_path: Path) -> None:
    client_packages.fetch(stamps=Stamps(tmp_path / "stamps"), screen=Screen())


def test_they_are_fetched_once_for_a_lock(asked: list[list[str]], tmp_path: Path) -> None:
    Path("online").touch()
    for _ in range(2):
        fetch(tmp_path)
    assert len(asked) == 1
    assert asked[0][:4] == ["npm", "ci", "--prefix", "tests/clients"]

    client_packages.INPUTS[0].write_text('{"lockfileVersion": 3}')
    fetch(tmp_path)

    assert len(asked) == 2


def test_without_a_network_the_suite_goes_on_and_says_what_is_left_out(
    asked: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(tmp_path)

    assert "The tests with clients for Node are left out" in capsys.readouterr().out
    Path("online").touch()
    fetch(tmp_path)
    assert len(asked) == 2


def test_where_nothing_may_be_left_out_it_is_an_error(
    asked: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(SetupFailed):
        fetch(tmp_path)
