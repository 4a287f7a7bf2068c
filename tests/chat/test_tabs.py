"""Watching: no gap and no repeat, whatever drops; two tabs show the same (threats C9 to C12)."""

import ast
import json
import random
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async

import portal
from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.models import Generation
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab, Shown, Tab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.threat("C9")
async def test_five_thousand_pieces_arrive_whatever_the_channel_layer_drops(
    open_tab: OpenTab,
    alice: Person,
    a_model: Model,
    worker: Worker,
    brain: Brain,
    settings: Any,
) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {
            **settings.CHANNEL_LAYERS["default"],
            "CONFIG": {**settings.CHANNEL_LAYERS["default"]["CONFIG"], "capacity": 1},
        }
    }
    tab = await open_tab(alice)
    sent = await tab.asks()
    generation_id = sent["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    held = worker.takes()
    expected = "".join(f"{number} " for number in range(5_000))

    for start in range(0, 5_000, 50):
        held.says(*(f"{number} " for number in range(start, start + 50)))
        # Rarely wanted wake-ups in between fill the layer to its brim.
        await tab.says("ping")
        if start % 1_000 == 0:
            await database_sync_to_async(brain.later)(1)
    held.ends()
    shown = await tab.until_ended(generation_id)
    await brain.asteps()

    stored = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    assert shown.text == stored.text == expected
    assert shown.gaps == 0


@pytest.mark.threat("C9")
def test_nothing_but_wake_ups_is_sent_through_the_layer() -> None:
    """Law: every group_send in the portal sends one of five literal dicts without text."""
    allowed = {"wake": {"type", "conversation_id"}, "file.changed": {"type", "file_id"}}
    found = 0
    for path in Path(portal.__file__).parent.rglob("*.py"):
        tree: Any = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "group_send":
                continue
            found += 1
            message: Any = node.args[1]
            assert isinstance(message, ast.Dict), f"{path}: not a literal"
            literal = ast.literal_eval(
                ast.Dict(keys=message.keys, values=[message.values[0]] * len(message.keys))
            )
            keys, kind = set(literal), literal["type"]
            others = ("rights.changed", "models.changed", "key.used")
            assert kind in (*allowed, *others), path
            assert keys == allowed.get(kind, {"type"}), path
    assert found >= 4


@pytest.mark.threat("C10")
@pytest.mark.parametrize("seed", range(12))
async def test_drops_and_resumes_at_random_show_what_is_stored(  # noqa: C901 - one dice, many falls
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's dice, its seed is the parameter
    tab = await open_tab(alice)
    sent = await tab.asks()
    generation_id = sent["message"]["answers"][0]["id"]
    conversation_id = sent["conversation"]["id"]
    shown = Shown()
    held = worker.takes()
    await _resume(tab, generation_id, shown)
    for number in range(120):
        held.says(chance.choice(["Größe ", "👩‍🚀", "x", "\n", f"{number} "]))
        if chance.random() < 0.1:
            held.thinks("hm ")
        match chance.randrange(10):
            case 0:
                await tab.close()
                tab = await open_tab(alice)
                await _resume(tab, generation_id, shown)
            case 1:
                # The page was reloaded: what it knows now comes from the row.
                await database_sync_to_async(brain.later)(chance.choice([0.2, 1.1]))
                await tab.close()
                tab = await open_tab(alice)
                shown = await _reload(tab, conversation_id, generation_id)
                await _resume(tab, generation_id, shown)
            case 2:
                await tab.says("unfollow", generation_id=generation_id)
                await _resume(tab, generation_id, shown)
            case 3 if number == 60 or chance.random() < 0.1:
                brain.restarts()
            case 4 if chance.random() < 0.15:
                await database_sync_to_async(worker.dies)(held, how="crashed", in_batch=False)
                await brain.alater(1)
                held = worker.takes()
                if held.request.so_far:
                    held.says(held.request.so_far)
    held.ends()
    await tab.until_ended(generation_id)
    await brain.alater(1)

    stored = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    assert (shown.text, shown.thinking) == (stored.text, stored.thinking), f"seed {seed}"
    assert stored.text
    assert shown.gaps == 0


@pytest.mark.threat("C10")
async def test_long_after_the_end_a_reader_who_has_less_finds_the_whole_text(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    sent = await tab.asks()
    generation_id = sent["message"]["answers"][0]["id"]
    conversation_id = sent["conversation"]["id"]
    worker.answers("All ", "of ", "it")
    await brain.asteps()
    worker.redis.delete(f"portal:events:{generation_id}")

    await tab.follows(generation_id, attempt=1, number=2)
    shown = await tab.until_ended(generation_id)
    assert shown.gaps == 1
    again = await _reload(tab, conversation_id, generation_id)
    assert again.text == "All of it"
    tab.shown[generation_id] = again
    await tab.follows(generation_id)
    assert (await tab.until_ended(generation_id)).gaps == 0


@pytest.mark.threat("C11")
async def test_two_tabs_show_the_same_and_stop_in_one_stops_both(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    one, two = await open_tab(alice), await open_tab(alice)
    sent = await one.asks()
    generation_id = sent["message"]["answers"][0]["id"]
    await two.until(lambda: two.pushed_of("changed"))
    await one.follows(generation_id)
    held = worker.takes().says("Both ", "see ")
    await one.until(lambda: one.shown[generation_id].text == "Both see ")
    # Joining late, from the beginning.
    await two.follows(generation_id)
    held.says("this")

    assert (await two.says("generation.stop", generation_id=generation_id))["type"] == "ok"
    assert held.was_asked_to_stop
    held.ends("stopped")

    shown = [await tab.until_ended(generation_id) for tab in (one, two)]
    assert shown[0].text == shown[1].text == "Both see this"
    assert shown[0].end == shown[1].end
    assert shown[0].end["state"] == "stopped"


@pytest.mark.threat("C11")
async def test_a_second_question_from_another_tab_is_told_to_wait(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    one, two = await open_tab(alice), await open_tab(alice)
    sent = await one.asks("First")
    conversation_id = sent["conversation"]["id"]

    refused = await two.asks("Second", conversation_id=conversation_id)
    assert refused["code"] == "conflict"

    worker.answers("Done.")
    accepted = await two.asks("Second", conversation_id=conversation_id)
    assert accepted["type"] == "sent"
    assert accepted["message"]["after"] == sent["message"]["answers"][0]["id"]


@pytest.mark.threat("I2")
async def test_a_waiting_tab_is_told_its_place(
    open_tab: OpenTab, alice: Person, bob: Person, a_model: Model, worker: Worker
) -> None:
    tab, other = await open_tab(alice), await open_tab(bob)
    first = (await other.asks())["message"]["answers"][0]["id"]
    mine = (await tab.asks())["message"]["answers"][0]["id"]

    await tab.follows(mine)
    await tab.until(lambda: tab.shown[mine].status)
    assert tab.shown[mine].status["state"] == "queued"
    assert tab.shown[mine].status["position"] == 2

    assert str(worker.takes().id) == first
    await tab.until(lambda: tab.shown[mine].status["position"] == 1)

    request = worker.pops()
    assert request is not None
    assert worker.leases(request)
    await tab.until(lambda: tab.shown[mine].status["position"] is None)
    assert tab.shown[mine].status["state"] == "queued", "held, and not begun: still waiting"


@pytest.mark.threat("C12")
async def test_a_closed_tab_leaves_nothing_behind(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    from portal.chat.consumers import ChatConsumer
    from portal.streams.events import Follower

    tab = await open_tab(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    worker.takes().says("half")
    await tab.until(lambda: tab.shown[generation_id].text == "half")

    await tab.close()

    assert Follower.of_this_loop().followed_count == 0
    assert ChatConsumer._sockets[alice.id] == 0
    assert worker.redis.zcard(f"portal:layer:group:person.{alice.id.hex}") == 0


async def test_statistics_and_reading_reach_the_tab(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    tab = await open_tab(alice)
    generation_id = (await tab.asks())["message"]["answers"][0]["id"]
    await tab.follows(generation_id)
    worker.takes().reads(6, 12)
    await tab.until(lambda: any(f["read"] == 0.5 for f in tab.pushed_of("delta")))
    assert json.dumps(tab.pushed_of("delta")).count("writing") == 0


async def _resume(tab: Tab, generation_id: str, shown: Shown) -> None:
    tab.shown[generation_id] = shown
    await tab.follows(generation_id)


async def _reload(tab: Tab, conversation_id: str, generation_id: str) -> Shown:
    opened = await tab.says("conversation.open", conversation_id=conversation_id)
    answers = [answer for message in opened["messages"] for answer in message["answers"]]
    answer = next(answer for answer in answers if answer["id"] == generation_id)
    return Shown(
        attempt=answer["attempt"],
        number=answer["number"],
        text=answer["text"],
        thinking=answer["thinking"],
    )
