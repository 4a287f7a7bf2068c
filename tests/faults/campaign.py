"""Kill every part of a running portal while people ask, then look for the lost or doubled word.

    python -m tests.faults.campaign --seed 7 --answers 20

Starts a portal of its own (scripted backend, its own home, loopback), lets three people ask, kills
each part once with SIGKILL at a moment the seed chooses, and hands what every tab showed to
`checker`. Prints one line a finding and ends with 0 when there is none.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.faults import checker
from tests.faults.tab import Shown, Tab

PARTS = ("web", "recorder", "supervisor", "runner", "valkey", "celery")
HEALTHY_WITHIN_SECONDS = 90
ENDED_WITHIN_SECONDS = 240
MODEL = "scripted:latest"
WORDS = [f"word{number} " for number in range(1, 151)]


@dataclass(slots=True)
class Portal:
    """A portal that runs as `make run` runs it."""

    home: Path
    port: int
    group: psutil.Popen
    environment: dict[str, str]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def pid_of(self, part: str) -> int | None:
        """The process of one part now, or None while it is being started again."""
        for process in self.group.children(recursive=True):
            try:
                if _part_of(process.cmdline()) == part:
                    return int(process.pid)
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None

    async def pid_once_it_runs(self, part: str) -> int:
        while True:
            pid = await asyncio.to_thread(self.pid_of, part)
            if pid is not None:
                return pid
            await asyncio.sleep(0.05)

    async def is_healthy(self, within_seconds: float) -> bool:
        deadline = time.monotonic() + within_seconds
        async with httpx.AsyncClient(timeout=2) as client:
            while time.monotonic() < deadline:
                try:
                    if (await client.get(f"{self.base}/healthz")).status_code == 200:
                        return True
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        return False


@dataclass(slots=True)
class Story:
    """Everything that happened, as the people saw it."""

    acknowledged: list[checker.Asked] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    drops: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--answers", type=int, default=20)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    say(f"seed {seed}: {arguments.answers} answers, killing {', '.join(arguments.parts)}")
    with running_portal() as portal:
        people = checker.make_people(("ann", "ben", "cho"), model_name=MODEL)
        chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        findings = asyncio.run(
            campaign(portal, people, chance, answers=arguments.answers, parts=arguments.parts)
        )
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
    parts: list[str],
) -> list[str]:
    """Ask, kill, wait, check. Returns what the checker found."""
    if not await portal.is_healthy(HEALTHY_WITHIN_SECONDS):
        return [f"not healthy within {HEALTHY_WITHIN_SECONDS} s of starting"]
    story = Story()
    try:
        async with asyncio.timeout(ENDED_WITHIN_SECONDS), asyncio.TaskGroup() as group:
            for index, person in enumerate(people):
                share = answers // len(people) + (index < answers % len(people))
                group.create_task(ask_again_and_again(portal, person, share, story))
            group.create_task(kill_each_once(portal, parts, chance, story))
    except TimeoutError:
        waiting = [shown for shown in story.shown.values() if not shown.is_over]
        return [
            f"after {ENDED_WITHIN_SECONDS} s {len(story.acknowledged)} of {answers} were asked and"
            f" {len(waiting)} had no end: {waiting[:3]}"
        ]
    say(f"killed {' '.join(story.killed)}; sockets opened again {story.drops} times")
    if not await portal.is_healthy(HEALTHY_WITHIN_SECONDS):
        return ["not healthy again after the last kill"]
    return await asyncio.to_thread(checker.findings, story, script="".join(WORDS))


async def ask_again_and_again(
    portal: Portal, person: checker.SignedIn, count: int, story: Story
) -> None:
    """One person: a new conversation every third question, each answer watched to its end."""
    conversation_id = None
    async with Tab(
        address=f"ws://127.0.0.1:{portal.port}/ws/chat/", cookie=person.cookie, origin=portal.base
    ) as tab:
        for number in range(count):
            if number % 3 == 0:
                conversation_id = None
            text = f"Question {number} of {person.email}"
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
            await tab.watch(generation_id, conversation_id=conversation_id)
        story.strangers += tab.strangers
        story.drops += tab.drops


async def kill_each_once(
    portal: Portal, parts: list[str], chance: random.Random, story: Story
) -> None:
    """SIGKILL to each part in an order and at moments that the seed chooses."""
    order = list(parts)
    chance.shuffle(order)
    for part in order:
        await asyncio.sleep(chance.uniform(0.4, 2.5))
        os.kill(await portal.pid_once_it_runs(part), signal.SIGKILL)
        story.killed.append(part)


@contextmanager
def running_portal() -> Iterator[Portal]:
    """A whole portal in a new home; ended, with every process it started, at the end."""
    with tempfile.TemporaryDirectory(prefix="portal-faults-") as directory:
        home = Path(directory)
        port = _free_port()
        script = home / "script.json"
        script.write_text(json.dumps([{"when": "", "says": WORDS, "every_ms": 8}]))
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings.development",
            "PORTAL_HOME": str(home),
            "PORTAL_BIND": f"127.0.0.1:{port}",
            "INFERENCE_BACKEND": "scripted",
            "INFERENCE_SCRIPT": str(script),
            "INFERENCE_LEASE_SECONDS": "5",
        }
        for name in ("DATABASE_URL", "REDIS_URL", "OLLAMA_MODELS"):
            environment.pop(name, None)
        os.environ.clear()
        os.environ.update(environment)
        checker.prepare_database()
        with (home / "group.log").open("wb") as log:
            group = psutil.Popen(
                [sys.executable, "-m", "portal.ops.group"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
            try:
                yield Portal(home=home, port=port, group=group, environment=environment)
            finally:
                _end(group)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _end(group: psutil.Popen) -> None:
    family = [*group.children(recursive=True), group]
    group.send_signal(signal.SIGTERM)
    try:
        group.wait(timeout=30)
    except psutil.TimeoutExpired:
        say("FOUND  the group did not end within 30 s of SIGTERM")
    _, left = psutil.wait_procs(family, timeout=5)
    for process in left:
        say(f"FOUND  left behind: {process}")
        process.kill()


def _part_of(command: list[str]) -> str | None:
    line = " ".join(command)
    signs = (
        ("runner", "inference.runner"),
        ("supervisor", "-m inference"),
        ("valkey", "valkey-server"),
        ("recorder", " recorder"),
        ("web", "daphne"),
        ("celery", " worker"),
    )
    return next((part for part, sign in signs if sign in line), None)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
