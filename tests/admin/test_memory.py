"""What an administrator decides about memory reaches the workers, through the page she uses."""

from collections.abc import Callable, Iterator

import pytest
import redis as redis_client
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog import queries, tasks
from portal.catalog.models import Model, ModelState
from portal.streams import pins
from portal.streams.connection import client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_said() -> Iterator[None]:
    client().delete(protocol.PINNED, protocol.UNLOAD)
    yield
    client().delete(protocol.PINNED, protocol.UNLOAD)


@pytest.fixture
def ready_model(small_model: Model) -> Model:
    Model.objects.filter(id=small_model.id).update(state=ModelState.READY)
    return small_model


def press(browser: Client, action: str, model: Model) -> str:
    address = reverse("admin:catalog_model_changelist")
    sent = {"action": action, "_selected_action": [str(model.pk)]}
    return browser.post(address, sent, follow=True).content.decode()


def pinned() -> list[str]:
    data = client().get(protocol.PINNED)
    return [pin.model_name for pin in protocol.decode_pins(data or b"{}").pinned]


def unloaded() -> list[bytes]:
    return [fields[b"queue"] for _, fields in client().xrange(protocol.UNLOAD)]


def acts() -> list[str]:
    return list(Entry.objects.order_by("at").values_list("act", flat=True))


def test_a_model_is_kept_loaded_and_no_longer_by_a_press_each(
    carols_browser: Client, ready_model: Model
) -> None:
    page = press(carols_browser, "keep_loaded", ready_model)
    assert "Kept loaded" in page
    assert "ready, kept loaded" in page
    assert pinned() == [ready_model.name]
    press(carols_browser, "keep_loaded", ready_model)

    press(carols_browser, "keep_loaded_no_longer", ready_model)

    assert pinned() == []
    assert [act for act in acts() if "pinned" in act] == ["model.pinned", "model.unpinned"]


def test_the_first_page_tells_a_model_from_its_twin_that_makes_vectors(
    carols_browser: Client, ready_model: Model
) -> None:
    runners = tuple(
        protocol.RunnerState(
            runner=spec.queue, queue=spec.queue, model_name=ready_model.name, pid=1, state="ready"
        )
        for spec in queries.specs_of(ready_model)
    )
    state = protocol.HostState(host="host-a", seen_at=1.0, runners=runners)
    client().sadd(protocol.HOSTS, "host-a")
    client().set(protocol.host_key("host-a"), protocol.encode(state))

    page = carols_browser.get(reverse("admin:index")).content.decode()

    assert page.count(f"{ready_model.name}, for embeddings") == 1


@pytest.mark.threat("G4")
def test_a_redis_that_came_back_empty_is_told_again_by_the_beat(
    carols_browser: Client, ready_model: Model
) -> None:
    press(carols_browser, "keep_loaded", ready_model)
    client().delete(protocol.PINNED)

    tasks.publish_pins()

    assert pinned() == [ready_model.name]


@pytest.mark.threat("E17")
def test_a_model_that_was_not_tried_yet_is_not_loaded_for_being_pinned(
    carols_browser: Client, small_model: Model
) -> None:
    Model.objects.filter(id=small_model.id).update(state=ModelState.ADDED)
    press(carols_browser, "keep_loaded", small_model)
    assert pinned() == []

    Model.objects.filter(id=small_model.id).update(state=ModelState.READY)
    tasks.publish_pins()

    assert pinned() == [small_model.name]


def test_a_model_is_unloaded_by_a_press_whatever_it_was_loaded_for(
    carols_browser: Client, ready_model: Model
) -> None:
    page = press(carols_browser, "unload", ready_model)

    assert "Unloaded once running answers are done" in page
    assert unloaded() == [spec.queue.encode() for spec in queries.specs_of(ready_model)]
    assert "model.unloaded" in acts()


@pytest.mark.threat("G7")
def test_while_redis_is_away_unloading_says_so_and_pinning_waits_for_the_beat(
    carols_browser: Client, ready_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise redis_client.ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(pins, "client", away)
        assert "does not answer" in press(carols_browser, "unload", ready_model)
        press(carols_browser, "keep_loaded", ready_model)
    tasks.publish_pins()

    assert unloaded() == []
    assert pinned() == [ready_model.name]


def test_who_may_only_look_at_models_can_neither_pin_nor_unload(
    ready_model: Model, browser_of: Callable[[Person], Client]
) -> None:
    erin = Person.objects.create_user("erin@example.org", "a long password", is_staff=True)
    erin.user_permissions.add(Permission.objects.get(codename="view_model"))
    browser = browser_of(erin)

    for action in ("keep_loaded", "unload"):
        press(browser, action, ready_model)

    assert (pinned(), unloaded()) == ([], [])
    ready_model.refresh_from_db()
    assert not ready_model.is_pinned


@pytest.mark.parametrize(
    ("parameter", "layers"),
    [(12, 12), (0, 0), (-1, None), ("many", None), (True, None), (10**9, 100_000)],
)
def test_the_models_own_num_gpu_reaches_the_worker(
    small_model: Model, parameter: object, layers: int | None
) -> None:
    small_model.parameters = {"num_gpu": parameter}

    assert queries.spec_of(small_model).gpu_layers == layers
