"""What the process that makes files smaller may not do: anything but write the one it was told."""

import json
import os
import subprocess
import sys
from pathlib import Path

ATTEMPTS = """
import json, os, socket, subprocess, sys
from pathlib import Path
from inference import confinement, walls

home = Path(os.environ["PLACE"])
standing = walls.leave_network()
confinement.limit_trial(data_bytes=2**30, address_bytes=2**40, cpu_seconds=60, file_bytes=1000)
standing += walls.put_up(
    readable=[home / "weights", *map(Path, (sys.prefix, sys.base_prefix))],
    writable=home / "target",
)
done = []

def attempt(name, act):
    try:
        act()
    except (OSError, subprocess.SubprocessError):
        return
    done.append(name)

attempt("write the target", lambda: (home / "target").write_bytes(b"x" * 1000))
attempt("write more than it may", lambda: (home / "target").write_bytes(b"x" * 1001))
attempt("program", lambda: subprocess.run(["/bin/true"], check=True))
attempt("remove the weights", (home / "weights").unlink)
attempt("connect", lambda: socket.create_connection(("127.0.0.1", 9), timeout=5))
if "landlock" in standing:
    attempt("new file", lambda: (home / "new").write_bytes(b"x"))
    attempt("change the weights", lambda: (home / "weights").open("r+b"))
    attempt("read a secret", lambda: (home / "secret").read_bytes())
print(json.dumps(done))
"""


def test_the_process_that_writes_one_file_can_do_nothing_else(tmp_path: Path) -> None:
    for name in ("weights", "target", "secret"):
        (tmp_path / name).write_bytes(b"1")

    said = subprocess.run(
        [sys.executable, "-"],
        input=ATTEMPTS.encode(),
        check=True,
        stdout=subprocess.PIPE,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PLACE": str(tmp_path)},
    ).stdout

    assert json.loads(said) == ["write the target"]
    assert (tmp_path / "weights").read_bytes() == b"1"
