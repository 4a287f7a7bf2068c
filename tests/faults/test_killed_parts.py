"""Kill each part of a running portal: nothing acknowledged is lost or doubled."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.fault


@pytest.mark.threat("F4")
@pytest.mark.threat("G4")
@pytest.mark.threat("H7")
@pytest.mark.timeout(420)
@pytest.mark.parametrize("seed", [1, 2])
def test_killing_each_part_loses_and_doubles_nothing(seed: int) -> None:
    campaign = subprocess.run(  # noqa: S603 - our own module, a number
        [sys.executable, "-m", "tests.faults.campaign", "--seed", str(seed)],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert "nothing lost, nothing doubled" in campaign.stdout
