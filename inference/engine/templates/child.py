"""The process a model's template runs in: renders what comes on its input, dies past its limits.

Not for trusted templates, and never imported by the engine: `sandbox.py` starts it.
"""

import json
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO

from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

CPU_SECONDS = 0.4
_MEMORY_BYTES = 1024 * 1024 * 1024
_LENGTH = struct.Struct(">Q")
# Uses every part of jinja that is imported late, since the limits below end all opening of files.
_WARM_UP = """{% macro m(x) %}{{ x | tojson }}{% endmacro %}{% set n = namespace(a='') %}
{% for message in messages %}{% if loop.first and message.role == 'user' %}{{ m(message.content) }}
{% continue %}{% endif %}{% endfor %}{{ strftime_now('%d %B %Y') ~ 'x' | upper }}"""


def main() -> None:
    source, template = _WARM_UP, ChatTemplate(_WARM_UP)
    template.render([{"role": "user", "content": "x"}], bos_text="", eos_text="", now=0.0)
    _limit()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    _write(answers, {"text": ""})
    while (job := _read(requests)) is not None:
        # The default action of SIGPROF ends the process, even inside one long operation of C code.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            if job["source"] != source:
                template = ChatTemplate(job["source"])
                source = job["source"]
            answer = {
                "text": template.render(
                    job["messages"],
                    bos_text=job["bos_text"],
                    eos_text=job["eos_text"],
                    now=job["now"],
                )
            }
        except TemplateRefused as refusal:
            answer = {"refused": str(refusal)}
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(answers, answer)


def _limit() -> None:
    """From here on: no new files or sockets, no children, no core file, bounded memory."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    loaded: dict[str, Any] = json.loads(stream.read(length))
    return loaded


def _write(stream: BinaryIO, answer: dict[str, str]) -> None:
    data = json.dumps(answer, ensure_ascii=False).encode("utf-8", errors="replace")
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


if __name__ == "__main__":
    main()
