"""Named points do nothing, unless a test asked for it in the environment."""

import os
import subprocess
import sys

import pytest

from inference import faults


def test_in_production_a_named_point_does_nothing() -> None:
    assert "PORTAL_FAULTS" not in os.environ
    for point in faults.POINTS:
        for _ in range(3):
            faults.at(point)
    assert not faults._passed


def test_a_plan_names_point_occurrence_and_deed() -> None:
    plan = faults.parse("step.before:3:kill, piece.published:10:pause")

    assert [(one.point, one.occurrence, one.deed) for one in plan] == [
        ("step.before", 3, "kill"),
        ("piece.published", 10, "pause"),
    ]


@pytest.mark.parametrize("text", ["step.before", "elsewhere:1:kill", "step.before:x:kill", "a:b:c"])
def test_a_plan_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(faults.BadFaultPlan):
        faults.parse(text)


@pytest.mark.fault
@pytest.mark.parametrize(("deed", "status"), [("kill", -9), ("error", 1)])
def test_the_deed_is_done_at_that_occurrence_only(deed: str, status: int) -> None:
    code = "\n".join(
        [
            "import sys",
            "from inference import faults",
            "faults.at('step.after'); sys.stdout.write('1'); sys.stdout.flush()",
            "faults.at('step.after'); sys.stdout.write('2'); sys.stdout.flush()",
        ]
    )
    done = subprocess.run(  # noqa: S603 - ourselves, fixed arguments
        [sys.executable, "-c", code],
        env={**os.environ, "PORTAL_FAULTS": f"step.after:2:{deed}"},
        capture_output=True,
        check=False,
        timeout=100,
    )

    assert done.stdout == b"1"
    assert done.returncode == status
