"""A pull killed at any named point goes on, and what was noted is not fetched again."""

import hashlib
import multiprocessing
import signal

import pytest

from portal.catalog.registry import ledger
from portal.catalog.registry.ledger import Shape
from tests.catalog.registry import killable
from tests.catalog.registry.conftest import CHUNK_BYTES, ignored

WEIGHTS = hashlib.shake_256(b"8").digest(8 * CHUNK_BYTES)
CHUNK_POINTS = ("chunk.written", "chunk.synced", "chunk.noted")


@pytest.mark.fault
@pytest.mark.threat("E10")
@pytest.mark.parametrize("point", CHUNK_POINTS)
def test_a_pull_killed_between_its_chunks_goes_on(registry, lying, folder, point):
    name = lying.add_model("small", WEIGHTS)
    layer = lying.add(WEIGHTS)
    # The second time it gets there, so that something is noted whatever the point.
    orders = f"{point}:2:kill"
    child = multiprocessing.get_context("spawn").Process(
        target=killable.pull, args=(orders, name, layer, folder, CHUNK_BYTES)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    noted = ledger.read(Shape(layer.digest, len(WEIGHTS), CHUNK_BYTES), folder=folder)
    assert len(noted) * CHUNK_BYTES == registry.kept_bytes(layer, into=folder) > 0
    lying.seen.clear()

    staged = registry.fetch(name, layer, into=folder, told=ignored)

    assert staged.path.read_bytes() == WEIGHTS
    # Not how often: what the dead one asked for last may only be answered now.
    begins = (each.range.removeprefix("bytes=").partition("-")[0] for each in lying.seen)
    assert {int(begin) // CHUNK_BYTES for begin in begins} == set(range(8)) - noted
