"""Which program asks, by what it says of itself and by the dialect it speaks.

For people who look after the portal: they see who still uses an old program. What a program says
decides nothing, and is made harmless before anybody writes it down (threat D7).
"""

import re

from django.http import HttpRequest

MAX_CLIENT_CHARS = 80
UNKNOWN = "unknown"

# What a program calls itself, and what people call it; the first that is found wins.
_KNOWN = (
    # ChatBox 1.11.3 left Ollama's own dialect for the one of OpenAI, with the same settings.
    (re.compile(r"xyz\.chatboxapp\.\w+/([\w.]+)", re.IGNORECASE), "ChatBox"),
    (re.compile(r"\bchatbox(?:[-_ ]?app)?/([\w.]+)", re.IGNORECASE), "ChatBox"),
    (re.compile(r"\bportal-cli/([\w.]+)"), "portal"),
    (re.compile(r"\bollama-python/([\w.]+)"), "ollama (Python)"),
    (re.compile(r"\bollama-js/([\w.]+)"), "ollama (JavaScript)"),
    (re.compile(r"\bollama/([\w.]+)"), "ollama"),
    (re.compile(r"\b(?:Async)?OpenAI/Python ([\w.]+)"), "openai (Python)"),
    (re.compile(r"\b(?:Async)?OpenAI/JS ([\w.]+)"), "openai (JavaScript)"),
    (re.compile(r"\b(?:Async)?Anthropic/Python ([\w.]+)"), "anthropic (Python)"),
    (re.compile(r"\b(?:Async)?Anthropic/JS ([\w.]+)"), "anthropic (JavaScript)"),
    (re.compile(r"\bai-sdk/openai-compatible/([\w.]+)"), "AI SDK"),
    (re.compile(r"\bpython-requests/([\w.]+)"), "requests (Python)"),
    (re.compile(r"\bpython-httpx/([\w.]+)"), "httpx (Python)"),
    (re.compile(r"\bcurl/([\w.]+)"), "curl"),
)
_BROWSER = re.compile(r"\b(Firefox|Edg|Chrome|Safari)/([\d.]+)")
_PRODUCT = re.compile(r"([\w.+ -]{1,40})(?:/([\w.]+))?", re.ASCII)
_CHATBOX = "ChatBox"
_ACTS = (
    (re.compile(r"/(?:tags|models|show)(?:/|$)"), "models"),
    (re.compile(r"/(?:embed|embeddings|rerank)$"), "embeddings"),
    (re.compile(r"/(?:chat|generate|completions|responses|messages)$"), "chat"),
)


def client_of(request: HttpRequest) -> str:
    """Its name and version, and for ChatBox its generation: short, and in plain letters."""
    said = request.headers.get("User-Agent", "")[:500]
    name = _named(said)
    if name.startswith(_CHATBOX):
        name += ", Ollama API" if request.path.startswith("/api/") else ", OpenAI API"
    return name[:MAX_CLIENT_CHARS]


def act_of(request: HttpRequest) -> str:
    """What it wants: models, chat, embeddings or other."""
    path = request.path
    return next((act for pattern, act in _ACTS if pattern.search(path)), "other")


def _named(said: str) -> str:
    for pattern, name in _KNOWN:
        if found := pattern.search(said):
            return f"{name} {found[1][:20]}"
    if found := _BROWSER.search(said):
        return f"{found[1]} {found[2][:20]}"
    found = _PRODUCT.match(said)
    if found is None or not found[1].strip():
        return UNKNOWN
    return f"{found[1].strip()} {(found[2] or '')[:20]}".strip()
