"""The works of `make bench-page`, each done once in a fresh browser. Judges nothing.

A work gives figures by name; milliseconds and bytes, unless their name says otherwise.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, StorageState, expect

from bench.figures import percentile
from bench.page import probes, script
from tests.browser.house import House

SLOWED = 4
KEYS = 240
KEY_EVERY_SECONDS = 0.1
# What was typed before the stream has come to its full pace is not counted.
WARM_KEYS = 20
OPENINGS = 5
LAST_WORDS = f"Number {script.LONG_QUESTIONS} is answered"
TYPED = "what does it mean for the plan of the next month, and who should be told "
# Nothing that is loaded for the first sight comes later than this.
REST_SECONDS = 2.0
ANSWER_MS = 60_000
# Done by somebody else than the other works.
CHINESE_LOAD = "load-zh"

Figures = dict[str, float]


class Visitor:
    """A browser of one person's own, at full speed until told otherwise."""

    def __init__(self, page: Page, house: House) -> None:
        self.page = page
        self.house = house
        self.cdp: CDPSession = page.context.new_cdp_session(page)

    def slow(self, times: int = SLOWED) -> None:
        self.cdp.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def open(self, path: str = "/") -> None:
        self.page.goto(self.house.address + path)
        self.page.evaluate("window.bench.typing")

    def ask(self, text: str) -> None:
        self.page.locator("form.composer textarea").fill(text)
        self.page.locator("form.composer textarea").press("Enter")

    def number(self, expression: str) -> float:
        return float(self.page.evaluate(expression))

    def numbers(self, expression: str) -> list[float]:
        return [float(value) for value in self.page.evaluate(expression)]


def load(browser: Browser, house: House, state: StorageState) -> Figures:
    """The first load of a browser that has never been here, and its second."""
    with _visitor(browser, house, state) as cold:
        traffic = _Traffic(cold.cdp)
        cold.slow()
        cold.open()
        _must_type(cold)
        found = {"typing_slowed": cold.number("window.bench.typing")}
        time.sleep(REST_SECONDS)
        found |= {"bytes": traffic.wire_bytes, "requests": traffic.requests}
        found |= {"socket_bytes": traffic.socket_bytes}
        cold.open()
        found["typing_again_slowed"] = cold.number("window.bench.typing")
    with _visitor(browser, house, state) as quick:
        quick.open()
        found["typing"] = quick.number("window.bench.typing")
    return found


def opening(browser: Browser, house: House, state: StorageState) -> Figures:
    """The long talk: by its link, by its address, and back to where it began."""
    with _visitor(browser, house, state) as visitor:
        visitor.slow()
        visitor.open()
        took = [_opened_by_link(visitor) for _ in range(OPENINGS)]
        path = visitor.page.url.removeprefix(house.address)
        visitor.open(path)
        found = {
            "open": max(took),
            "open_by_address": visitor.number(f"window.bench.seen({LAST_WORDS!r})"),
            "open_drawn": visitor.number(probes.DRAWN),
        }
        visitor.page.evaluate("window.bench.stalls.length = 0")
        found["back"] = visitor.number("window.bench.goBack()")
        found["back_stall"] = max(visitor.numbers("window.bench.stalls"), default=0.0)
        found["back_drawn"] = visitor.number(probes.DRAWN)
    return found


def keys_in_prose(browser: Browser, house: House, state: StorageState) -> Figures:
    return _keys(browser, house, state, streamed="prose")


def keys_in_a_program(browser: Browser, house: House, state: StorageState) -> Figures:
    return _keys(browser, house, state, streamed="program")


def hour(browser: Browser, house: House, state: StorageState) -> Figures:
    """An hour of answers in one conversation, as fast as they come; what the page holds then."""
    with _visitor(browser, house, state) as visitor:
        visitor.open()
        _answered(visitor, 1)
        before = _held(visitor)
        for number in range(2, script.HOUR_ANSWERS + 1):
            _answered(visitor, number)
        after = _held(visitor)
    return {
        "hour_heap_before": before["heap"],
        "hour_heap": after["heap"],
        "hour_nodes_before": before["nodes"],
        "hour_nodes": after["nodes"],
        "hour_listeners": after["listeners"],
    }


Work = Callable[[Browser, House, StorageState], Figures]
WORKS: dict[str, Work] = {
    "load": load,
    CHINESE_LOAD: load,
    "open": opening,
    "keys-prose": keys_in_prose,
    "keys-program": keys_in_a_program,
    "hour": hour,
}


class _Traffic:
    """What crosses the network, as the browser counts it: compressed, with its headers."""

    def __init__(self, cdp: CDPSession) -> None:
        self.requests = 0
        self.wire_bytes = 0.0
        self.socket_bytes = 0
        cdp.on("Network.requestWillBeSent", self._asked)
        cdp.on("Network.loadingFinished", self._came)
        cdp.on("Network.webSocketFrameReceived", self._heard)
        cdp.send("Network.enable")

    def _asked(self, _event: dict[str, Any]) -> None:
        self.requests += 1

    def _came(self, event: dict[str, Any]) -> None:
        self.wire_bytes += event["encodedDataLength"]

    def _heard(self, event: dict[str, Any]) -> None:
        self.socket_bytes += len(event["response"]["payloadData"].encode())


@contextmanager
def _visitor(browser: Browser, house: House, state: StorageState) -> Iterator[Visitor]:
    context = browser.new_context(
        storage_state=state,
        locale="en-GB",
        viewport={"width": 1280, "height": 800},
    )
    try:
        page = context.new_page()
        page.add_init_script(probes.WATCH)
        yield Visitor(page, house)
    finally:
        context.close()


def _must_type(visitor: Visitor) -> None:
    """That the composer is there is not enough: a letter must arrive in it."""
    box = visitor.page.locator("form.composer textarea")
    box.press("a")
    expect(box).to_have_value("a")
    box.fill("")


def _opened_by_link(visitor: Visitor) -> float:
    visitor.page.locator("a.brand").click()
    visitor.page.locator("article").first.wait_for(state="detached")
    took = visitor.page.evaluate_handle(f"({{ took: window.bench.opening({LAST_WORDS!r}) }})")
    visitor.page.locator("nav.list a").filter(has_text="A long talk").click()
    return float(took.evaluate("async (opening) => await opening.took"))


def _keys(browser: Browser, house: House, state: StorageState, *, streamed: str) -> Figures:
    """Keys pressed one after the other in the composer, while an answer grows above it."""
    with _visitor(browser, house, state) as visitor:
        visitor.open()
        visitor.ask(f"Stream {streamed}")
        visitor.page.locator("article[data-state=writing] .prose").wait_for()
        visitor.slow()
        _type(visitor, count=WARM_KEYS)
        visitor.page.evaluate("window.bench.keys.length = window.bench.events.length = 0")
        before, begun = visitor.number(_SHOWN_CHARS), time.monotonic()
        _type(visitor, count=KEYS)
        chars = visitor.number(_SHOWN_CHARS) - before
        seconds = time.monotonic() - begun
        keys = visitor.numbers("window.bench.keys")
        events = visitor.numbers("window.bench.events")
        visitor.slow(1)
        visitor.page.locator("form.composer .round-stop").click()
        visitor.page.locator("article[data-state=stopped]").wait_for()
    short = [0.0] * (KEYS - len(events))  # the browser tells of none below 16 ms
    return {
        f"{streamed}_keys": len(keys),
        f"{streamed}_key_p50": percentile(keys, 0.5) or 0.0,
        f"{streamed}_key_p95": percentile(keys, 0.95) or 0.0,
        f"{streamed}_event_p95": percentile([*short, *events], 0.95) or 0.0,
        f"{streamed}_tokens_per_second": chars / script.CHARS_A_TOKEN / seconds,
    }


def _type(visitor: Visitor, *, count: int) -> None:
    """As a quick typist does: a key every tenth of a second, whether the page keeps up or not."""
    begun = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begun + number * KEY_EVERY_SECONDS - time.monotonic()))
        letter = TYPED[number % len(TYPED)]
        key = {"text": letter, "key": letter, "unmodifiedText": letter}
        visitor.cdp.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
        visitor.cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", "key": letter})


def _answered(visitor: Visitor, number: int) -> None:
    visitor.ask(f"Question {number} of the hour")
    last = visitor.page.locator("div.turn").last
    last.get_by_text(f"Question {number} of the hour").wait_for(timeout=ANSWER_MS)
    last.locator("article[data-state=done]").wait_for(timeout=ANSWER_MS)


def _held(visitor: Visitor) -> dict[str, float]:
    """After the garbage was collected."""
    visitor.cdp.send("HeapProfiler.enable")
    visitor.cdp.send("HeapProfiler.collectGarbage")
    heap = visitor.cdp.send("Runtime.getHeapUsage")["usedSize"]
    counts = visitor.cdp.send("Memory.getDOMCounters")
    return {"heap": heap, "nodes": counts["nodes"], "listeners": counts["jsEventListeners"]}


_SHOWN_CHARS = "[...document.querySelectorAll('article .prose')].at(-1).textContent.length"
