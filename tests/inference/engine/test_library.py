"""The native library in a process of its own, which it may end. Not for what it computes."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ABORTS = (
    "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"
    "from inference.engine.llama.library import ggml; ggml.ggml_abort(b'here', 1, b'it ends')"
)


@pytest.mark.threat("F1")
@pytest.mark.threat("F21")
def test_a_library_that_aborts_calls_no_debugger_to_print_what_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for debugger in ("gdb", "lldb"):
        tool = tmp_path / debugger
        tool.write_text(f"#!/bin/sh\n: > {tmp_path}/was-called\n", encoding="utf-8")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("GGML_NO_BACKTRACE", raising=False)

    status, said = asyncio.run(_run(ABORTS))

    assert status == -signal.SIGABRT
    assert "it ends" in said
    assert not (tmp_path / "was-called").exists()


async def _run(code: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    return process.returncode, said.decode(errors="replace")
