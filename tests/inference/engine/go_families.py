"""Templates in Go's language as models of the usual families carry them, written anew in their
manner. Not a test itself."""

from tests.inference.engine.families import Family

ALPACA = Family(
    name="alpaca",
    template=(
        "{{ if .System }}{{ .System }}\n\n{{ end }}"
        "{{ if .Prompt }}### Instruction:\n{{ .Prompt }}\n\n{{ end }}"
        "### Response:\n{{ .Response }}\n\n"
    ),
    markers=("</s>",),
    end="</s>",
)
VICUNA = Family(
    name="vicuna",
    template=(
        "{{ if .System }}{{ .System }}\n\n{{ end }}USER: {{ .Prompt }}\n"
        "ASSISTANT: {{ .Response }}</s>\n"
    ),
    markers=("</s>",),
    end="</s>",
)
LLAMA2 = Family(
    name="llama2",
    template=(
        "[INST] {{ if .System }}<<SYS>>\n{{ .System }}\n<</SYS>>\n\n{{ end }}"
        "{{ .Prompt }} [/INST] {{ .Response }}</s><s>"
    ),
    markers=("<s>", "</s>", "[INST]", "[/INST]"),
    end="</s>",
    bos="<s>",
)
LEGACY_CHATML = Family(
    name="legacy chatml",
    template=(
        "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
        "{{ if .Prompt }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"
    ),
    markers=("<|im_start|>", "<|im_end|>"),
    end="<|im_end|>",
)
PHI3 = Family(
    name="phi3",
    template=(
        "{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|end|>\n{{ end }}<|assistant|>\n"
    ),
    markers=("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    end="<|end|>",
)
LLAMA3 = Family(
    name="llama3",
    template=(
        "{{- if or .System .Tools }}<|start_header_id|>system<|end_header_id|>\n"
        "{{- if .System }}\n\n{{ .System }}\n{{- end }}\n"
        "{{- if .Tools }}\n\nToday is {{ currentDate }}.\n{{- end }}<|eot_id|>\n{{- end }}\n"
        "{{- range $i, $_ := .Messages }}\n"
        "{{- $last := eq (len (slice $.Messages $i)) 1 }}\n"
        '{{- if eq .Role "user" }}<|start_header_id|>user<|end_header_id|>\n'
        "{{- if and $.Tools $last }}\n\nAnswer with a call.\n"
        "{{ range $.Tools }}\n{{- . }}\n{{ end }}{{ end }}\n\n"
        "{{ .Content }}<|eot_id|>\n"
        '{{- else if eq .Role "assistant" }}<|start_header_id|>assistant<|end_header_id|>\n'
        "{{- if .ToolCalls }}\n\n{{- range .ToolCalls }}\n"
        '{"name": "{{ .Function.Name }}", "parameters": {{ .Function.Arguments }}}{{ end }}\n'
        "{{- else }}\n\n{{ .Content }}{{ end }}{{ if not $last }}<|eot_id|>{{ end }}\n"
        '{{- else if eq .Role "tool" }}<|start_header_id|>ipython<|end_header_id|>\n\n'
        "{{ .Content }}<|eot_id|>\n{{- end }}\n"
        '{{- if and (ne .Role "assistant") $last }}'
        "<|start_header_id|>assistant<|end_header_id|>\n\n{{ end }}\n"
        "{{- end }}"
    ),
    markers=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    end="<|eot_id|>",
    bos="<|begin_of_text|>",
    has_tools=True,
)
QWEN3 = Family(
    name="qwen3",
    template=(
        "{{- $lastUser := -1 -}}\n"
        "{{- range $i, $_ := .Messages -}}\n"
        '{{- if eq .Role "user" }}{{ $lastUser = $i }}{{ end -}}\n'
        "{{- end }}\n"
        "{{- if or .System .Tools }}<|im_start|>system\n{{ .System }}\n"
        "{{- if .Tools }}\n\n# Tools\n<tools>\n"
        '{{- range .Tools }}\n{"type": "function", "function": {{ .Function }}}\n{{- end }}\n'
        "</tools>\n{{- end }}<|im_end|>\n{{ end }}\n"
        "{{- range $i, $_ := .Messages }}\n"
        "{{- $last := eq (len (slice $.Messages $i)) 1 -}}\n"
        '{{- if eq .Role "user" }}<|im_start|>user\n{{ .Content }}\n'
        "{{- if and $.IsThinkSet (eq $i $lastUser) }}\n"
        '{{- if $.Think -}}\n{{- " "}}/think\n{{- else -}}\n{{- " "}}/no_think\n{{- end -}}\n'
        "{{- end }}<|im_end|>\n"
        '{{ else if eq .Role "assistant" }}<|im_start|>assistant\n'
        "{{ if (and $.IsThinkSet (and .Thinking (or $last (gt $i $lastUser)))) -}}\n"
        "<think>{{ .Thinking }}</think>\n{{ end -}}\n"
        "{{ if .Content }}{{ .Content }}\n"
        "{{- else if .ToolCalls }}<tool_call>\n"
        '{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": '
        "{{ .Function.Arguments }}}\n{{ end }}</tool_call>\n"
        "{{- end }}{{ if not $last }}<|im_end|>\n{{ end }}\n"
        '{{- else if eq .Role "tool" }}<|im_start|>user\n<tool_response>\n{{ .Content }}\n'
        "</tool_response><|im_end|>\n{{ end }}\n"
        '{{- if and (ne .Role "assistant") $last }}<|im_start|>assistant\n'
        "{{ if and $.IsThinkSet (not $.Think) -}}\n<think>\n\n</think>\n\n{{ end -}}\n"
        "{{ end }}\n"
        "{{- end }}"
    ),
    markers=("<|im_start|>", "<|im_end|>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
    end="<|im_end|>",
    has_tools=True,
)
MISTRAL = Family(
    name="mistral",
    template=(
        "{{- range $at, $_ := .Messages }}\n"
        '{{- if eq .Role "user" }}\n'
        "{{- if and (le (len (slice $.Messages $at)) 2) $.Tools }}"
        "[AVAILABLE_TOOLS] {{ $.Tools }}[/AVAILABLE_TOOLS]\n{{- end }}"
        "[INST] {{ if and $.System (eq (len (slice $.Messages $at)) 1) }}"
        "{{ $.System }}\n\n{{ end }}"
        "{{ .Content }}[/INST]\n"
        '{{- else if eq .Role "assistant" }}\n'
        "{{- if .Content }} {{ .Content }}</s>\n"
        "{{- else if .ToolCalls }}[TOOL_CALLS] [\n"
        '{{- range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": '
        "{{ .Function.Arguments }}}\n{{- end }}]</s>\n{{- end }}\n"
        '{{- else if eq .Role "tool" }}[TOOL_RESULTS] {"content": {{ .Content }}}[/TOOL_RESULTS]\n'
        "{{- end }}\n{{- end }}"
    ),
    markers=(
        *("<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]"),
        *("[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    ),
    end="</s>",
    bos="<s>",
    has_tools=True,
)
GEMMA = Family(
    name="gemma",
    template=(
        "{{- range $i, $_ := .Messages }}\n"
        "{{- $last := eq (len (slice $.Messages $i)) 1 }}\n"
        '{{- if or (eq .Role "user") (eq .Role "system") }}<start_of_turn>user\n'
        "{{ .Content }}<end_of_turn>\n{{ if $last }}<start_of_turn>model\n{{ end }}\n"
        '{{- else if eq .Role "assistant" }}<start_of_turn>model\n{{ .Content }}'
        "{{ if not $last }}<end_of_turn>\n{{ end }}\n{{- end }}\n{{- end }}"
    ),
    markers=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    end="<end_of_turn>",
    bos="<bos>",
)
DEEPSEEK = Family(
    name="deepseek-r1",
    template=(
        "{{- if .System }}{{ .System }}{{ end }}\n"
        "{{- range $i, $_ := .Messages }}\n"
        "{{- $last := eq (len (slice $.Messages $i)) 1}}\n"
        '{{- if eq .Role "user" }}<｜User｜>{{ .Content }}\n'
        '{{- else if eq .Role "assistant" }}<｜Assistant｜>\n'
        "{{- if and $.IsThinkSet (and $last .Thinking) -}}\n<think>\n{{ .Thinking }}\n</think>\n"
        "{{- end }}{{ .Content }}{{- if not $last }}<｜end▁of▁sentence｜>{{- end }}\n"
        "{{- end }}\n"
        '{{- if and $last (ne .Role "assistant") }}<｜Assistant｜>\n'
        "{{- if and $.IsThinkSet (not $.Think) -}}\n<think>\n\n</think>\n\n"
        "{{- else if $.Think }}<think>\n{{ end }}\n"
        "{{- end -}}\n{{- end }}"
    ),
    markers=(
        *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"),
        *("<think>", "</think>"),
    ),
    end="<｜end▁of▁sentence｜>",
    bos="<｜begin▁of▁sentence｜>",
)
CODER = Family(
    name="fill in the middle",
    template=(
        "{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>\n"
        "{{- else if .Messages }}\n"
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n{{ end }}"
    ),
    markers=(
        *("<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ),
    end="<|im_end|>",
)
FAMILIES = (
    *(ALPACA, VICUNA, LLAMA2, LEGACY_CHATML, PHI3, LLAMA3),
    *(QWEN3, MISTRAL, GEMMA, DEEPSEEK, CODER),
)
