"""Background work on files, through the doors of the queue."""

from typing import Any
from uuid import UUID

import pytest
from celery.schedules import schedule

from portal.accounts.models import Person
from portal.celery import app
from portal.files import places, queue, tasks
from portal.files.models import File, State
from tests.files.conftest import Added

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_that_comes_is_told_to_the_background_and_read_there(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, **_how: sent.append((name, args)))

    file_id = added(alice, read=False)

    assert sent == [(queue.TASK, [str(file_id)])]
    tasks.read(*sent[0][1])
    assert File.objects.get(id=UUID(sent[0][1][0])).state == State.READY


@pytest.mark.threat("H3")
def test_a_file_is_kept_while_the_queue_is_away(
    alice: Person, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(*_what: Any, **_how: Any) -> None:
        raise Away

    monkeypatch.setattr(app, "send_task", away)

    file_id = added(alice, read=False)

    assert File.objects.get(id=file_id).state == State.READING
    assert places.path_of(file_id).exists()


def test_the_sweeps_are_on_the_clock_and_harmless_when_there_is_nothing_to_do(
    settings: Any,
) -> None:
    app.loader.import_default_modules()
    planned = {
        entry["task"]: entry["schedule"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"].startswith("files.")
    }

    assert set(planned) == {"files.wake_late", "files.forget"}
    assert set(planned) < set(app.tasks)
    assert all(schedule(each) for each in planned.values())
    tasks.wake_late()
    tasks.forget()
    assert not File.objects.exists()
