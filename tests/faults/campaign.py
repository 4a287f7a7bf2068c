"""Break a running portal while people ask, then look for the lost or doubled word.

    python -m tests.faults.campaign --seed 7
    python -m tests.faults.campaign --seed 7 --deeds runner runner valkey+web pause:runner
    python -m tests.faults.campaign --seed 7 --deeds empty        (also: --empty-redis)
    python -m tests.faults.campaign --seed 7 --rounds 12

Starts a portal of its own (scripted backend, its own home, loopback), lets three people ask in five
tabs until every deed is done, in an order and at moments that the seed chooses, and hands what
every tab showed to `checker`. Prints one line a finding and ends with 0 when there is none.
"""

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tests.faults import checker, deeds
from tests.faults.deeds import Deed
from tests.faults.tab import Shown, Tab
from tests.faults.whole import PARTS, WORDS, Portal, running_portal

HEALTHY_WITHIN_SECONDS = 90
ENDED_WITHIN_SECONDS = 300
MODEL = "scripted:latest"
PAIRS = ("valkey+web", "runner+recorder")
PAUSES = ("pause:runner", "pause:supervisor", "pause:recorder")
EVERY_DEED = (*PARTS, *PAIRS, *PAUSES)
# One person is greedy, so that requests wait in the queue and in the runner too.
TABS = ("ann", "ann", "ann", "ben", "cho")


@dataclass(slots=True)
class Story:
    """Everything that happened, as the people saw it."""

    acknowledged: list[checker.Asked] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    waited_seconds: list[float] = field(default_factory=list)
    drops: int = 0
    may_interrupt: bool = False
    may_forget: bool = False
    is_calm: bool = False


@dataclass(slots=True)
class Health:
    """When the portal said that it was well, looked at ten times a second."""

    unwell_since: float | None = None
    longest_seconds: float = 0.0
    well_at: float = 0.0

    async def watch(self, portal: Portal, story: Story) -> None:
        while not (story.is_calm and self.unwell_since is None):
            is_well = await portal.is_healthy()
            now = time.monotonic()
            if is_well:
                self._note(now)
                self.unwell_since = None
            elif self.unwell_since is None:
                self.unwell_since, self.well_at = now, 0.0
            await asyncio.sleep(0.1)

    def _note(self, now: float) -> None:
        if self.unwell_since is not None:
            self.longest_seconds = max(self.longest_seconds, now - self.unwell_since)
        self.well_at = self.well_at or now


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=1, help="so many seeds, one after the other")
    parser.add_argument("--answers", type=int, default=20, help="at least so many")
    parser.add_argument("--deeds", nargs="*", type=deeds.parse, default=None)
    parser.add_argument("--empty-redis", action="store_true", help="do `empty` too, or only that")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    if arguments.rounds > 1:
        return _rounds(seed, arguments.rounds, sys.argv[1:])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = arguments.deeds
    if chosen is None:
        chosen = [] if arguments.empty_redis else [deeds.parse(each) for each in EVERY_DEED]
    if arguments.empty_redis:
        chosen.append(deeds.parse("empty"))
    say(f"seed {seed}: at least {arguments.answers} answers; {len(chosen)} deeds")
    with running_portal(say) as portal:
        people = checker.make_people(dict.fromkeys(TABS), model_name=MODEL)
        chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        findings = asyncio.run(
            campaign(portal, people, chance, answers=arguments.answers, chosen=chosen)
        )
        if findings:
            _keep_logs(portal)
    for finding in findings:
        say(f"FOUND  {finding}")
    say(f"seed {seed}: {'nothing lost, nothing doubled' if not findings else 'FAILED'}")
    return 1 if findings else 0


async def campaign(
    portal: Portal,
    people: list[checker.SignedIn],
    chance: random.Random,
    *,
    answers: int,
    chosen: list[Deed],
) -> list[str]:
    """Ask, break, wait, check. Returns what the checker found."""
    if not await portal.is_healthy_within(HEALTHY_WITHIN_SECONDS):
        return [f"not healthy within {HEALTHY_WITHIN_SECONDS} s of starting"]
    health = Health()
    story = Story(
        may_interrupt=any(deed.may_interrupt for deed in chosen),
        # Killed, Valkey may lose its last second too: then it is reported, and no finding.
        may_forget=any("valkey" in deed.parts for deed in chosen if deed.kind != "pause"),
    )
    try:
        async with asyncio.timeout(ENDED_WITHIN_SECONDS), asyncio.TaskGroup() as group:
            for index, name in enumerate(TABS):
                person = next(each for each in people if each.email.startswith(name))
                share = answers // len(TABS) + (index < answers % len(TABS))
                group.create_task(
                    ask_again_and_again(portal, person, story, tab_number=index, at_least=share)
                )
            breaking = group.create_task(do_all(portal, chosen, chance, story))
            group.create_task(health.watch(portal, story))
    except TimeoutError:
        waiting = [shown for shown in story.shown.values() if not shown.is_over]
        return [
            f"after {ENDED_WITHIN_SECONDS} s {len(story.acknowledged)} answers were asked and"
            f" {len(waiting)} had no end: {waiting[:3]}"
        ]
    after_seconds = max(0.0, health.well_at - breaking.result())
    say(
        f"healthy again {after_seconds:.1f} s after the last deed; never unwell for more than"
        f" {health.longest_seconds:.1f} s; sockets opened again {story.drops} times"
    )
    slowest = ", ".join(f"{seconds:.1f}" for seconds in sorted(story.waited_seconds)[-5:])
    say(f"{len(story.acknowledged)} answers; the slowest were over after {slowest} s")
    return await asyncio.to_thread(checker.findings, story, script="".join(WORDS))


async def ask_again_and_again(
    portal: Portal, person: checker.SignedIn, story: Story, *, tab_number: int, at_least: int
) -> None:
    """One tab: a new conversation every third question, each answer watched to its end."""
    conversation_id, number = None, 0
    async with Tab(
        address=f"ws://127.0.0.1:{portal.port}/ws/chat/", cookie=person.cookie, origin=portal.base
    ) as tab:
        while number < at_least or not story.is_calm:
            if number % 3 == 0:
                conversation_id = None
            text = f"Question {number} of {person.email} in tab {tab_number}"
            sent = await tab.send(text, model_name=MODEL, conversation_id=conversation_id)
            conversation_id = sent["conversation"]["id"]
            generation_id = sent["message"]["answers"][-1]["id"]
            story.acknowledged.append(
                checker.Asked(
                    email=person.email,
                    text=text,
                    message_id=sent["message"]["id"],
                    generation_id=generation_id,
                )
            )
            story.shown[generation_id] = tab.known.setdefault(generation_id, Shown(generation_id))
            asked_at = time.monotonic()
            await tab.watch(generation_id, conversation_id=conversation_id)
            story.waited_seconds.append(time.monotonic() - asked_at)
            number += 1
        story.strangers += tab.strangers
        story.drops += tab.drops


async def do_all(portal: Portal, chosen: list[Deed], chance: random.Random, story: Story) -> float:
    """Every deed once, in an order and at moments that the seed chooses. When the last was done."""
    began_at = done_at = time.monotonic()
    order = list(chosen)
    chance.shuffle(order)
    async with asyncio.TaskGroup() as group:
        for deed in order:
            await asyncio.sleep(chance.uniform(0.4, 2.5))
            at_seconds = time.monotonic() - began_at
            pids = await deeds.do(deed, portal)
            done_at = time.monotonic()
            group.create_task(_say_when_back(portal, deed, pids, at_seconds=at_seconds))
    story.is_calm = True
    return done_at


async def _say_when_back(
    portal: Portal, deed: Deed, pids: dict[str, int], *, at_seconds: float
) -> None:
    done_at = time.monotonic()
    for part, pid in pids.items():
        await portal.pid_once_it_runs(part, other_than=None if deed.kind == "pause" else pid)
    back = f"running again after {time.monotonic() - done_at:.1f} s"
    say(f"{at_seconds:6.1f} s  {deed!s:24} {'went on' if deed.kind == 'pause' else back}")


def _rounds(seed: int, count: int, arguments: list[str]) -> int:
    """Each with a portal of its own. The exit status of the worst."""
    worst = 0
    for each in range(seed, seed + count):
        # The last --seed and --rounds count.
        command = [sys.executable, "-m", "tests.faults.campaign", *arguments]
        command += ["--seed", str(each), "--rounds", "1"]
        worst = max(worst, subprocess.run(command, check=False).returncode)  # noqa: S603 - ourselves
    return worst


def _keep_logs(portal: Portal) -> None:
    """The end of each log, for whoever looks for the cause."""
    for log in [*sorted(portal.home.glob("logs/*.log")), portal.home / "group.log"]:
        for line in log.read_text(errors="replace").splitlines()[-40:]:
            say(f"  {log.name}: {line}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
