"""`manage.py pull` and `push`: done at the terminal, shown as they go, taken up where they were."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from rich.console import Console

from portal.catalog import jobs
from portal.catalog.jobs.terminal import Bars
from portal.catalog.models import Job, JobState, Model
from portal.streams.jobs import Line
from tests.doubles.shelf import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def said(capsys):
    """What a command wrote beside its result."""

    def run(command: str, *arguments: str) -> str:
        capsys.readouterr()
        call_command(command, *arguments)
        return str(capsys.readouterr().err)

    return run


def test_a_pull_needs_no_background_worker_and_tells_each_step_once(store, shelf, sent, said):
    manifest = shelf.put("tiny:1")

    told = said("pull", "tiny:1")

    assert told.splitlines() == [
        "pulling manifest",
        *(f"pulling {layer.digest.hex[:12]}" for layer in manifest.all_layers),
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    assert sent == []
    assert Model.objects.get().name == "tiny:1"


def test_pulling_again_transfers_nothing(store, shelf, sent, said):
    manifest = shelf.put("tiny:1")
    said("pull", "tiny:1")

    assert said("pull", "tiny:1").endswith("success\n")
    assert shelf.served_bytes == manifest.size_bytes


def test_a_failure_is_a_sentence(store, shelf, sent, said):
    with pytest.raises(CommandError, match="no model of this name"):
        said("pull", "absent:1")
    with pytest.raises(CommandError, match="is not the name of a model"):
        said("pull", ".bad")
    with pytest.raises(CommandError, match="nothing was sent"):
        said("push", "absent:1")
    with pytest.raises(CommandError, match="is not the name of a model"):
        said("push", ".bad")


def test_another_wish_for_the_same_name_is_told_to_wait(store, shelf, sent, said):
    for kind in ("pull", "push"):
        jobs.start(None, kind, name="tiny:1", wants={"insecure": True})

        with pytest.raises(CommandError, match="cancel it first"):
            said(kind, "tiny:1")


def test_a_pull_that_somebody_cancels_says_that_what_came_is_kept(
    store, shelf, sent, workers, monkeypatch, said
):
    shelf.put("tiny:1")
    shelf.gate.clear()

    def cancel() -> None:
        assert shelf.is_at_gate.wait(PATIENCE_SECONDS)
        jobs.cancel(None, Job.objects.get().id)

    workers.begin(cancel)
    with pytest.raises(CommandError, match="What has come is kept"):
        said("pull", "tiny:1")
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_push_says_where_the_model_is(store, shelf, sent, said):
    shelf.put("tiny:1")
    said("pull", "tiny:1")
    written = io.StringIO()

    call_command("push", "tiny:1", stdout=written, stderr=io.StringIO())

    assert "registry.ollama.ai/library/tiny:1" in written.getvalue()


def test_a_terminal_shows_a_bar_a_blob_with_its_share():
    screen = io.StringIO()
    with Bars(Console(file=screen, force_terminal=True, width=100, highlight=False)) as bars:
        bars.show(Line(status="pulling manifest"))
        bars.show(Line(status="pulling abc", total=1000))
        bars.show(Line(status="pulling abc", total=1000, completed=250))
        bars.show(Line(status="success"))

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert shown.count("pulling manifest") == 1
    assert "pulling abc:" in shown
    assert " 25%" in shown
    assert "250/1,000 bytes" in shown or "250/1.0" in shown or "0.2/1.0 kB" in shown
    assert "success" in shown
