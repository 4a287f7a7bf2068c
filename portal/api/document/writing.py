"""Writes the OpenAPI document: addresses from the doors, bodies from the shapes, words translated.

Not for what the words are: operations.py and the shapes. The same code gives the same document.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from django.urls import URLPattern, get_resolver
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as noop

from portal.api.document import anthropic, native, openai
from portal.api.document.operations import COMMON_ERRORS, OPERATIONS, TAGS, Operation
from portal.api.door import OPENED, Opening

OPENAPI = "3.1.0"
# Of the document, not of the portal: what a program sees when it compares two of them.
VERSION = "1"
KEY, KEY_HEADER = "key", "keyInHeader"
SAMPLE_KEY = "pk_your-key"
# The address that stands for `/u/KEY` alone: the same as `/api/version` to whoever reads this.
_UNNAMED = frozenset({"/api/"})
_REF = "#/components/schemas/{name}"
_ERRORS: dict[str, type] = {
    "native": native.Error,
    "openai": openai.OpenAIError,
    "anthropic": anthropic.AnthropicError,
}
# Current clients of OpenAI are told 429 in place of 503 (errors.openai_status).
_NEVER = frozenset({("openai", 503)})
_REASONS = {
    400: noop("The request cannot be understood, or the model cannot do what it asks for."),
    401: noop("There is no key, or it is not valid any more."),
    403: noop("The key or its owner may not do this."),
    404: noop("This model does not exist, or you may not use it."),
    409: noop("Something else is going on with this model. Nothing was changed."),
    413: noop("The request is too large."),
    429: noop("Too many requests. Come again after the seconds in Retry-After."),
    500: noop("Something failed here. The message says whether to try again."),
    503: noop("Too busy at this moment. Come again after the seconds in Retry-After."),
    507: noop("There is no room left on the disk. Nothing of the file was kept."),
}
_TITLE = noop("Portal API")
_INTRODUCTION = noop(
    "Every client of Ollama, OpenAI or Anthropic works here: give it this portal's address and a"
    " key from your account page. Field names match in any case, unknown fields and null are"
    " ignored."
)
_DONE = noop("What was asked for.")
_LINES = noop("What was asked for; line by line with stream: true, which is the default.")
_EVENTS = noop("What was asked for; event by event with stream: true.")
_WITH_KEY = noop("For programs without a field for a key: the key stands in the address.")
_BEARER = noop("A key of this portal, from your account page.")
_IN_HEADER = noop("The same key, where Anthropic's clients put it.")
_PARAMETERS = {
    "digest": noop("sha256: and the 64 hex digits of the file's sha256."),
    "name": noop("The name of a model, as the list has it."),
}
_PATTERNS = {
    "digest": "^sha256[:-][0-9a-fA-F]{64}$",
    "name": "^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$",
}
_TRANSLATED = ("summary", "description", "title")
_CAPTURE = re.compile(r"<(?:\w+:)?(\w+)>")


def document(*, address: str, language: str) -> dict[str, Any]:
    """The document for clients that reach the portal at `address`."""
    under_key = {
        "url": f"{address}/u/{{key}}",
        "description": _said(_WITH_KEY, language),
        "variables": {"key": {"default": SAMPLE_KEY}},
    }
    return {**_of_language(language), "servers": [{"url": address}, under_key]}


def doors() -> Iterator[tuple[str, str, Opening]]:
    """Every address of the API that has a door, with each of its methods."""
    for pattern in get_resolver("portal.api.urls").url_patterns:
        opening = OPENED.get(pattern.callback) if isinstance(pattern, URLPattern) else None
        path = "/" + _CAPTURE.sub(r"{\1}", str(pattern.pattern))
        if opening is None or path in _UNNAMED:
            continue
        for method in opening.methods:
            # A HEAD beside a GET is that without its body.
            if method != "HEAD" or "GET" not in opening.methods:
                yield method, path, opening


@lru_cache(maxsize=8)
def _of_language(language: str) -> dict[str, Any]:
    with translation.override(language):
        translated: dict[str, Any] = _translated(_whole())
    return translated


def _said(text: str, language: str) -> str:
    with translation.override(language):
        return gettext(text)


def _whole() -> dict[str, Any]:
    told = {(each.method, each.path): each for each in OPERATIONS}
    paths: dict[str, dict[str, Any]] = {}
    shapes: dict[str, type] = {}
    for method, path, opening in doors():
        operation = told[method, path]
        family = opening.family.value
        for shape in (operation.request, operation.reply, operation.streamed, _ERRORS[family]):
            if shape is not None:
                shapes[shape.__name__] = shape
        paths.setdefault(path, {})[method.lower()] = _operation(operation, opening)
    _, schemas = msgspec.json.schema_components(shapes.values(), ref_template=_REF)
    return {
        "openapi": OPENAPI,
        "info": {"title": _TITLE, "version": VERSION, "description": _INTRODUCTION},
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                KEY: {"type": "http", "scheme": "bearer", "description": _BEARER},
                KEY_HEADER: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": _IN_HEADER,
                },
            },
            "responses": dict(_refusals()),
            "schemas": {name: _own_words(schema) for name, schema in schemas.items()},
        },
    }


def _own_words(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the docstring of its class, which is for those who read the code."""
    return {name: value for name, value in schema.items() if name != "description"}


def _operation(operation: Operation, opening: Opening) -> dict[str, Any]:
    family = opening.family.value
    carriers = (KEY, KEY_HEADER) if family == "anthropic" else (KEY,)
    errors = {
        str(status): {"$ref": f"#/components/responses/{_refusal_name(family, status)}"}
        for status in operation.errors
        if (family, status) not in _NEVER
    }
    written = {
        "operationId": _identity(operation),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": _path_parameters(operation),
        "requestBody": _request(operation),
        "responses": {**{str(each): _reply(operation) for each in operation.statuses}, **errors},
        "security": [{carrier: [str(opening.scope)]} for carrier in carriers],
    }
    return {name: value for name, value in written.items() if value}


def _identity(operation: Operation) -> str:
    words = re.findall(r"[A-Za-z0-9]+", operation.path)
    return "_".join([operation.method.lower(), *words])


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string", "pattern": _PATTERNS[name]},
            "example": operation.example[name],
        }
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _request(operation: Operation) -> dict[str, Any]:
    if operation.takes_file:
        return {"required": True, "content": {"application/octet-stream": {}}}
    if operation.request is None:
        return {}
    content = {"schema": _ref(operation.request), "example": dict(operation.example)}
    return {"required": True, "content": {"application/json": content}}


def _reply(operation: Operation) -> dict[str, Any]:
    words = _DONE
    if operation.streamed is not None:
        words = _LINES if operation.media == "application/x-ndjson" else _EVENTS
    if operation.reply is None:
        return {"description": words}
    whole = {"schema": _ref(operation.reply), "example": dict(operation.reply_example)}
    content: dict[str, Any] = {"application/json": whole}
    if operation.streamed is not None:
        content[operation.media] = {"schema": _ref(operation.streamed)}
    return {"description": words, "content": content}


def _refusals() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every refusal there is, once for each family: each has a shape of its own."""
    for family, shape in _ERRORS.items():
        for status in sorted({*COMMON_ERRORS, *_REASONS}):
            if (family, status) in _NEVER:
                continue
            refusal: dict[str, Any] = {"description": _REASONS[status]}
            if status in (429, 503):
                seconds = {"schema": {"type": "integer", "minimum": 0}}
                refusal["headers"] = {"Retry-After": seconds}
            refusal["content"] = {"application/json": {"schema": _ref(shape)}}
            yield _refusal_name(family, status), refusal


def _refusal_name(family: str, status: int) -> str:
    return f"{family}{status}"


def _ref(shape: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=shape.__name__)}


def _translated(value: Any) -> Any:
    """The same, in the language of this moment: what is said, never what is an example."""
    if isinstance(value, list):
        return [_translated(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    found = {}
    for name, each in value.items():
        if name == "example":
            found[name] = each
        elif name in _TRANSLATED and isinstance(each, str):
            found[name] = gettext(each) if each else each
        elif name in ("tags", "name") and _is_tag(each):
            found[name] = gettext(each) if isinstance(each, str) else [gettext(e) for e in each]
        else:
            found[name] = _translated(each)
    return found


def _is_tag(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, str) and first in TAGS
