"""Numbers for Prometheus, counted when asked. Never a name of a person, never text (threat J9)."""

from collections.abc import Iterable

from django.db.models import Count
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from portal.chat.models import OPEN, Generation
from portal.ops.health import Health

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def page(health: Health) -> bytes:
    """The whole answer. Reads the database, so call it from a thread."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Portal(health))
    return generate_latest(registry)


class _Portal(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[GaugeMetricFamily]:
        healthy = GaugeMetricFamily(
            "portal_healthy", "1 when people can be answered", labels=["reason"]
        )
        healthy.add_metric([self._health.reason], 1.0 if self._health.is_well else 0.0)
        yield healthy
        generations = GaugeMetricFamily(
            "portal_generations_open", "Generations that are not over", labels=["state"]
        )
        counted = dict(
            Generation.objects.filter(state__in=OPEN)
            .values_list("state")
            .annotate(count=Count("id"))
            .order_by()
        )
        for state in OPEN:
            generations.add_metric([str(state)], counted.get(str(state), 0))
        yield generations
        yield GaugeMetricFamily(
            "portal_worker_hosts", "Worker hosts that report", value=len(self._health.hosts)
        )
        yield GaugeMetricFamily(
            "portal_runners",
            "Processes that hold a model",
            value=sum(len(host.runners) for host in self._health.hosts),
        )
