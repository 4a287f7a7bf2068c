"""The road through the portal, from Send to the stored answer, with a worker played by hand."""

import pytest
from channels.db import database_sync_to_async

from portal.accounts.models import Person
from portal.catalog.models import Model
from portal.chat.models import Generation
from tests.doubles.brain import Brain
from tests.doubles.tab import OpenTab
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_the_tab_shows_is_what_is_stored(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker, brain: Brain
) -> None:
    tab = await open_tab(alice)
    sent = await tab.asks("Where are you?")
    assert sent["type"] == "sent", sent
    generation_id = sent["message"]["answers"][0]["id"]
    await tab.follows(generation_id)

    worker.takes().reads(3, 12).says("Grüße aus ", "dem 3. Stock 👋").ends()
    shown = await tab.until_ended(generation_id)
    await brain.asteps()

    stored = await database_sync_to_async(Generation.objects.get)(id=generation_id)
    assert shown.text == stored.text == "Grüße aus dem 3. Stock 👋"
    assert stored.state == "complete"
    assert shown.end["state"] == "done"
    assert shown.number == stored.recorded_number
