"""A worker in a container, or under a service manager, keeps within what that gives it."""

from pathlib import Path

import psutil
import pytest

from inference import quotas
from inference.engine import cores

GIB = 1024**3
NEWER, OLDER = "0::", "4:memory:"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "groups"


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_o_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="ascii")


def inside(tmp_path: Path, *lines: str) -> Path:
    own = tmp_path / "cgroup"
    own.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return own


@pytest.mark.parametrize(
    ("line", "file", "text"),
    [
        ("0::/", "memory_o_max", f"{GIB}"),
        ("0::/work.slice/portal.service", "work.slice__portal.service__memory_o_max", f"{GIB}"),
        ("0::/work.slice/portal.service", "work.slice__memory_o_max", f"{GIB}"),
        ("0::/../../seen/from/without", "memory_o_max", f"{GIB}"),
        ("4:memory:/docker/abc", "memory__docker__abc__memory_o_limit_in_bytes", f"{GIB}"),
        ("4:memory:/docker/abc", "memory__memory_o_limit_in_bytes", f"{GIB}"),
    ],
)
def test_memory_is_bounded_by_the_narrowest_group_around_the_worker(
    tmp_path: Path, root: Path, line: str, file: str, text: str
) -> None:
    own = inside(tmp_path, "9:name=systemd:/", line)
    write(root, **{"max__memory_o_max": "max", file: text})

    assert quotas.memory_bytes(own=own, root=root) == GIB


@pytest.mark.parametrize("text", ["max", "9223372036854771712", "", "nonsense"])
def test_where_no_group_is_bound_it_is_all_of_the_machine(
    tmp_path: Path, root: Path, text: str
) -> None:
    write(root, memory_o_max=text, memory__memory_o_limit_in_bytes=text)
    whole = psutil.virtual_memory().total

    for own in (inside(tmp_path, "4:memory:/", "0::/"), tmp_path / "no such file"):
        assert quotas.memory_bytes(own=own, root=root) == whole
        assert quotas.processors(own=own, root=root) is None


@pytest.mark.parametrize(
    ("line", "texts", "processors"),
    [
        ("0::/a/b", {"a__cpu_o_max": "150000 100000", "a__b__cpu_o_max": "max 100000"}, 1.5),
        ("0::/", {"cpu_o_max": "max 100000"}, None),
        (
            "3:cpu,cpuacct:/a",
            {"cpu__a__cpu_o_cfs_quota_us": "50000", "cpu__a__cpu_o_cfs_period_us": "100000"},
            0.5,
        ),
        (
            "3:cpu,cpuacct:/a",
            {"cpu__a__cpu_o_cfs_quota_us": "-1", "cpu__a__cpu_o_cfs_period_us": "100000"},
            None,
        ),
    ],
)
def test_processor_time_is_that_of_the_narrowest_group(
    tmp_path: Path, root: Path, line: str, texts: dict[str, str], processors: float | None
) -> None:
    write(root, **texts)

    assert quotas.processors(own=inside(tmp_path, line), root=root) == processors


@pytest.mark.parametrize(("given", "threads"), [(None, 8), (0.5, 1), (2.9, 2), (64.0, 8)])
def test_no_more_threads_compute_than_processors_are_given(
    monkeypatch: pytest.MonkeyPatch, given: float | None, threads: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16 if logical else 8)
    monkeypatch.setattr(quotas, "processors", lambda: given)

    assert cores.physical_cores() == threads
