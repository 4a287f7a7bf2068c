"""Chat templates of the usual families, written anew in their manner. Not a test itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    name: str
    template: str
    markers: tuple[str, ...]
    end: str
    bos: str = ""
    has_tools: bool = False


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
    has_tools=True,
    template=(
        "{%- if tools %}{{- '<|im_start|>system\n' }}{%- if messages[0].role == 'system' %}"
        "{{- messages[0].content + '\n\n' }}{%- endif %}{{- '# Tools\n\n<tools>' }}"
        "{%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}"
        "{{- '\n</tools>\n<tool_call>\n{\"name\": <name>}\n</tool_call><|im_end|>\n' }}"
        "{%- elif messages[0].role == 'system' %}"
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
        "{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}"
        "{%- if (loop.first and content) or not loop.first %}{{- '\n' }}{%- endif %}"
        "{%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}"
        '{{- \'<tool_call>\n{"name": "\' }}{{- tool_call.name }}{{- \'", "arguments": \' }}'
        "{%- if tool_call.arguments is string %}{{- tool_call.arguments }}"
        "{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}"
        "{{- '}\n</tool_call>' }}{%- endfor %}{%- endif %}"
        "{{- '<|im_end|>\n' }}{%- elif message.role == 'tool' %}"
        "{%- if loop.first or (messages[loop.index0 - 1].role != 'tool') %}"
        "{{- '<|im_start|>user' }}{%- endif %}{{- '\n<tool_response>\n' }}{{- content }}"
        "{{- '\n</tool_response>' }}"
        "{%- if loop.last or (messages[loop.index0 + 1].role != 'tool') %}"
        "{{- '<|im_end|>\n' }}{%- endif %}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
        "{%- if enable_thinking is defined and enable_thinking is false %}"
        "{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"
    ),
    markers=(
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "<tool_response>",
        "</tool_response>",
    ),
    end="<|im_end|>",
)
LLAMA31 = Family(
    name="llama3.1",
    has_tools=True,
    template=(
        "{{- bos_token }}{%- if not tools is defined %}{%- set tools = none %}{%- endif %}"
        "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content']|trim %}"
        "{%- set messages = messages[1:] %}{%- else %}{%- set system = '' %}{%- endif %}"
        "{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
        "{%- if tools is not none %}{{- 'Environment: ipython\n' }}{%- endif %}"
        "{{- system + '<|eot_id|>' }}{%- if tools is not none %}"
        "{%- set first = messages[0]['content']|trim %}{%- set messages = messages[1:] %}"
        "{{- '<|start_header_id|>user<|end_header_id|>\n\nFunctions:\n\n' }}"
        "{%- for t in tools %}{{- t | tojson(indent=4) }}{{- '\n\n' }}{%- endfor %}"
        "{{- first + '<|eot_id|>' }}{%- endif %}{%- for message in messages %}"
        "{%- if not (message.role == 'tool' or 'tool_calls' in message) %}"
        "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
        "{{- message['content'] | trim + '<|eot_id|>' }}"
        "{%- elif 'tool_calls' in message %}{%- if not message.tool_calls|length == 1 %}"
        "{{- raise_exception('one call at a time') }}{%- endif %}"
        "{%- set tool_call = message.tool_calls[0].function %}"
        "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
        "{%- if tool_call.name == 'python' %}{{- '<|python_tag|>' }}{%- endif %}"
        '{{- \'{"name": "\' + tool_call.name + \'", "parameters": \' }}'
        "{{- tool_call.arguments | tojson }}{{- '}<|eot_id|>' }}"
        "{%- else %}{{- '<|start_header_id|>ipython<|end_header_id|>\n\n' }}"
        "{%- if message.content is mapping or message.content is iterable %}"
        "{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}"
        "{{- '<|eot_id|>' }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}"
        "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
    ),
    markers=(*LLAMA3.markers, "<|python_tag|>"),
    end="<|eot_id|>",
    bos="<|begin_of_text|>",
)
MISTRAL_TOOLS = Family(
    name="mistral-tools",
    has_tools=True,
    template=(
        "{%- if messages[0]['role'] == 'system' %}"
        "{%- set system = messages[0]['content'] %}{%- set rest = messages[1:] %}"
        "{%- else %}{%- set rest = messages %}{%- endif %}"
        "{%- set user_messages = rest | selectattr('role', 'equalto', 'user') | list %}"
        "{{- bos_token }}{%- for message in rest %}{%- if message['role'] == 'user' %}"
        "{%- if tools is not none and tools is defined and (message == user_messages[-1]) %}"
        "{{- '[AVAILABLE_TOOLS][' }}{%- for tool in tools %}{%- set tool = tool.function %}"
        '{{- \'{"type": "function", "function": {\' }}'
        "{%- for key, val in tool.items() if key != 'return' %}"
        "{%- if val is string %}{{- '\"' + key + '\": \"' + val + '\"' }}"
        "{%- else %}{{- '\"' + key + '\": ' + val|tojson }}{%- endif %}"
        "{%- if not loop.last %}{{- ', ' }}{%- endif %}{%- endfor %}{{- '}}' }}"
        "{%- if not loop.last %}{{- ', ' }}{%- endif %}{%- endfor %}"
        "{{- '][/AVAILABLE_TOOLS]' }}{%- endif %}"
        "{%- if loop.last and system is defined %}"
        "{{- '[INST]' + system + '\n\n' + message['content'] + '[/INST]' }}"
        "{%- else %}{{- '[INST]' + message['content'] + '[/INST]' }}{%- endif %}"
        "{%- elif message.tool_calls is defined and message.tool_calls is not none %}"
        "{{- '[TOOL_CALLS][' }}{%- for tool_call in message.tool_calls %}"
        "{%- set out = tool_call.function | tojson %}{{- out[:-1] }}"
        "{%- if not tool_call.id is defined or tool_call.id|length != 9 %}"
        "{{- raise_exception('ids have 9 letters') }}{%- endif %}"
        "{{- ', \"id\": \"' + tool_call.id + '\"}' }}"
        "{%- if not loop.last %}{{- ', ' }}{%- else %}{{- ']' + eos_token }}{%- endif %}"
        "{%- endfor %}{%- elif message['role'] == 'assistant' %}"
        "{{- message['content'] + eos_token }}"
        "{%- elif message['role'] == 'tool' %}"
        "{{- '[TOOL_RESULTS]{\"content\": ' + message.content|string + ', ' }}"
        "{%- if not message.tool_call_id is defined or message.tool_call_id|length != 9 %}"
        "{{- raise_exception('ids have 9 letters') }}{%- endif %}"
        "{{- '\"call_id\": \"' + message.tool_call_id + '\"}[/TOOL_RESULTS]' }}"
        "{%- endif %}{%- endfor %}"
    ),
    markers=(
        "<s>",
        "[INST]",
        "[/INST]",
        "</s>",
        "[TOOL_CALLS]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]",
    ),
    end="</s>",
    bos="<s>",
)
DEEPSEEK_TOOLS = Family(
    name="deepseek-v3",
    has_tools=True,
    template=(
        "{% set ns = namespace(is_first=false, system='') %}{%- for message in messages %}"
        "{%- if message['role'] == 'system' %}{% set ns.system = message['content'] %}"
        "{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system }}"
        "{%- if tools %}{% for tool in tools %}{{ '\n### ' + tool.function.name + '\n' }}"
        "{{ tool.function.parameters | tojson }}{% endfor %}{% endif %}"
        "{%- for message in messages %}{%- if message['role'] == 'user' %}"
        "{{ '<｜User｜>' + message['content'] }}{%- endif %}"
        "{%- if message['role'] == 'assistant' and message['content'] is none %}"
        "{%- set ns.is_first = false %}{%- for tool in message['tool_calls'] %}"
        "{%- if not ns.is_first %}{{ '<｜Assistant｜><｜tool▁calls▁begin｜>' }}"
        "{%- set ns.is_first = true %}{%- else %}{{ '\n' }}{%- endif %}"
        "{{ '<｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + tool['function']['name']"
        " + '\n' + '```json' + '\n' + tool['function']['arguments'] + '\n' + '```'"
        " + '<｜tool▁call▁end｜>' }}{%- endfor %}"
        "{{ '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}{%- endif %}"
        "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
        "{{ '<｜Assistant｜>' + message['content'] + '<｜end▁of▁sentence｜>' }}{%- endif %}"
        "{%- if message['role'] == 'tool' %}"
        "{{ '<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>' }}{%- endif %}"
        "{%- endfor -%}{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
    ),
    markers=(
        "<｜begin▁of▁sentence｜>",
        "<｜end▁of▁sentence｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁calls▁end｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁output▁begin｜>",
        "<｜tool▁output▁end｜>",
    ),
    end="<｜end▁of▁sentence｜>",
    bos="<｜begin▁of▁sentence｜>",
)
GPT_OSS = Family(
    name="gpt-oss",
    has_tools=True,
    template=(
        "{%- macro kind(spec) -%}{%- if spec.enum -%}{{- '\"' + spec.enum|join('\" | \"') + '\"' }}"
        "{%- elif spec.type == 'array' -%}{{- kind(spec['items']) + '[]' }}"
        "{%- elif spec.type is string -%}{{- spec.type }}{%- else -%}any{%- endif -%}"
        "{%- endmacro -%}"
        "{{- '<|start|>system<|message|>Today: ' + strftime_now('%Y') + '\nReasoning: ' }}"
        "{{- reasoning_effort if reasoning_effort is defined else 'medium' }}{{- '<|end|>' }}"
        "{%- if tools %}{{- '<|start|>developer<|message|>namespace functions {\n' }}"
        "{%- for tool in tools %}{%- set tool = tool.function %}"
        "{{- '// ' + tool.description|default('') + '\ntype ' + tool.name + ' = (_: {\n' }}"
        "{%- for name, spec in (tool.parameters.properties|default({})).items() %}"
        "{{- name + ': ' + kind(spec) + ',\n' }}{%- endfor %}{{- '}) => any;\n' }}{%- endfor %}"
        "{{- '}<|end|>' }}{%- endif %}{%- set last = namespace(name=none) %}"
        "{%- for message in messages %}{%- if message.role == 'assistant' %}"
        "{%- if 'tool_calls' in message %}{%- set call = message.tool_calls[0].function %}"
        "{%- if message.thinking %}"
        "{{- '<|start|>assistant<|channel|>analysis<|message|>' + message.thinking + '<|end|>' }}"
        "{%- endif %}{{- '<|start|>assistant to=functions.' + call.name }}"
        "{{- '<|channel|>commentary json<|message|>' }}{{- call.arguments|tojson }}"
        "{{- '<|call|>' }}{%- set last.name = call.name %}{%- else %}"
        "{{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' }}"
        "{%- endif %}{%- elif message.role == 'tool' %}"
        "{{- '<|start|>functions.' ~ last.name ~ ' to=assistant<|channel|>commentary<|message|>' }}"
        "{{- message.content|tojson + '<|end|>' }}{%- else %}"
        "{{- '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' }}"
        "{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}"
    ),
    markers=(
        "<|start|>",
        "<|end|>",
        "<|message|>",
        "<|channel|>",
        "<|call|>",
        "<|return|>",
        "<|constrain|>",
    ),
    end="<|return|>",
)

FAMILIES = (
    CHATML,
    LLAMA3,
    GEMMA,
    MISTRAL,
    PHI3,
    DEEPSEEK,
    QWEN3,
    LLAMA31,
    MISTRAL_TOOLS,
    DEEPSEEK_TOOLS,
    GPT_OSS,
)
TOOL_FAMILIES = tuple(family for family in FAMILIES if family.has_tools)
