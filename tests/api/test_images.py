"""Pictures through the doors: data only, within bounds, for models that see (threat F23)."""

import asyncio
import base64
import socket
from typing import Any

import pytest

from inference import protocol
from portal.catalog.models import Model
from portal.chat import prompts
from portal.chat.models import Generation
from tests.api.conftest import Caller, Worker, in_thread, make_model, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.threat("F23")]

NATIVE, OPENAI = "/api/chat", "/v1/chat/completions"
PICTURE = b"\x89PNG and so on"
WRITTEN = base64.b64encode(PICTURE).decode()
URL = f"data:image/png;base64,{WRITTEN}"


@pytest.fixture
async def seeing_model() -> Model:
    made: Model = await in_thread(make_model)(
        "llava:7b", capabilities=["completion", "vision"], projector="b" * 64
    )
    return made


def native(*images: object, content: str = "What is it?") -> dict[str, Any]:
    message = {"role": "user", "content": content, "images": list(images)}
    return {"model": "llava:7b", "messages": [message], "stream": False}


def openai(*parts: object) -> dict[str, Any]:
    return {"model": "llava:7b", "messages": [{"role": "user", "content": list(parts)}]}


def part(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": url}


async def test_a_picture_reaches_the_model_as_it_was_sent(
    alice: Caller, seeing_model: Model, worker: Worker
) -> None:
    response = await alice.post(NATIVE, native(WRITTEN, WRITTEN))

    (taken,) = worker.taken
    assert response.status_code == 200
    assert taken.messages[-1].images == (PICTURE, PICTURE)
    assert taken.model.projector == "b" * 64


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/jpg", "image/webp", ""])
async def test_a_data_url_is_a_picture(
    alice: Caller, seeing_model: Model, worker: Worker, kind: str
) -> None:
    url = f"data:{kind};base64,{WRITTEN}"

    response = await alice.post(OPENAI, openai(part({"url": url}), part(url)))

    assert response.status_code == 200
    assert worker.taken[0].messages[-1].images == (PICTURE, PICTURE)


async def test_pictures_between_words_stand_where_they_stood(
    alice: Caller, seeing_model: Model, worker: Worker
) -> None:
    text = {"type": "text", "text": "Before"}

    await alice.post(OPENAI, openai(text, part(URL), {**text, "text": "after"}))

    assert worker.taken[0].messages[-1].content == "Before\n\n[img]\n\nafter"


async def test_turns_that_become_one_keep_their_pictures_in_their_places(
    alice: Caller, seeing_model: Model, worker: Worker
) -> None:
    first, second = (native(WRITTEN, content=text)["messages"][0] for text in ("One", "Two"))

    await alice.post(NATIVE, {**native(), "messages": [first, second]})

    (message,) = worker.taken[0].messages
    assert message.content == "[img]One\n\n[img]Two"
    assert len(message.images) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/cat.png",
        "https://example.org/cat.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/cat.png",
        "data:image/svg+xml;base64," + WRITTEN,
        "data:text/html;base64," + WRITTEN,
        "data:image/png;base64,*",
        "data:image/png;base64,",
        "/etc/passwd",
        "",
    ],
)
async def test_links_and_what_is_no_picture_are_refused_and_nothing_is_fetched(
    alice: Caller,
    seeing_model: Model,
    worker: Worker,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: asked.append(where))

    response = await alice.post(OPENAI, openai(part({"url": url})))

    is_link = url.startswith("http")
    assert response.status_code == 400
    assert response.json()["error"]["message"] == (
        "image URLs are not currently supported, please use base64 encoded data instead"
        if is_link
        else "invalid image input"
    )
    assert not asked
    assert not await in_thread(Generation.objects.count)()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (native("http://127.0.0.1/cat.png"), 400, "illegal base64 data at input byte 4"),
        (native(""), 400, "invalid image input"),
        (native(*[WRITTEN] * 33), 400, "at most 32 images in one request"),
        (
            native(base64.b64encode(b"x" * (protocol.MAX_IMAGE_BYTES + 1)).decode()),
            413,
            "an image may have at most 20 MiB",
        ),
    ],
    ids=["link", "empty", "many", "large"],
)
async def test_what_is_beyond_the_bounds_is_refused_in_plain_words(
    alice: Caller,
    seeing_model: Model,
    worker: Worker,
    body: dict[str, Any],
    status: int,
    sentence: str,
) -> None:
    response = await alice.post(NATIVE, body)

    assert (response.status_code, response.json()) == (status, {"error": sentence})


async def test_a_picture_that_cannot_be_read_is_a_400_that_says_so(
    alice: Caller, seeing_model: Model, worker: Worker
) -> None:
    worker.will(protocol.End(why="failed", detail="image", words="not a picture"))

    response = await alice.post(NATIVE, native(WRITTEN))

    assert response.status_code == 400
    assert response.json() == {"error": "an image cannot be read: not a picture"}


async def test_the_request_as_it_is_kept_has_its_pictures_still(
    alice: Caller, seeing_model: Model, worker: Worker
) -> None:
    worker.is_taking = False
    asking = asyncio.ensure_future(alice.post(NATIVE, native(WRITTEN)))
    await until(in_thread(Generation.objects.exists))
    generation = await in_thread(Generation.objects.get)()

    again = await in_thread(prompts.request_of)(generation)
    worker.is_taking = True
    await asking

    assert worker.taken == [again]
    assert again.messages[-1].images == (PICTURE,)
