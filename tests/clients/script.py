"""Which models the clients find, and what they answer to which question."""

PLAIN = "kind:1b"
# Models that are broken by their questions: one for each client, for a runner that has died is
# started again after a pause, and the pauses grow.
FRAGILE = {
    client: f"fragile-{at}:1b"
    for at, client in enumerate(
        ("ollama", "openai", "ollama.mjs", "openai.mjs", "old chatbox", "new chatbox")
    )
}
THINKER = "thinker:1b"
HALF_OPEN = "half-open:1b"
SEER = "seer:1b"
EMBEDDER = "embedder:1b"

QUESTION = "What is the capital of France?"
ANSWER = "Paris is the capital of France."
WIDE_QUESTION = "Greet the world"
WIDE = "你好，世界 👋🏽 — Grüße, 🦔🎉！"
THOUGHT = "Rivers first."
LONG = "Hold on, and tell me everything"
BREAKS = "Break in the middle"
DIES = "Die in the middle"
HALF = "Half " * 20
SILENT = "Say nothing"
AS_JSON = "Tell me of Paris as JSON"
FACTS = {"city": "Paris", "people": 2_100_000}
WEATHER = "What is the weather in Paris?"
WEATHER_TOLD = "It rains in Paris."
SEEN = "It is a picture."
TITLE = "Based on the chat history, give this conversation a name."

# In Python's `re`, on the last question; the first that matches answers.
RULES: list[dict[str, object]] = [
    {"when": "<tool_response>", "says": WEATHER_TOLD},
    {
        "when": "weather in",
        "says": "I look.\n<tool_call>\n"
        '{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
    },
    {"when": r"\[picture", "says": SEEN},
    {"when": "^Think", "says": ["<think>", "Rivers ", "first.", "</think>", "Seine."]},
    # Its template has said the first of it already.
    {"when": "^Ponder", "says": ["<think>\n", "Rivers ", "first.", "</think>", "\n\nSeine."]},
    {"when": "capital of France", "says": ["Paris is the capital", " of France."]},
    {"when": "^Greet", "says": WIDE},
    {"when": "^Hold on", "says": ["word "] * 3000, "every_ms": 20},
    # Slow enough that something of it is on its way before the end.
    {"when": "^Break", "says": ["Half "], "repeat": 20, "every_ms": 20, "and": "raise"},
    {"when": "^Die", "says": ["Half "], "repeat": 20, "every_ms": 20, "and": "abort"},
    {"when": "^Say nothing", "says": []},
    {"when": "as JSON", "says": '{"city": "Paris", "people": 2100000}'},
    {"when": "give this conversation a name", "says": "Capitals"},
    {"when": "^Hi", "says": "Hello."},
    {"when": "^two\nlines", "says": "Both lines came."},
    {"when": "", "says": "Yes."},
]
