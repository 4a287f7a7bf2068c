"""Accelerators are asked for in a process of their own, whatever happens to it."""

import os
import sys

import msgspec
import pytest

from inference import devices
from inference.devices import Device

TWO = (
    Device(name="CUDA0", free_bytes=8, total_bytes=9),
    Device(name="MTL0", free_bytes=8, total_bytes=9, is_shared=True),
)


def test_what_the_child_says_is_what_it_found() -> None:
    assert devices.decode(msgspec.json.encode(TWO)) == TWO


def test_this_machine_can_be_asked() -> None:
    for device in devices.ask(os.environ):
        assert device.name
        assert 0 <= device.free_bytes <= device.total_bytes


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere", "/bin/echo"])
def test_a_child_that_says_nothing_useful_means_no_accelerator(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)

    assert devices.ask({}) == ()
