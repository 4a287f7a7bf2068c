"""Which files requests that wait in a queue will need. Not for who waits, or for how long."""

from inference import protocol
from portal.streams.connection import client


def files_waited_for() -> set[str]:
    """The sha256 of every file that a worker must still be able to open for them.

    Raises when Redis is away: then nobody knows. What a runner has open already stays readable to
    it, whatever happens to the name.
    """
    queues = [str(queue, "ascii") for queue in client().smembers(protocol.QUEUES)]
    with client().pipeline(transaction=False) as pipeline:
        for queue in queues:
            pipeline.zcard(protocol.queue_key(queue))
            pipeline.get(protocol.spec_key(queue))
        answers = iter(pipeline.execute())
    found: set[str] = set()
    for _ in queues:
        waiting, written = next(answers), next(answers)
        if waiting and written:
            found |= _files_of(written)
    return found


def _files_of(written: bytes) -> set[str]:
    try:
        spec = protocol.decode_spec(written)
    except protocol.ProtocolError:
        return set()  # No worker of ours could load it either.
    return {spec.weights, *spec.adapters, *([spec.projector] if spec.projector else [])}
