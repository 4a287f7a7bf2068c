"""Chat formats that Ollama knows by name: which one a GGUF's own template writes, and its stops.

Not for rendering. Ollama compares whole texts; here each is told by the marks that it writes. A
template that can do more than take turns is left alone: it says more than any of these.
"""

from dataclasses import dataclass

# Longer ones do more than write turns.
_MOST_CHARS = 3_000
_DOES_MORE = ("tool", "<think>", "reasoning", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`template` is in Go's language; `stops` end an answer."""

    name: str
    template: str
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    """`marks` must all stand in a template, and none of `others`."""

    known: Known
    marks: tuple[str, ...]
    others: tuple[str, ...] = ()


def detected(chat_template: str) -> Known | None:
    """What this Jinja text is called among the known formats, if it is one of them."""
    text = chat_template.replace("\\n", "\n")
    if len(text) > _MOST_CHARS or any(word in text for word in _DOES_MORE):
        return None
    for each in _FORMATS:
        if all(mark in text for mark in each.marks) and not any(o in text for o in each.others):
            return each.known
    return None


def _turns(turn: str, last: str) -> str:
    """A template that writes every message alike, then opens the answer."""
    return f"{{{{- range .Messages }}}}{turn}{{{{ end }}}}{last}"


def _legacy(system: str, prompt: str, answer: str) -> str:
    """A template that writes one question and its answer."""
    return (
        f"{{{{ if .System }}}}{system}{{{{ end }}}}"
        f"{{{{ if .Prompt }}}}{prompt}{{{{ end }}}}{answer}"
    )


_CHATML = _turns("<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n", "<|im_start|>assistant\n")
_PHI_3 = _turns("<|{{ .Role }}|>\n{{ .Content }}<|end|>\n", "<|assistant|>\n")
_ZEPHYR = _turns("<|{{ .Role }}|>\n{{ .Content }}</s>\n", "<|assistant|>\n")
_LLAMA_3 = _turns(
    "<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)
_GEMMA = (
    '{{ $system := "" }}{{ range .Messages }}'
    '{{ if eq .Role "system" }}{{ $system = .Content }}'
    '{{ else if eq .Role "user" }}<start_of_turn>user\n'
    '{{ if $system }}{{ $system }}\n\n{{ $system = "" }}{{ end }}{{ .Content }}<end_of_turn>\n'
    "{{ else }}<start_of_turn>model\n{{ .Content }}<end_of_turn>\n{{ end }}"
    "{{ end }}<start_of_turn>model\n"
)
_COMMAND_R = (
    "{{- range .Messages }}<|START_OF_TURN_TOKEN|>"
    '{{ if eq .Role "system" }}<|SYSTEM_TOKEN|>'
    '{{ else if eq .Role "user" }}<|USER_TOKEN|>{{ else }}<|CHATBOT_TOKEN|>{{ end }}'
    "{{ .Content }}<|END_OF_TURN_TOKEN|>{{ end }}"
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"
)
_OPENCHAT = (
    '{{- range .Messages }}GPT4 Correct {{ if eq .Role "system" }}System'
    '{{ else if eq .Role "user" }}User{{ else }}Assistant{{ end }}: '
    "{{ .Content }}<|end_of_turn|>{{ end }}GPT4 Correct Assistant:"
)
_ALFRED = _turns("<start_{{ .Role }}>{{ .Content }}<end_message>", "<start_assistant>")
_CODELLAMA = _turns(
    "Source: {{ .Role }}\n\n {{ .Content }} <step> ", "Source: assistant\nDestination: user\n\n "
)

_FORMATS: tuple[_Format, ...] = (
    _Format(
        known=Known(
            name="llama3-instruct",
            template=_LLAMA_3,
            stops=("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        ),
        marks=("<|start_header_id|>", "<|eot_id|>"),
    ),
    _Format(
        known=Known(name="chatml", template=_CHATML, stops=("<|im_start|>", "<|im_end|>")),
        marks=("<|im_start|>", "<|im_end|>"),
    ),
    _Format(
        known=Known(
            name="phi-3",
            template=_PHI_3,
            stops=("<|end|>", "<|system|>", "<|user|>", "<|assistant|>"),
        ),
        marks=("<|end|>", "<|assistant|>"),
    ),
    _Format(
        known=Known(
            name="zephyr",
            template=_ZEPHYR,
            stops=("<|system|>", "</s>", "<|user|>", "<|assistant|>"),
        ),
        marks=("<|user|>", "<|assistant|>", "eos_token"),
    ),
    _Format(
        known=Known(
            name="llama2-chat",
            template=_legacy(
                "[INST] <<SYS>>\n{{ .System }}\n<</SYS>>\n\n",
                "{{ if not .System }}[INST] {{ end }}{{ .Prompt }} [/INST] ",
                "{{ .Response }}</s><s>",
            ),
            stops=("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
        ),
        marks=("[INST]", "<<SYS>>"),
    ),
    _Format(
        known=Known(
            name="mistral-instruct",
            template=(
                "{{ if .Prompt }}[INST] {{ if .System }}{{ .System }}\n\n{{ end }}"
                "{{ .Prompt }}[/INST] {{ end }}{{ .Response }}</s>"
            ),
            stops=("<|im_start|>", "<|im_end|>"),
        ),
        marks=("[INST]", "[/INST]"),
    ),
    _Format(
        known=Known(
            name="gemma-instruct", template=_GEMMA, stops=("<start_of_turn>", "<end_of_turn>")
        ),
        marks=("<start_of_turn>", "<end_of_turn>"),
        others=("first_user_prefix",),
    ),
    _Format(
        known=Known(name="gemma3-instruct", template=_GEMMA, stops=("<end_of_turn>",)),
        marks=("<start_of_turn>", "<end_of_turn>"),
    ),
    _Format(
        known=Known(
            name="solar-instruct",
            template=_legacy(
                "### System:\n{{ .System }}\n\n",
                "### User:\n{{ .Prompt }}\n\n",
                "### Assistant:\n{{ .Response }}\n\n",
            ),
            stops=("### System:", "### User:", "### Assistant:"),
        ),
        marks=("### User:", "### Assistant:"),
    ),
    _Format(
        known=Known(
            name="magicoder",
            template=_legacy(
                "{{ .System }}\n\n",
                "@@ Instruction\n{{ .Prompt }}\n\n",
                "@@ Response\n{{ .Response }}\n",
            ),
            stops=("@@ Instruction", "@@ Response"),
        ),
        marks=("@@ Instruction", "@@ Response"),
    ),
    _Format(
        known=Known(
            name="starcoder2-instruct",
            template=_legacy(
                "{{ .System }}\n\n",
                "### Instruction\n{{ .Prompt }}\n\n",
                "### Response\n{{ .Response }}<|endoftext|>\n\n",
            ),
            stops=("### Instruction", "### Response", "<|endoftext|>"),
        ),
        marks=("### Instruction", "### Response", "<|endoftext|>"),
    ),
    _Format(
        known=Known(
            name="alpaca",
            template=_legacy(
                "{{ .System }}\n\n",
                "### Instruction:\n{{ .Prompt }}\n\n",
                "### Response:\n{{ .Response }}\n\n",
            ),
            stops=("### Instruction:", "### Response"),
        ),
        marks=("### Instruction:", "### Response:"),
    ),
    _Format(
        known=Known(name="openchat", template=_OPENCHAT, stops=("<|end_of_turn|>",)),
        marks=("GPT4 Correct", "<|end_of_turn|>"),
    ),
    _Format(
        known=Known(
            name="falcon-instruct",
            template=_legacy(
                "System: {{ .System }}\n", "User:\n{{ .Prompt }}\n", "Falcon:\n{{ .Response }}\n"
            ),
            stops=("User:", "Assistant:"),
        ),
        marks=("User:", "Falcon:"),
    ),
    _Format(
        known=Known(
            name="granite-instruct",
            template=_legacy(
                "System:\n{{ .System }}\n\n",
                "Question:\n{{ .Prompt }}\n\n",
                "Answer:\n{{ .Response }}\n\n",
            ),
            stops=("System:", "Question:", "Answer:"),
        ),
        marks=("Question:", "Answer:"),
    ),
    _Format(
        known=Known(
            name="command-r",
            template=_COMMAND_R,
            stops=("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"),
        ),
        marks=("<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"),
    ),
    _Format(
        known=Known(
            name="codellama-70b-instruct",
            template=_CODELLAMA,
            stops=("Source:", "Destination:", "<step>"),
        ),
        marks=("Source: ", "<step>"),
    ),
    _Format(
        known=Known(
            name="alfred",
            template=_ALFRED,
            stops=("<start_system>", "<end_message>", "<start_user>", "<start_assistant>"),
        ),
        marks=("<end_message>", "<start_user>"),
    ),
    _Format(
        known=Known(
            name="chatqa",
            template=_legacy(
                "System: {{ .System }}\n\n",
                "User: {{ .Prompt }}\n\n",
                "Assistant: {{ .Response }}\n\n",
            ),
            stops=("System:", "User:", "Assistant:", "<|begin_of_text|>"),
        ),
        marks=("System: ", "User: ", "Assistant:"),
    ),
)


def all_known() -> tuple[Known, ...]:
    return tuple(each.known for each in _FORMATS)
