"""The worker's side of protocol.py, played by hand: takes, says, ends, falls silent, dies,
wakes."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import redis
from redis.exceptions import ResponseError

from inference import protocol

STATS = protocol.Stats(prompt_tokens=12, answer_tokens=5, prompt_ns=1_000_000, answer_ns=2_000_000)


@dataclass
class Held:
    """One request in the hands of the double."""

    request: protocol.Request
    worker: "Worker"
    number: int = 0
    refused: list[protocol.Event] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        return self.request.generation_id

    def begins(self) -> "Held":
        return self.publish(protocol.Taken(runner=self.worker.name))

    def reads(self, read_tokens: int, prompt_tokens: int) -> "Held":
        return self.publish(protocol.Reading(read_tokens=read_tokens, prompt_tokens=prompt_tokens))

    def says(self, *texts: str) -> "Held":
        for text in texts:
            self.publish(protocol.Piece(text=text))
        return self

    def thinks(self, *texts: str) -> "Held":
        for text in texts:
            self.publish(protocol.Piece(text=text, kind="thinking"))
        return self

    def ends(self, why: str = "done", detail: str = "") -> "Held":
        self.publish(protocol.End(why=why, detail=detail, stats=STATS))  # type: ignore[arg-type] # checked by msgspec at the other end
        self.worker.redis.xadd(protocol.NEWS, {"generation": str(self.id)})
        self.loses_its_lease()
        return self

    def loses_its_lease(self) -> None:
        self.worker.redis.delete(protocol.lease_key(self.id))

    def publish(self, event: protocol.Event) -> "Held":
        """As the outbox: numbered, and silent once it is fenced out."""
        try:
            self.worker.redis.xadd(
                protocol.events_key(self.id),
                {protocol.EVENT_FIELD: protocol.encode(event)},
                id=protocol.event_id(self.request.attempt, self.number + 1),
            )
        except ResponseError:
            self.refused.append(event)
        else:
            self.number += 1
        return self

    @property
    def was_asked_to_stop(self) -> bool:
        return bool(self.worker.redis.exists(protocol.stop_key(self.id)))


class Worker:
    """Takes from every queue. Nothing happens unless a test says so."""

    def __init__(self, url: str, *, name: str = "runner-1") -> None:
        self.redis: Any = redis.Redis.from_url(url, protocol=2)
        self.name = name

    def close(self) -> None:
        self.redis.close()

    def waiting_ids(self) -> list[UUID]:
        return [
            UUID(member.decode())
            for queue in sorted(self.redis.smembers(protocol.QUEUES))
            for member in self.redis.zrange(protocol.queue_key(queue.decode()), 0, -1)
        ]

    def pops(self) -> protocol.Request | None:
        """Takes the first request of the first queue that has one, and nothing more: no lease
        yet."""
        for queue in sorted(self.redis.smembers(protocol.QUEUES)):
            popped = self.redis.zpopmin(protocol.queue_key(queue.decode()))
            if popped:
                data = self.redis.get(protocol.request_key(UUID(popped[0][0].decode())))
                return protocol.decode_request(data) if data else None
        return None

    def takes(self) -> Held:
        """Pops, leases, and says that it did. Fails when there is nothing to take."""
        request = self.pops()
        assert request is not None, "nothing to take"
        assert self.leases(request), "somebody holds it"
        return Held(request, self).begins()

    def leases(self, request: protocol.Request) -> bool:
        return bool(
            self.redis.set(
                protocol.lease_key(request.generation_id),
                protocol.lease_value(request.attempt, self.name),
                nx=True,
                px=600_000,
            )
        )

    def answers(self, *texts: str) -> Held:
        """A whole answer, from taking to the end."""
        return self.takes().says(*texts).ends()

    def dies(
        self,
        *held: Held,
        how: str = "killed",
        detail: str = "",
        in_batch: bool = True,
        alone: bool = False,
    ) -> None:
        """The supervisor's report. The leases stay, as they do when a process is gone."""
        death = protocol.Death(
            runner=self.name,
            queue=held[0].request.model.queue,
            how=how,  # type: ignore[arg-type] # checked by msgspec at the other end
            detail=detail,
            held=tuple(
                protocol.Held(
                    generation_id=each.id,
                    attempt=each.request.attempt,
                    in_batch=in_batch,
                    alone=alone,
                )
                for each in held
            ),
        )
        self.redis.xadd(protocol.DEATHS, {protocol.DEATH_FIELD: protocol.encode(death)})

    def cannot_load(self, queue: str, *, detail: str = "") -> None:
        death = protocol.Death(runner=self.name, queue=queue, how="unloadable", detail=detail)
        self.redis.xadd(protocol.DEATHS, {protocol.DEATH_FIELD: protocol.encode(death)})
