"""The kind of job "create": a model that takes long to make. A door: it calls one action."""

from functools import partial

from portal.catalog.jobs.kinds import works_on
from portal.catalog.jobs.pulling import bring
from portal.catalog.jobs.running import Running
from portal.catalog.making.creating import create_model
from portal.catalog.making.order import Order


@works_on("create")
def create(running: Running) -> None:
    """A base that is not here is pulled first. A second time makes the same model again."""
    create_model(
        running.job.person,
        Order.of_wants(running.wants),
        work=running,
        fetch=partial(bring, running, is_insecure=False),
    )
