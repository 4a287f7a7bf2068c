"""Background work on models. Doors: each calls one action, and may safely run twice."""

from uuid import UUID

from portal.catalog import actions, memory
from portal.celery import app


@app.task(name="catalog.sync")
def sync() -> None:
    """Adopt what lies in the store, mark what is gone from it."""
    actions.sync_with_store(None)


@app.task(name="catalog.note_loaded")
def note_loaded() -> None:
    """Models that a runner holds ready have proved that they can be loaded."""
    actions.note_loaded()


@app.task(name="catalog.publish_pins")
def publish_pins() -> None:
    """Tell the workers again which models stay loaded."""
    memory.publish_pins()


@app.task(name="catalog.check_bytes")
def check_bytes(model_id: str) -> None:
    """Hash a model's files again."""
    actions.check_bytes(None, model_id=UUID(model_id))
