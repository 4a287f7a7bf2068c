"""What the model of the page tests answers to which question."""

from tests.browser.hostile import DOCUMENTS, LEAVING, diagrams, in_lots

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

# Each part of an answer that is drawn.
DRAWN = r"""Euler wrote $e^{i\pi} + 1 = 0$, and this costs $5 or $6:

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

```mermaid
graph LR
  Question --> Answer
```

```python
first = 1
second = 2
```

| name | sum |
|------|-----|
| a, b | =1+1 |
| "c" | -2 |

مرحبا بالعالم

| broken |
|---|
| $\frac{1$ |
"""
TASKS = """- [ ] order a desk
- [x] prepare the *badge*

  with her photo
- [later] show her the house

| room | what is found there |
|------|---------------------|
| Kindergartenbesichtigung | a |
| b | https://intranet.example/PATH |
""".replace("PATH", "path/" * 60)
PAGE = """```html
<h1>Hello</h1><p id="told">waiting</p>
<script>document.getElementById("told").textContent = "drawn by its script of NAME"</script>
```
"""

RULES: list[dict[str, object]] = [
    {"when": "^Write a title .*Name this conversation", "says": ['"A fitting title"']},
    {"when": "one more row of many", "says": ["A long read."]},
    {"when": "^Count slowly", "says": COUNTED, "every_ms": 40},
    # These last for minutes: a test that wants to do something meanwhile need not hurry.
    {"when": "^Take your time", "says": COUNTED, "every_ms": 1000},
    {"when": "^Hold on", "says": COUNTED * 20, "every_ms": 40},
    {"when": "^Show me markdown", "says": [MARKDOWN]},
    {"when": "^Reverse", "says": ["```\nif x \u202e{ return }\u2066\n```\n"]},
    {"when": "^Break", "says": ["Half of"], "and": "raise"},
    {"when": "capital of France", "says": ["Paris is the capital", " of France."]},
    {"when": "^Draw", "says": [DRAWN]},
    {"when": "^Make a checklist", "says": [TASKS]},
    *(
        dict[str, object](when=f"^{name}$", says=[PAGE.replace("NAME", name)])
        for name in ("Page one", "Page two")
    ),
    {"when": "^Hostile leaving$", "says": [f"```html\n{LEAVING}\n```"]},
    {"when": "^Hostile diagrams$", "says": [diagrams()]},
    *(
        dict[str, object](when=f"^Hostile {kind}$", says=[f"```{kind}\n{text}\n```"])
        for kind, text in DOCUMENTS.items()
    ),
    *(
        dict[str, object](when=f"^Hostile {index}$", says=[text])
        for index, text in enumerate(in_lots())
    ),
]
