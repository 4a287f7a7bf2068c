"""A model is asked about until a worker has tried it, and nobody may choose it before (E17)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import access, actions, queries
from portal.catalog.models import Model, ModelState
from portal.catalog.trying import trials
from portal.chat.errors import BeingChecked, Forbidden, Unloadable
from portal.streams import trials as stream
from portal.streams.connection import client
from tests.doubles.brain import Clock

Imported = Callable[..., Model]

pytestmark = [pytest.mark.threat("E17"), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_is_asked() -> Iterator[None]:
    client().delete(protocol.TRIALS, stream.FIRST_CHECK)
    yield
    client().delete(protocol.TRIALS, stream.FIRST_CHECK)


@pytest.fixture
def model(transactional_db: None, imported: Imported) -> Model:
    model = imported("small:1")
    actions.publish_model(None, model_id=model.id)
    return model


class Watch:
    """The portal's watch over trials, moved by hand; and a worker's answers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.trials = trials.Trials(clock=self.clock)

    def later(self, seconds: float = 1.0) -> None:
        self.clock.now += seconds
        self.trials.step()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def asked() -> list[str]:
    return [member.decode() for member in client().zrange(protocol.TRIALS, 0, -1)]


def worker_says(model: Model, outcome: protocol.Outcome, **others: Any) -> None:
    queue = queries.spec_of(model).queue
    verdict = protocol.Verdict(queue=queue, host="here", outcome=outcome, **others)
    client().zrem(protocol.TRIALS, queue)
    client().set(protocol.verdict_key(queue), protocol.encode(verdict), ex=60)


def test_a_model_that_comes_in_is_asked_about_at_once(model: Model) -> None:
    queue = queries.spec_of(model).queue

    assert asked() == [queue]
    trial = protocol.decode_trial(client().get(protocol.trial_key(queue)))
    assert trial.spec == queries.spec_of(model)


def test_nobody_can_choose_it_until_it_has_passed(
    model: Model, watch: Watch, bob: Person, carol_the_admin: Person
) -> None:
    for person in (bob, carol_the_admin):
        with pytest.raises(BeingChecked):
            access.model_for_use(person, "small:1")
        assert queries.models_for(person) == []
        assert [each.name for each in queries.models_shown_to(person)] == ["small:1"]

    worker_says(model, "passed", facts=protocol.Facts(layers=2), seconds=1.5, walls=("seccomp",))
    watch.later()

    assert access.model_for_use(bob, "small:1").state == ModelState.READY
    assert queries.models_for(bob) == [model]
    model.refresh_from_db()
    assert model.trial["facts"]["layers"] == 2
    assert Entry.objects.filter(act="model.tried").count() == 1


@pytest.mark.parametrize("outcome", ["refused", "crashed", "hung", "memory"])
def test_one_that_did_not_survive_says_what_happened_and_what_to_do(
    model: Model, watch: Watch, bob: Person, outcome: protocol.Outcome
) -> None:
    worker_says(model, outcome, detail="SIGABRT loading")
    watch.later()

    model.refresh_from_db()
    assert model.state == ModelState.UNLOADABLE
    with pytest.raises(Unloadable):
        access.model_for_use(bob, "small:1")
    assert queries.models_shown_to(bob) == []
    sentence = trials.sentence_about(model)
    assert "nothing was harmed" in sentence
    assert "(SIGABRT loading)" in sentence
    watch.later(60)
    assert asked() == []


def test_it_is_asked_again_when_redis_has_forgotten(model: Model, watch: Watch) -> None:
    client().delete(protocol.TRIALS, protocol.trial_key(queries.spec_of(model).queue))

    watch.later()

    assert asked() == [queries.spec_of(model).queue]


def test_it_is_not_asked_twice_while_a_worker_is_at_it(model: Model, watch: Watch) -> None:
    queue = queries.spec_of(model).queue
    client().zrem(protocol.TRIALS, queue)
    client().set(protocol.trying_key(queue), "here", ex=10)

    watch.later()
    assert asked() == []
    client().delete(protocol.trying_key(queue))
    watch.later()

    assert asked() == [queue]


@pytest.mark.parametrize("outcome", ["absent", "unable"])
def test_a_host_that_could_not_try_it_settles_nothing(
    model: Model, watch: Watch, outcome: protocol.Outcome
) -> None:
    worker_says(model, outcome)
    watch.later()
    assert asked() == []

    watch.later(trials.AGAIN_SECONDS)

    assert asked() == [queries.spec_of(model).queue]
    model.refresh_from_db()
    assert model.state == ModelState.ADDED


def test_a_verdict_on_other_bytes_changes_nothing(model: Model, imported: Imported) -> None:
    old = protocol.Verdict(queue=queries.spec_of(model).queue, host="h", outcome="crashed")
    imported("small:1", salt="new")

    assert not trials.settle(model, old)

    model.refresh_from_db()
    assert model.state == ModelState.ADDED


def test_a_verdict_that_makes_no_sense_is_not_believed(model: Model, watch: Watch) -> None:
    queue = queries.spec_of(model).queue
    client().set(protocol.verdict_key(queue), b'{"queue":"x","host":"h","outcome":"passed"}')

    watch.later()

    model.refresh_from_db()
    assert model.state == ModelState.ADDED


def test_two_names_of_one_file_are_tried_once(model: Model, imported: Imported) -> None:
    other = imported("other:1")

    assert asked() == [queries.spec_of(model).queue]

    assert queries.spec_of(other) == queries.spec_of(model)


def test_an_administrator_may_have_it_checked_again(
    model: Model, watch: Watch, bob: Person, carol_the_admin: Person
) -> None:
    worker_says(model, "hung")
    watch.later()
    with pytest.raises(Forbidden):
        trials.check_again(bob, model_id=model.id)

    trials.check_again(carol_the_admin, model_id=model.id)

    assert asked() == [queries.spec_of(model).queue]
    worker_says(model, "passed")
    watch.later()
    assert queries.models_for(bob) == [model]


def test_while_the_very_first_model_is_checked_the_portal_says_that_it_is_not_ready_yet(
    model: Model, watch: Watch
) -> None:
    _all_parts_report()
    watch.later()
    silent = Client().get("/healthz")

    worker_says(model, "passed")
    watch.later()
    watch.later()

    assert (silent.status_code, silent.json()["reason"]) == (503, "model")
    assert Client().get("/healthz").status_code == 200


def test_a_first_model_that_nobody_can_try_does_not_keep_the_portal_down(
    model: Model, watch: Watch
) -> None:
    _all_parts_report()
    watch.later()

    watch.later(trials.FIRST_CHECK_SECONDS)

    assert Client().get("/healthz").status_code == 200


def _all_parts_report() -> None:
    host = protocol.HostState(host="worker-1", seen_at=1.0)
    client().set("portal:beat:recorder", "1", ex=5)
    client().sadd(protocol.HOSTS, "worker-1")
    client().set(protocol.host_key("worker-1"), protocol.encode(host), ex=5)
