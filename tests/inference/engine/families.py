"""Chat templates of the usual families, written anew in their manner. Not a test itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    name: str
    template: str
    markers: tuple[str, ...]
    end: str
    bos: str = ""


CHATML = Family(
    name="chatml",
    template=(
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    markers=("<|im_start|>", "<|im_end|>"),
    end="<|im_end|>",
)
LLAMA3 = Family(
    name="llama3",
    template=(
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
        " + message['content'] | trim + '<|eot_id|>' %}"
        "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
        "{{ content }}{% endfor %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    ),
    markers=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    end="<|eot_id|>",
    bos="<|begin_of_text|>",
)
GEMMA = Family(
    name="gemma",
    template=(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Roles must alternate') }}{% endif %}"
        "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
    markers=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    end="<end_of_turn>",
    bos="<bos>",
)
MISTRAL = Family(
    name="mistral",
    template=(
        "{%- if messages[0]['role'] == 'system' %}"
        "{%- set system_message = messages[0]['content'] %}{%- set rest = messages[1:] %}"
        "{%- else %}{%- set rest = messages %}{%- endif %}"
        "{%- set ns = namespace(index=0) %}{{- bos_token }}"
        "{%- for message in rest %}"
        "{%- if (message.role == 'user') != (ns.index % 2 == 0) %}"
        "{{- raise_exception('must alternate') }}{%- endif %}{%- set ns.index = ns.index + 1 %}"
        "{%- if message.role == 'user' %}"
        "{%- if loop.last and system_message is defined %}"
        "{{- '[INST] ' + system_message + '\n\n' + message.content + '[/INST]' }}"
        "{%- else %}{{- '[INST] ' + message.content + '[/INST]' }}{%- endif %}"
        "{%- else %}{{- ' ' + message.content + eos_token }}{%- endif %}{%- endfor %}"
    ),
    markers=("<s>", "[INST]", "[/INST]", "</s>"),
    end="</s>",
    bos="<s>",
)
PHI3 = Family(
    name="phi3",
    template=(
        "{% for message in messages %}"
        "{{ '<|' + message['role'] + '|>' + '\n' + message['content'] + '<|end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{- '<|assistant|>\n' -}}{% endif %}"
    ),
    markers=("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    end="<|end|>",
)
DEEPSEEK = Family(
    name="deepseek-r1",
    template=(
        "{% set ns = namespace(system='') %}{% for message in messages %}"
        "{% if message['role'] == 'system' %}{% set ns.system = message['content'] %}{% endif %}"
        "{% endfor %}{{ bos_token }}{{ ns.system }}{% for message in messages %}"
        "{% if message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}{% endif %}"
        "{% if message['role'] == 'assistant' and message['content'] is not none %}"
        "{% set content = message['content'] %}"
        "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
        "{{ '<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
    ),
    markers=(
        "<｜begin▁of▁sentence｜>",
        "<｜end▁of▁sentence｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<think>",
        "</think>",
    ),
    end="<｜end▁of▁sentence｜>",
    bos="<｜begin▁of▁sentence｜>",
)
QWEN3 = Family(
    name="qwen3",
    template=(
        "{%- if messages[0].role == 'system' %}"
        "{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}{%- endif %}"
        "{%- set ns = namespace(searching=true, last=messages|length - 1) %}"
        "{%- for message in messages[::-1] %}{%- set at = (messages|length - 1) - loop.index0 %}"
        "{%- if ns.searching and message.role == 'user' and message.content is string"
        " and not (message.content.startswith('<tool_response>')"
        " and message.content.endswith('</tool_response>')) %}"
        "{%- set ns.searching = false %}{%- set ns.last = at %}{%- endif %}{%- endfor %}"
        "{%- for message in messages %}{%- set content = message.content %}"
        "{%- if message.role == 'user' %}"
        "{{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}"
        "{%- elif message.role == 'assistant' %}{%- set reasoning = '' %}"
        "{%- if message.reasoning_content is string %}"
        "{%- set reasoning = message.reasoning_content %}"
        "{%- elif '</think>' in content %}"
        "{%- set reasoning = content.split('</think>')[0].rstrip('\n').split('<think>')[-1] %}"
        "{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}"
        "{%- if loop.index0 > ns.last and reasoning %}"
        "{{- '<|im_start|>assistant\n<think>\n' + reasoning.strip('\n') + '\n</think>\n\n' }}"
        "{{- content }}"
        "{%- else %}{{- '<|im_start|>' + message.role + '\n' + content }}{%- endif %}"
        "{{- '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
        "{%- if enable_thinking is defined and enable_thinking is false %}"
        "{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"
    ),
    markers=("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>"),
    end="<|im_end|>",
)

FAMILIES = (CHATML, LLAMA3, GEMMA, MISTRAL, PHI3, DEEPSEEK, QWEN3)
