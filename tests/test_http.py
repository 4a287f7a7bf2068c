"""The whole of HTTP as the server calls it: which thread, connection and way (A15, H11)."""

import threading
from typing import Any, cast

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal import urls
from portal.accounts.models import Person
from portal.http import Http

seen: list[tuple[int, object]] = []


def look(request: HttpRequest) -> HttpResponse:
    connection.ensure_connection()
    seen.append((threading.get_ident(), connection.connection))
    return HttpResponse(status=204)


async def key_look(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = await database_sync_to_async(look)(request)
    return response


urlpatterns = [path("look", look), path("api/look", key_look), *urls.urlpatterns]
handler404 = urls.handler404


async def answer_to(address: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers],
    }
    server: Any = cast(Any, ApplicationCommunicator)(Http(), scope)
    await server.send_input({"type": "http.request"})
    start: dict[str, Any] = await server.receive_output(timeout=60)
    while (await server.receive_output(timeout=60)).get("more_body"):
        pass
    await server.wait(timeout=60)
    return start


@pytest.mark.threat("H11")
@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
async def test_programs_share_one_thread_and_one_connection() -> None:
    seen.clear()
    await answer_to("/api/look")
    await answer_to("/api/look")

    (first_thread, first), (second_thread, second) = seen
    assert first_thread == second_thread
    assert first is second is not None


@pytest.mark.threat("H11")
@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
async def test_a_page_gives_its_connection_back() -> None:
    seen.clear()
    await answer_to("/look")
    await answer_to("/api/look")

    (page_thread, of_page), (program_thread, of_program) = seen
    assert page_thread != program_thread
    assert of_page is not of_program


@pytest.mark.threat("A15")
@pytest.mark.parametrize("address", ["/api/tags", "/v1/models", "/metrics", "/healthz"])
@pytest.mark.django_db(transaction=True)
async def test_programs_are_sent_no_cookie_and_nowhere_else(address: str) -> None:
    start = await answer_to(address, (b"cookie", b"sessionid=x; csrftoken=y"))

    names = {name.lower() for name, _ in start["headers"]}
    assert start["status"] in (200, 401, 503)
    assert not names & {b"set-cookie", b"location"}


@pytest.mark.django_db(transaction=True)
async def test_a_page_reads_the_database_as_ever() -> None:
    await database_sync_to_async(Person.objects.create_user)("ada@example.com", None)

    assert (await answer_to("/accounts/login/"))["status"] == 200
    assert (await answer_to("/account/"))["status"] == 302
