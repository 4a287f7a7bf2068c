"""How ChatBox reads a provider, written anew from its rules.

One word that it does not know makes the whole invalid. Not for the portal, which only writes: this
is the other end, for tests.
"""

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

TYPES = {"openai", "openai-responses", "anthropic"}
ABILITIES = {"vision", "reasoning", "tool_use"}
MODEL_TYPES = {"chat", "embedding", "rerank"}
OWN_PROVIDERS = {
    *("chatbox-ai", "openai", "openai-responses", "azure", "chatglm-6b", "claude", "gemini"),
    *("ollama", "groq", "deepseek", "siliconflow", "volcengine", "mistral-ai", "lm-studio"),
    *("perplexity", "xAI", "openrouter", "minimax", "minimax-cn", "moonshot", "qwen"),
    *("qwen-portal", "custom"),
}
# What a program is handed at most on Windows.
MOST_LINK_CHARS = 2_048


class Invalid(Exception):
    """ChatBox says only that the configuration is invalid."""


def opened(link: str) -> dict[str, Any]:
    """What it makes of a link."""
    if len(link) > MOST_LINK_CHARS:
        raise Invalid("never handed over")
    parts = urlsplit(link)
    if (parts.scheme, parts.netloc, parts.path) != ("chatbox", "provider", "/import"):
        raise Invalid(link)
    try:
        written = base64.b64decode(parse_qs(parts.query)["config"][0], validate=True)
        return pasted(written.decode())
    except (KeyError, binascii.Error, UnicodeDecodeError) as error:
        raise Invalid(str(error)) from error


def pasted(text: str) -> dict[str, Any]:
    """What it makes of the clipboard."""
    whole = json.loads(text)
    _must(whole.get("isCustom") is True, "isCustom")
    _text(whole, "id")
    _text(whole, "name")
    _must(whole["id"] not in OWN_PROVIDERS, "id is one of its own")
    _must(whole.get("type") in TYPES, "type")
    if "iconUrl" in whole:
        _text(whole, "iconUrl")
    if "urls" in whole:
        _text(whole["urls"], "website")
    settings = whole["settings"]
    _text(settings, "apiHost")
    for name in ("apiPath", "apiKey"):
        if name in settings:
            _text(settings, name)
    for model in settings.get("models", []):
        _model(model)
    return dict(whole)


def chat_address(whole: dict[str, Any]) -> str:
    """Where it will ask: without a path of its own, below `/v1`, which it adds when missing."""
    host = str(whole["settings"]["apiHost"]).rstrip("/")
    path = str(whole["settings"].get("apiPath", ""))
    if path:
        return host + path
    return (host if host.endswith("/v1") else f"{host}/v1") + "/chat/completions"


def _model(model: dict[str, Any]) -> None:
    _text(model, "modelId")
    _must(model.get("type", "chat") in MODEL_TYPES, "model type")
    _must(set(model.get("capabilities", [])) <= ABILITIES, "capability")
    for name in ("contextWindow", "maxOutput"):
        number = model.get(name, 0)
        _must(isinstance(number, int | float) and not isinstance(number, bool), name)


def _text(where: dict[str, Any], name: str) -> None:
    _must(isinstance(where.get(name), str), name)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(what)
