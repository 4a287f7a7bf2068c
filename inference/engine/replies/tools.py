"""The functions a request offers, and calls of them as the contract writes them. Not for finding
calls in a reply."""

import json
import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any

from inference.protocol import ToolCall

_MAX_NAME_CHARS = 512
_ID_LETTERS = string.ascii_lowercase + string.digits
_ID_CHARS = 8


def random_id() -> str:
    """An id as Ollama's clients know them."""
    return "call_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_CHARS))


class Tools:
    """`functions` maps names to the schemas of their parameters."""

    def __init__(self, functions: Mapping[str, Any], *, new_id: Callable[[], str]) -> None:
        self.functions = functions
        self._new_id = new_id

    @classmethod
    def read(cls, text: str, *, new_id: Callable[[], str] = random_id) -> "Tools":
        """From a JSON array as clients send it. What is no function is passed over."""
        try:
            listed = json.loads(text) if text else []
        except (ValueError, RecursionError):
            listed = []
        functions: dict[str, Any] = {}
        for tool in listed if isinstance(listed, list) else []:
            function = _mapping(_mapping(tool).get("function"))
            name = function.get("name")
            if isinstance(name, str) and 0 < len(name) <= _MAX_NAME_CHARS:
                functions[name] = function.get("parameters")
        return cls(functions, new_id=new_id)

    def __bool__(self) -> bool:
        return bool(self.functions)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.functions

    def schema_of(self, name: str, parameter: str) -> Mapping[str, Any]:
        """What the request says about one parameter; nothing is a fine answer."""
        properties = _mapping(_mapping(self.functions.get(name)).get("properties"))
        return _mapping(properties.get(parameter))

    def call(self, name: object, arguments: object) -> ToolCall | None:
        """The call, or None: nobody offers this name, or the arguments are no JSON object."""
        if not isinstance(name, str) or name not in self.functions:
            return None
        if isinstance(arguments, str):
            arguments = _read_object(arguments)
        if not isinstance(arguments, dict):
            return None
        try:
            written = json.dumps(
                arguments, ensure_ascii=False, separators=(",", ":"), allow_nan=False
            )
        except (ValueError, RecursionError):
            return None
        # Escapes can smuggle in halves of characters, which no event can carry.
        whole = written.encode("utf-8", "replace").decode("utf-8")
        return ToolCall(name=name, arguments=whole, id=self._new_id())


def _read_object(text: str) -> object:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
