"""Our refusals in their shapes. Not for words on the page: those are in chat/errors.py.

native     {"error": "text"}
openai     {"error": {"message", "type", "param", "code"}} and a line end
anthropic  {"type": "error", "error": {"type", "message"}, "request_id"} and a line end
"""

import enum
import logging
import secrets
from typing import Any

from django.http import HttpResponse

from portal.accounts.errors import KeyIsForLess, KeyRefused
from portal.api.go import gojson
from portal.api.go.goreading import NotReadable
from portal.api.ollama.durations import NotADuration
from portal.chat.errors import ChatError, QueueFull, TooMuch, Unavailable
from portal.streams.connection import AWAY

logger = logging.getLogger(__name__)

BUSY = "server busy, please try again.  maximum pending requests exceeded"
BUSY_RETRY_SECONDS = 5
CONTEXT_CODE = "context_length_exceeded"
_ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


class Family(enum.Enum):
    """Whose dialect an address speaks."""

    NATIVE = "native"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


def family_of(path: str) -> Family:
    """For those who refuse a request before its door is found."""
    if path == "/v1/messages":
        return Family.ANTHROPIC
    return Family.OPENAI if path.startswith("/v1/") else Family.NATIVE


class Refused(Exception):
    """Why there is no answer, in words for the client. `code` is known to OpenAI clients only."""

    def __init__(
        self,
        *,
        status: int,
        message: str,
        code: str | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.retry_after_seconds = retry_after_seconds


def unauthorized() -> Refused:
    return Refused(
        status=401,
        message="unauthorized: send a key of this portal as a bearer token or in the address",
        code="invalid_api_key",
    )


def too_long() -> Refused:
    """Clients of OpenAI's dialect look for the code."""
    return Refused(
        status=400,
        message="the prompt is longer than the context length currently available to the model;"
        " shorten the prompt, adjust the context length in settings,"
        " or use a model with a longer context length",
        code=CONTEXT_CODE,
    )


def refusal_of(error: Exception) -> Refused:
    """What to tell a client. An error that nobody foresaw is logged, and told without detail."""
    match error:
        case Refused():
            return error
        case KeyRefused():
            return unauthorized()
        case KeyIsForLess():
            return Refused(status=403, message=f"this key is not for {error.scope}")
        case NotReadable() | NotADuration():
            return Refused(status=400, message=str(error))
        case ChatError():
            return _refusal_of_chat(error)
    if isinstance(error, AWAY):
        logger.warning("a request of the API waits for Redis: %s", type(error).__name__)
        return _refusal_of_chat(Unavailable())
    logger.error("a request of the API failed", exc_info=error)
    return Refused(status=500, message="internal error; the answer is not complete")


def _refusal_of_chat(error: ChatError) -> Refused:
    if isinstance(error, TooMuch):
        return too_long()
    retry = error.retry_after_seconds
    if isinstance(error, QueueFull):
        return Refused(status=503, message=BUSY, retry_after_seconds=retry)
    code = "rate_limit_exceeded" if error.status == 429 else None
    return Refused(status=error.status, message=str(error), code=code, retry_after_seconds=retry)


def refused_response(refused: Refused, *, family: Family) -> HttpResponse:
    """The whole response, in the shape and with the status that this family's clients act upon."""
    if family is Family.NATIVE:
        response = HttpResponse(
            gojson.dumps(native_body(refused)),
            status=refused.status,
            content_type="application/json; charset=utf-8",
        )
    else:
        is_openai = family is Family.OPENAI
        body = openai_body(refused) if is_openai else anthropic_body(refused)
        response = HttpResponse(
            gojson.dumps(body) + "\n",
            status=openai_status(refused) if is_openai else refused.status,
            content_type="application/json",
        )
    if refused.retry_after_seconds is not None:
        response["Retry-After"] = str(refused.retry_after_seconds)
    if refused.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def native_body(refused: Refused) -> dict[str, Any]:
    return {"error": refused.message}


def openai_body(refused: Refused) -> dict[str, Any]:
    kinds = {400: "invalid_request_error", 404: "not_found_error"}
    kind = kinds.get(refused.status, "api_error")
    return {
        "error": {"message": refused.message, "type": kind, "param": None, "code": refused.code}
    }


def anthropic_body(refused: Refused) -> dict[str, Any]:
    kind = _ANTHROPIC_KINDS.get(refused.status, "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": refused.message},
        "request_id": f"req_{secrets.token_hex(12)}",
    }


def openai_status(refused: Refused) -> int:
    # Current clients repeat a 503 five times in a row; after 429 they wait (chat clients' habit).
    return 429 if refused.status == 503 else refused.status
