"""Somebody's terminal, and conversations that are typed into it. Not for what should be said."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from portal.ops.parts import ROOT

RECORDINGS = ROOT / "test-results" / "terminal"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r")
HALF_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*)?\Z")
PATIENCE_SECONDS = 60.0
CTRL_C, CTRL_D = b"\x03", b"\x04"
# Only a prompt that reads keys says this: `>>> ` alone is drawn once more when a line is done.
PROMPT = ">>> Send a message (/? for help)"


@dataclass
class Shell:
    """An address, a key, a home."""

    address: str
    key: str
    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PORTAL_HOST": self.address,
            "PORTAL_KEY": self.key,
            "TERM": "xterm",
            # Nobody answers where the cursor is.
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "LANG": "C.UTF-8",
            **self.more,
        }


class Terminal:
    """A conversation in a terminal of its own: types, and waits for what should appear."""

    def __init__(self, shell: Shell, *words: str, is_deaf: bool = False) -> None:
        """`is_deaf`: begun as a shell begins what runs in its background, without Ctrl-C."""

        def own() -> None:
            """What is on standard input is the terminal of this session: Ctrl-C is for it."""
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            # Whoever runs the tests may be deaf itself, and that is inherited.
            signal.signal(signal.SIGINT, signal.SIG_IGN if is_deaf else signal.SIG_DFL)

        self._ours, theirs = pty.openpty()
        self._running = subprocess.Popen(  # noqa: S603 - our own command, fixed words
            [sys.executable, "-m", "cli.main", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=shell.environment,
            start_new_session=True,
            preexec_fn=own,
        )
        os.close(theirs)
        self._raw = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._half = ""  # the beginning of an escape, whose end is still to come
        self._unseen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.kill()
        self._running.wait()
        os.close(self._ours)

    def sees(self, words: str) -> str:
        """Waits until these words have appeared since the last look. What came before them."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        looked_at = 0
        while (at := self._unseen.find(words, looked_at)) < 0:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} did not come: {self._unseen!r}"
            looked_at = max(0, len(self._unseen) - len(words))
            if select.select([self._ours], [], [], left)[0]:
                self._read()
        before, self._unseen = self._unseen[:at], self._unseen[at + len(words) :]
        return before

    def types(self, line: str, *, at: str = PROMPT) -> None:
        self.sees(at)
        os.write(self._ours, f"{line}\r".encode())

    def presses(self, key: bytes) -> None:
        os.write(self._ours, key)

    def is_left_by_the_prompt(self) -> None:
        """Waits until Ctrl-C is a signal again, not a key."""
        while not termios.tcgetattr(self._ours)[3] & termios.ISIG:
            os.sched_yield()

    def ends(self) -> int:
        while self._read():
            pass
        return self._running.wait(timeout=PATIENCE_SECONDS)

    def keep(self, name: str) -> None:
        """What was to be seen, byte for byte, for whoever wants to see it: `cat` shows it."""
        RECORDINGS.mkdir(parents=True, exist_ok=True)
        (RECORDINGS / name).write_bytes(self._raw)

    def _read(self) -> bytes:
        """What came; what of it people see is added to the unseen."""
        try:
            came = os.read(self._ours, 65_536)
        except OSError:  # the other end is gone
            return b""
        self._raw += came
        text = self._half + self._decoder.decode(came)
        half = HALF_ESCAPE.search(text)
        whole = text[: half.start()] if half else text
        self._half = text[len(whole) :]
        self._unseen += ESCAPES.sub("", whole)
        return came
