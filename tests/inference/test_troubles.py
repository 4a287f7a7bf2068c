"""What does not load is not tried for ever, and what crashes is not restarted in a frenzy."""

from pathlib import Path

import pytest

from inference import settings
from inference.protocol import ModelSpec
from inference.troubles import BLOCKED_SECONDS, KILLS_FORGIVEN, Troubles


@pytest.fixture
def blob(tmp_path: Path, spec: ModelSpec) -> Path:
    path = tmp_path / "blobs" / f"sha256-{spec.weights}"
    path.parent.mkdir()
    path.write_bytes(b"GGUF")
    return path


@pytest.fixture
def troubles(tmp_path: Path, blob: Path) -> Troubles:
    return Troubles(settings.read({"OLLAMA_MODELS": str(tmp_path)}))


def test_a_model_is_given_up_after_two_failed_loads_for_five_minutes(
    troubles: Troubles, spec: ModelSpec
) -> None:
    troubles.note_failed_load(spec, now=10, reason="Unloadable")
    assert troubles.why_not(spec.queue, spec=spec, now=11) == ""

    troubles.note_failed_load(spec, now=12, reason="Unloadable")

    assert troubles.why_not(spec.queue, spec=spec, now=13) == "Unloadable"
    assert troubles.why_not(spec.queue, spec=spec, now=12 + BLOCKED_SECONDS) == ""


@pytest.mark.threat("F1")
def test_who_is_killed_while_it_loads_is_loaded_again_but_not_for_ever(
    troubles: Troubles, spec: ModelSpec
) -> None:
    """An impatient hand, or a guard against full memory that the kernel does not count."""
    blocked = []
    for _ in range(KILLS_FORGIVEN + 2):
        troubles.note_failed_load(spec, now=10, reason="SIGKILL", how="killed")
        blocked.append(troubles.why_not(spec.queue, spec=spec, now=11))
        assert troubles.may_try(spec.queue, now=11)

    assert blocked == [*[""] * (KILLS_FORGIVEN + 1), "SIGKILL"]
    troubles.note_loaded(spec.queue)
    troubles.note_failed_load(spec, now=1_000, reason="SIGKILL", how="killed")
    assert troubles.why_not(spec.queue, spec=spec, now=1_001) == ""


def test_another_file_in_its_place_is_tried_at_once(
    troubles: Troubles, spec: ModelSpec, blob: Path
) -> None:
    for _ in range(2):
        troubles.note_failed_load(spec, now=10, reason="Unloadable")
    blob.write_bytes(b"GGUF and more")

    assert troubles.why_not(spec.queue, spec=spec, now=11) == ""


def test_a_failure_long_ago_does_not_count_after_a_good_load(
    troubles: Troubles, spec: ModelSpec
) -> None:
    troubles.note_failed_load(spec, now=10, reason="Unloadable")
    troubles.note_loaded(spec.queue)
    troubles.note_failed_load(spec, now=20, reason="Unloadable")

    assert troubles.why_not(spec.queue, spec=spec, now=21) == ""


@pytest.mark.threat("E17")
def test_a_model_that_ends_its_loader_is_loaded_for_one_answer_at_a_time_the_second_time(
    troubles: Troubles, spec: ModelSpec
) -> None:
    """And the other way again when that was no better: it may be another library by then."""
    alone = [troubles.is_alone(spec.queue)]
    for _ in range(2):
        troubles.note_failed_load(spec, now=10, reason="SIGABRT")
        alone.append(troubles.is_alone(spec.queue))

    assert alone == [False, True, False]


@pytest.mark.parametrize("reason", ["SIGKILL", "Unloadable", "LoadingStoodStill"])
def test_what_failed_for_another_reason_is_loaded_as_ever(
    troubles: Troubles, spec: ModelSpec, reason: str
) -> None:
    troubles.note_failed_load(spec, now=10, reason=reason)

    assert not troubles.is_alone(spec.queue)


def test_what_only_loads_alone_is_loaded_so_from_then_on(
    troubles: Troubles, spec: ModelSpec
) -> None:
    troubles.note_failed_load(spec, now=10, reason="SIGABRT")
    troubles.note_loaded(spec.queue)

    assert troubles.is_alone(spec.queue)


def test_an_absent_file_and_an_unreadable_spec_are_known_without_trying(
    troubles: Troubles, spec: ModelSpec, blob: Path
) -> None:
    blob.unlink()

    assert troubles.why_not(spec.queue, spec=spec, now=1) == "no such blob"
    assert troubles.why_not("q", spec=None, now=1) == "spec unreadable"


def test_people_who_keep_asking_are_told_again_every_few_seconds(
    troubles: Troubles, spec: ModelSpec
) -> None:
    told = [troubles.is_report_due(spec.queue, now=now) for now in (0, 1, 4.9, 5, 6, 10)]

    assert told == [True, False, False, True, False, True]


@pytest.mark.threat("F1")
def test_restarts_after_crashes_are_immediate_first_and_then_slower_but_never_rare(
    troubles: Troubles, spec: ModelSpec
) -> None:
    pauses = []
    for n in range(12):
        now = n * 1_000.0
        troubles.note_crash(spec, now=now, lived_seconds=1)
        pauses.append(
            next(p for p in range(400) if troubles.may_try(spec.queue, now=now + p / 10)) / 10
        )

    assert pauses[:3] == [0, 0.5, 1]
    assert pauses == sorted(pauses)
    assert max(pauses) == 30
    troubles.note_crash(spec, now=99_000, lived_seconds=60)
    assert troubles.may_try(spec.queue, now=99_000)
