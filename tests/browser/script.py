"""What the model of the page tests answers to which question."""

from tests.browser.hostile import in_lots

COUNTED = [f"{number} " for number in range(1, 121)]
COUNTED_TEXT = "".join(COUNTED).strip()

MARKDOWN = """Here is a **function**:

```python
def double(number: int) -> int:
    return number * 2  # twice
```

| name | rows |
|:-----|-----:|
| a | 1 |

See [the manual](https://docs.example/page) and ![a chart](https://evil.example/x.png?q=1).

1. one
2. two
"""

RULES: list[dict[str, object]] = [
    {"when": "^Count slowly", "says": COUNTED, "every_ms": 40},
    {"when": "^Hold on", "says": COUNTED * 20, "every_ms": 15},
    {"when": "^Show me markdown", "says": [MARKDOWN]},
    {"when": "^Reverse", "says": ["```\nif x \u202e{ return }\u2066\n```\n"]},
    {"when": "^Break", "says": ["Half of"], "and": "raise"},
    {"when": "capital of France", "says": ["Paris is the capital", " of France."]},
    *(
        dict[str, object](when=f"^Hostile {index}$", says=[text])
        for index, text in enumerate(in_lots())
    ),
]
