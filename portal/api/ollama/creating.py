"""POST /api/create: their fields become an order, and what is said of it becomes lines again.

What is quick is made while the request waits; what fetches, makes smaller or reads long is a job,
told as any other. Not for making.
"""

from collections.abc import Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from portal.accounts.models import Person
from portal.api.asking import local_name
from portal.api.door import body_of
from portal.api.errors import Refused, native_body
from portal.api.go import gojson
from portal.api.go.goreading import Fields, NoBody, NotReadable, kind_of
from portal.api.ollama import transfers
from portal.catalog import access
from portal.catalog.coming.adopting import UNUSABLE
from portal.catalog.jobs.failures import failure_of, our_fault
from portal.catalog.making import creating
from portal.catalog.making.errors import NotMade
from portal.catalog.making.order import Order
from portal.catalog.names import ModelName
from portal.catalog.storage.store import NoSpace
from portal.catalog.trying import settled
from portal.chat.errors import ChatError
from portal.streams.jobs import Line

_RARE_FIELDS = ("thinking", "images", "tool_calls", "tool_name", "tool_call_id")
_INFO_TEXTS = ("model_family", "base_name", "quantization_level", "parameter_size")
_INFO_COUNTS = ("context_length", "embedding_length")
# What the files of a model, the disk and the rights can say against it.
_FORESEEN = (*UNUSABLE, NoSpace, ChatError)
CLOUD_DISABLED = "ollama cloud is disabled: remote model is unavailable"


async def create(request: HttpRequest, person: Person) -> HttpResponseBase:
    fields = _fields(request)
    order = read_order(fields)
    is_streaming = fields.flag("stream") is not False
    if await database_sync_to_async(_is_quick)(person, order):
        return await _made_at_once(person, order, is_streaming=is_streaming)
    wants = order.as_wants()
    job = await transfers.started(person, "create", name=order.name, wants=wants)
    return await transfers.told(job, is_streaming=is_streaming)


def read_order(fields: Fields) -> Order:
    """Raises `Refused` with what is said before anything is begun."""
    order = Order(
        name=local_name(fields.text("model") or fields.text("name")),
        base=local_name(fields.text("from")),
        files=_texts_of(fields, "files"),
        adapters=_texts_of(fields, "adapters"),
        drafts=_texts_of(fields, "draft_files"),
        is_of_files=fields.anything("files") is not None,
        template=fields.text("template"),
        system=fields.text("system"),
        licenses=_licenses(fields),
        parameters=fields.mapping("parameters"),
        messages=tuple(
            _message(each) for each in fields.items("messages", go_type="[]api.Message")
        ),
        renderer=fields.text("renderer"),
        parser=fields.text("parser"),
        requires=fields.text("requires"),
        quantisation=fields.text("quantize") or fields.text("quantization"),
        draft_quantisation=fields.text("draft_quantize"),
    )
    try:
        order.check()
    except NotMade as error:
        raise _refusal_of(error) from None
    _check_info(fields.mapping("info"))
    if fields.text("remote_host"):
        raise Refused(status=403, message=CLOUD_DISABLED)
    return order


def _is_quick(person: Person, order: Order) -> bool:
    """Rights come first: who may not make models is not told what there is."""
    access.may_manage_models(person, verb="add")
    try:
        return creating.is_quick(order) or creating.check_early(order)
    except NotMade as error:
        raise _refusal_of(error) from None


async def _made_at_once(person: Person, order: Order, *, is_streaming: bool) -> HttpResponseBase:
    """All that is said comes together, for it took no time."""
    said, refused = await database_sync_to_async(_make)(person, order)
    if refused is not None and (not said or not is_streaming):
        raise refused
    await settled.is_settled(order.name, within_seconds=settled.PATIENCE_SECONDS)
    if not is_streaming:
        return HttpResponse(gojson.dumps(said[-1]), content_type="application/json")
    lines = [*said, *([native_body(refused)] if refused is not None else [])]
    return HttpResponse(
        "".join(gojson.dumps_ascii(line) + "\n" for line in lines),
        content_type=transfers.CONTENT_TYPE,
    )


def _make(person: Person, order: Order) -> tuple[list[dict[str, Any]], Refused | None]:
    work = _Listening()
    try:
        creating.create_model(person, order, work=work, fetch=_refuse_to_fetch)
    except NotMade as error:
        return work.said, _refusal_of(error)
    except _FORESEEN as error:
        failure = failure_of(error) or our_fault()
        status, text = failure.contract_status, failure.contract_text
        return work.said, Refused(status=status, message=text)
    return work.said, None


def _refuse_to_fetch(name: ModelName) -> None:
    # Its base was here when we looked; whoever asks again starts a pull.
    raise NotMade(f"model {name.short} is gone; try again")


class _Listening:
    """Somebody who waits for all of it, and keeps what is said."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def tell(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None:
        line = Line(status=status, digest=digest, total=total, completed=completed)
        self.said.append(transfers.shown(line))

    def raise_if_unwanted(self) -> None:
        """It is over too soon for anybody to change her mind."""


def _refusal_of(error: NotMade) -> Refused:
    return Refused(status=error.contract_status, message=error.contract_text)


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────


def _fields(request: HttpRequest) -> Fields:
    try:
        return Fields(body_of(request), struct="CreateRequest", go_type="api.CreateRequest")
    except NoBody:
        raise Refused(status=400, message="missing request body") from None


def _texts_of(fields: Fields, name: str) -> dict[str, str]:
    found = fields.mapping(name, go_type="map[string]string")
    for value in found.values():
        if value is not None and not isinstance(value, str):
            raise NotReadable(
                f"json: cannot unmarshal {kind_of(value)} into Go struct field"
                f" CreateRequest.{name} of type string"
            )
    return {path: value or "" for path, value in found.items()}


def _licenses(fields: Fields) -> tuple[str, ...]:
    """One text or a list of them; an empty one says nothing."""
    value = fields.anything("license")
    values = value if isinstance(value, list) else [value]
    if not all(each is None or isinstance(each, str) for each in values):
        raise Refused(status=400, message=f"unknown license type: {kind_of(value)}")
    return tuple(each for each in values if each)


def _message(value: object) -> Mapping[str, Any]:
    fields = Fields(value, struct="Message", go_type="api.Message")
    role = fields.text("role")
    if role not in ("system", "user", "assistant", "tool"):
        raise Refused(
            status=400,
            message='role must be one of ["system", "user", "assistant", "tool"]',
        )
    rest = {name: fields.anything(name) for name in _RARE_FIELDS}
    said = {name: value for name, value in rest.items() if value}
    return {"role": role, "content": fields.text("content"), **said}


def _check_info(info: Mapping[str, Any]) -> None:
    for name in _INFO_TEXTS:
        if info.get(name) is not None and not isinstance(info[name], str):
            raise Refused(status=400, message=f'info field "{name}" must be a string')
    for name in _INFO_COUNTS:
        _check_count(name, info.get(name))
    capabilities = info.get("capabilities")
    if capabilities is not None and not (
        isinstance(capabilities, list) and all(isinstance(each, str) for each in capabilities)
    ):
        raise Refused(status=400, message='info field "capabilities" must be a list of strings')


def _check_count(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(status=400, message=f'info field "{name}" must be a number')
    if value < 0 or value != int(value):
        raise Refused(status=400, message=f'info field "{name}" must be a non-negative integer')
