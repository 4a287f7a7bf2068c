"""The yardstick is the locked version and nothing else."""

import pytest

from bench.ours import twin
from bench.peer import locked_requirement
from setup.commands import SetupFailed

LOCK = """\
lxml==6.0 \\
    --hash=sha256:aaaa
    # via something
llama-cpp-python==0.3.36 \\
    --hash=sha256:bbbb \\
    --hash=sha256:cccc
    # via portal
markupsafe==3.0 \\
    --hash=sha256:dddd
"""


def test_the_sources_are_asked_for_with_the_version_and_hashes_of_the_lock():
    wanted = "llama-cpp-python==0.3.36 \\\n    --hash=sha256:bbbb \\\n    --hash=sha256:cccc\n"

    assert locked_requirement(LOCK) == wanted


def test_a_lock_without_the_package_is_said_plainly():
    with pytest.raises(SetupFailed, match="not in the lock"):
        locked_requirement("lxml==6.0\n")


def test_a_twin_differs_in_one_letter_of_its_name(tmp_path):
    name = b"general.name" + b"\x08\0\0\0" + b"\x05\0\0\0\0\0\0\0" + b"Abcde"
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF" + name + b"weights")

    made = twin(model, tmp_path).read_bytes()

    assert made == model.read_bytes().replace(b"Abcde", b"abcde")
