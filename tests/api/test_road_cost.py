"""What a question costs before it is queued: every program waits in one line for the database."""

from typing import Any

from django.db import connection

from portal.catalog.models import Model
from tests.api.conftest import Caller, Worker, in_thread

READS_AND_WRITES = ("SELECT", "INSERT", "UPDATE", "DELETE")
# The key with its owner; the model; her turn and weight; how much is open; the row itself.
MOST = 5


def _listen() -> None:
    connection.force_debug_cursor = True
    connection.queries_log.clear()


def _heard() -> list[str]:
    connection.force_debug_cursor = False
    return [each["sql"] for each in connection.queries_log]


async def test_a_question_is_queued_with_five_statements(
    alice: Caller, model: Model, worker: Worker
) -> None:
    async def ask(words: str) -> Any:
        body = {"model": model.name, "messages": [{"role": "user", "content": words}]}
        return await alice.post("/api/chat", body)

    # The first use of a key is written down, and again a minute later at the earliest.
    assert (await ask("Why?")).status_code == 200
    await in_thread(_listen)()
    answer = await ask("Why not?")
    statements = await in_thread(_heard)()

    assert answer.status_code == 200
    assert answer.text.splitlines()[-1].startswith('{"model":')
    counted = [each for each in statements if each.startswith(READS_AND_WRITES)]
    assert len(counted) <= MOST, counted
