"""How many people there are, and what the model behind them says, and when. Measures nothing."""

MODEL = "crowded:1b"
PEOPLE = 100
TABS_A_PERSON = 3
FRAMES_A_SECOND = 20
IDLE_TABS = 2_000
COOKIES = "cookies.json"
# As many steps as an answer has; it is stopped by its person long before.
_WORDS = 4_000


def rules() -> list[dict[str, object]]:
    """One answer for all: a short word in every step, so many steps a second."""
    return [{"when": "", "says": ["on "], "repeat": _WORDS, "every_ms": 1000 / FRAMES_A_SECOND}]
