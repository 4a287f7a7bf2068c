"""POST /api/pull and /api/push, and how any long work on a model is told to a program.

The work itself is a job (portal/catalog/jobs). As with Ollama, a job that was asked for here ends
when its last watcher leaves; one that an administrator asked for elsewhere too goes on.
"""

from collections.abc import AsyncGenerator
from typing import Any

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from portal.accounts.models import Person
from portal.api.asking import local_name
from portal.api.door import body_of
from portal.api.errors import Refused, native_body, refusal_of
from portal.api.go import gojson
from portal.api.go.goreading import Fields, NoBody
from portal.catalog import jobs
from portal.catalog.jobs import Ended, Line
from portal.catalog.jobs.following import HEARTBEAT_SECONDS, WAITING
from portal.catalog.models import Job, JobState
from portal.catalog.names import ModelName, NotAName
from portal.catalog.trying import settled
from portal.chat.errors import ChatError
from portal.streams.connection import AWAY

CONTENT_TYPE = "application/x-ndjson"
CANCELLED = "context canceled"
SUCCESS = "success"


async def pull(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = _fields(request, struct="PullRequest")
    written = _name_in(fields)
    is_streaming, wants = _is_streaming(fields), _wishes(fields)
    name = local_name(written)
    if not _is_name(name):
        raise Refused(status=400, message="invalid model name")
    job = await started(person, "pull", name=name, wants=wants)
    return await told(job, is_streaming=is_streaming, opening="pulling manifest")


async def push(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = _fields(request, struct="PushRequest")
    written = _name_in(fields)
    is_streaming, wants = _is_streaming(fields), _wishes(fields)
    if not written.strip():
        raise Refused(status=400, message="model is required")
    name = local_name(written)
    if not _is_name(name):
        refused = Refused(status=500, message=f"unqualified name: {written}")
        return _only_line(refused, is_streaming=is_streaming)
    job = await started(person, "push", name=name, wants=wants)
    return await told(job, is_streaming=is_streaming, opening="retrieving manifest")


async def started(person: Person, kind: str, *, name: str, wants: dict[str, object]) -> Job:
    """The job, begun or joined; it lasts as long as somebody watches."""
    start = database_sync_to_async(jobs.start)
    job: Job = await start(person, kind, name=name, wants=wants, is_kept=False)
    return job


async def told(job: Job, *, is_streaming: bool, opening: str = "") -> HttpResponseBase:
    """The response that follows a job: a line for each step, or only the last of them.

    `opening` is the line that is there at once, whoever may be before us in the queue.
    """
    if not is_streaming:
        return await _whole(job)
    response = StreamingHttpResponse(_lines(job, opening=opening), content_type=CONTENT_TYPE)
    response["X-Accel-Buffering"] = "no"
    return response


async def _lines(job: Job, *, opening: str) -> AsyncGenerator[bytes, None]:
    last = Line(status=opening) if opening else None
    if last is not None:
        yield _written(shown(last))
    try:
        async with jobs.watched(job):
            async for step in jobs.follow(job.id, heartbeat_seconds=HEARTBEAT_SECONDS):
                if isinstance(step, Ended):
                    if refused := _refusal_of(step):
                        yield _written(native_body(refused))
                    return
                async for line in _told_of(step, last, job=job):
                    last = line
                    yield _written(shown(line))
    except (ChatError, DatabaseError, *AWAY) as error:
        yield _written(native_body(refusal_of(error)))


async def _told_of(step: Line, last: Line | None, *, job: Job) -> AsyncGenerator[Line, None]:
    """What is told of a step; nothing of one that was told already.

    While nothing happens the newest line comes again, as a sign of life. Success is told once who
    asks for the model next will be answered.
    """
    newest = last or Line(status="waiting")
    if step is WAITING:
        yield newest
        return
    if step == last:
        return
    if step.status == SUCCESS and job.kind != "push":
        for _ in range(round(settled.PATIENCE_SECONDS / HEARTBEAT_SECONDS)):
            if await settled.is_settled(job.name, within_seconds=HEARTBEAT_SECONDS):
                break
            yield newest
    yield step


async def _whole(job: Job) -> HttpResponseBase:
    last = Line(status=SUCCESS)
    async with jobs.watched(job):
        async for step in jobs.follow(job.id):
            if isinstance(step, Ended):
                if refused := _refusal_of(step):
                    raise refused
                break
            last = step
    if job.kind != "push":
        await settled.is_settled(job.name, within_seconds=settled.PATIENCE_SECONDS)
    return HttpResponse(gojson.dumps(shown(last)), content_type="application/json")


def _only_line(refused: Refused, *, is_streaming: bool) -> HttpResponseBase:
    """What Ollama finds out after it has begun to answer has no status of its own."""
    if not is_streaming:
        raise refused
    return HttpResponse(_written(native_body(refused)), content_type=CONTENT_TYPE)


def _refusal_of(ended: Ended) -> Refused | None:
    if ended.state == JobState.DONE:
        return None
    if ended.state == JobState.CANCELLED:
        return Refused(status=500, message=CANCELLED)
    return Refused(status=ended.contract_status, message=ended.contract_text or ended.sentence)


def shown(line: Line) -> dict[str, Any]:
    optional = {"digest": line.digest, "total": line.total, "completed": line.completed}
    return {"status": line.status, **{name: value for name, value in optional.items() if value}}


def _written(value: dict[str, Any]) -> bytes:
    return (gojson.dumps_ascii(value) + "\n").encode("ascii")


def _fields(request: HttpRequest, *, struct: str) -> Fields:
    try:
        return Fields(body_of(request), struct=struct, go_type=f"api.{struct}")
    except NoBody:
        raise Refused(status=400, message="missing request body") from None


def _name_in(fields: Fields) -> str:
    return fields.text("model") or fields.text("name")


def _is_streaming(fields: Fields) -> bool:
    return fields.flag("stream") is not False


def _wishes(fields: Fields) -> dict[str, object]:
    # A user name and a password may stand there; nobody has looked at them for years, nor do we.
    return {"insecure": bool(fields.flag("insecure"))}


def _is_name(name: str) -> bool:
    try:
        ModelName.parse(name)
    except NotAName:
        return False
    return True
