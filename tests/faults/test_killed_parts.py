"""Break a running portal: nothing acknowledged is lost or doubled. `make faults` does more."""

import subprocess
import sys

import pytest

from tests.faults import deeds
from tests.faults.whole import PARTS

pytestmark = pytest.mark.fault


def survives(*arguments: str) -> None:
    campaign = subprocess.run(  # noqa: S603 - our own module, and words of this file
        [sys.executable, "-m", "tests.faults.campaign", *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )

    assert campaign.returncode == 0, campaign.stdout + campaign.stderr
    assert "nothing lost, nothing doubled" in campaign.stdout


@pytest.mark.threat("F4")
@pytest.mark.threat("G4")
@pytest.mark.threat("H7")
@pytest.mark.timeout(520)
def test_killing_each_part_loses_and_doubles_nothing() -> None:
    survives("--seed", "1", "--deeds", *PARTS)


@pytest.mark.threat("F17")
@pytest.mark.threat("G4")
@pytest.mark.timeout(520)
def test_a_runner_paused_past_its_lease_and_an_emptied_redis_lose_and_double_nothing() -> None:
    survives("--seed", "2", "--deeds", "pause:runner", "empty", "--answers", "10")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web", "kill web"),
        ("kill:valkey+web", "kill valkey+web"),
        ("pause:runner", "pause runner"),
        ("empty", "empty valkey"),
    ],
)
def test_a_deed_is_written_in_a_word(text: str, shown: str) -> None:
    assert str(deeds.parse(text)) == shown


@pytest.mark.parametrize("text", ["", "nobody", "burn:web", "web+", "empty:"])
def test_what_is_no_deed_is_refused(text: str) -> None:
    with pytest.raises(deeds.NoDeed):
        deeds.parse(text)
