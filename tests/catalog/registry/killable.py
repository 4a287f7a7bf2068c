"""A pull in a process of its own, for a test that kills it. Not for any answer: it leaves files."""

import os
from pathlib import Path

from portal.catalog.names import ModelName
from portal.catalog.storage.manifest import Layer


def pull(faults: str, name: ModelName, layer: Layer, folder: Path, chunk_bytes: int) -> None:
    """As a Celery task would, with faults ordered. Runs in the child."""
    os.environ["PORTAL_FAULTS"] = faults
    from portal.catalog.registry import Registry, Rules

    rules = Rules(registries=(name.host,), chunk_bytes=chunk_bytes, streams=2)
    Registry(rules).fetch(name, layer, into=folder, told=lambda _: None)
