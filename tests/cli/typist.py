"""Commands that are run in this process: the same words, without the second that Python takes to
start. Not for conversations: those need a terminal.
"""

import io
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from cli import arguments
from cli.commands import portal
from tests.cli.terminal import Shell


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class _Piped(io.StringIO):
    def isatty(self) -> bool:
        return False


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Typist(Shell):
    """Somebody at her shell. Nothing of this process's own variables is around her."""

    def __init__(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        super().__init__(shell.address, shell.key, shell.home)
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        # The portal's settings, which the suite loads, would have each request told on stderr.
        monkeypatch.setattr(logging.getLogger("httpx"), "disabled", True)

    def types(
        self, *words: str, piped: str | None = None, more: Mapping[str, str] | None = None
    ) -> Done:
        """`piped` is what comes in through a pipe; without one nothing does."""
        with self._monkeypatch.context() as during:
            for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "OLLAMA_NOHISTORY"):
                during.delenv(name, raising=False)
            for name, value in {**self.environment, **(more or {}), "COLUMNS": "80"}.items():
                during.setenv(name, value)
            during.chdir(self.home)
            during.setattr(sys, "stdin", _Terminal() if piped is None else _Piped(piped))
            code = arguments.run(portal, words)
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

    def says(self, *words: str, piped: str | None = None) -> str:
        done = self.types(*words, piped=piped)
        assert done.code == 0, done.err
        return done.out

    def is_refused(self, *words: str) -> str:
        done = self.types(*words)
        assert done.code == 1
        return done.err
