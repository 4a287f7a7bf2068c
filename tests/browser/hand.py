"""The model of a house, played by hand. Not for what a runner does by itself."""

import time
from typing import Literal

from inference import protocol
from tests.browser.house import House, until
from tests.doubles.worker import Held, Worker


class Hand:
    """The model, played by hand: each state lasts for as long as the test looks at it."""

    def __init__(self, house: House) -> None:
        self.worker = Worker(house.configuration.redis_url)

    def says_of_itself(
        self, queue: str, state: Literal["loading", "ready"], *, progress: float = 1.0
    ) -> None:
        """As a supervisor with one runner, which answers two at a time."""
        runner = protocol.RunnerState(
            runner=self.worker.name,
            queue=queue,
            model_name="played:1b",
            pid=1,
            state=state,
            progress=progress,
            slots=2,
        )
        told = protocol.HostState(host="by-hand", seen_at=time.time(), runners=(runner,))
        self.worker.redis.set(protocol.host_key("by-hand"), protocol.encode(told))
        self.worker.redis.sadd(protocol.HOSTS, "by-hand")

    def leaves(self) -> None:
        self.worker.redis.delete(protocol.host_key("by-hand"))
        self.worker.redis.srem(protocol.HOSTS, "by-hand")
        self.worker.close()

    def takes(self) -> Held:
        until(lambda: bool(self.worker.waiting_ids()), what="a question waits")
        return self.worker.takes()

    @property
    def queue(self) -> str:
        """The one that somebody waits in."""
        until(lambda: bool(self.worker.waiting_ids()), what="a question waits")
        redis = self.worker.redis
        names: list[str] = [name.decode() for name in redis.smembers(protocol.QUEUES)]
        (queue,) = [name for name in names if redis.zcard(protocol.queue_key(name))]
        return queue


def ends_after(held: Held, seconds: int) -> None:
    """The end of an answer that took so long."""
    stats = protocol.Stats(answer_tokens=9, prompt_ns=10**9, answer_ns=(seconds - 1) * 10**9)
    held.publish(protocol.End(why="done", stats=stats))
    held.worker.redis.xadd(protocol.NEWS, {"generation": str(held.id)})
    held.loses_its_lease()
