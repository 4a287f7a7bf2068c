"""What models of the usual families say, and what it means. Not a test itself.

All of it was written anew in their manner; the tools are those of test_replies.py.
"""

PARIS = ("call get_weather", '{"city":"Paris"}')
TWO_DAYS = ("call get_weather", '{"city":"Paris","days":2}')
NOW = ("call get", "{}")

# Name → what the template contains, and replies with what they are made into.
FAMILIES: dict[str, tuple[str, list[tuple[str, list[tuple[str, str]]]]]] = {
    "qwen3": (
        "<think></think><tool_call>",
        [
            (
                '<think>\nHm\n</think>\n\n<tool_call>\n{"name": "get_weather", "arguments": '
                '{"city": "Paris"}}\n</tool_call>\n<tool_call>\n{"name": "get", "arguments": {}}'
                "\n</tool_call>",
                [("thinking", "Hm\n"), PARIS, NOW],
            ),
            (
                'Let me see.\n<tool_call>{"name":"get_weather","arguments":{"city":"</tool_call>"}}'
                "</tool_call> Done.",
                [
                    ("answer", "Let me see."),
                    ("call get_weather", '{"city":"</tool_call>"}'),
                    ("answer", "Done."),
                ],
            ),
            ('<tool_call>{"name":"get"}', [NOW]),
            ('<tool_call>{"name":"get"}</tool', [NOW]),
            ("Use <tool_call> so.\n", [("answer", "Use <tool_call> so.\n")]),
            (
                'A <tool_call>, as in <tool_call>{"name":"get"}</tool_call>',
                [("answer", "A <tool_call>, as in"), NOW],
            ),
            (
                '<tool_call>{"name":"drop","arguments":{}}</tool_call>!',
                [("answer", '<tool_call>{"name":"drop","arguments":{}}</tool_call>!')],
            ),
            ("<tool_call>{oops</tool_call> x", [("answer", "<tool_call>{oops</tool_call> x")]),
            ('<tool_call>{"name":', [("answer", '<tool_call>{"name":')]),
        ],
    ),
    "qwen3-coder": (
        "<tool_call><function=",
        [
            (
                "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n"
                "<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>",
                [TWO_DAYS],
            ),
            (
                "<function=get_weather><parameter=city>Paris</parameter></function>",
                [PARIS],
            ),
            (
                "<tool_call><function=get_weather><parameter=city>a</tool_call>b</parameter>"
                "<parameter=exact>True</parameter><parameter=days>many</parameter>"
                '<parameter=at>{"x": [1]}</parameter><parameter=more>3</parameter></function>'
                "</tool_call>",
                [
                    (
                        "call get_weather",
                        '{"city":"a</tool_call>b","exact":true,"days":"many","at":{"x":[1]},'
                        '"more":"3"}',
                    )
                ],
            ),
            (
                "<function=get_weather><parameter=city>Par",
                [("answer", "<function=get_weather><parameter=city>Par")],
            ),
            (
                "<tool_call><function=drop></function></tool_call>",
                [("answer", "<tool_call><function=drop></function></tool_call>")],
            ),
        ],
    ),
    "glm": (
        "<think></think><tool_call><arg_key>",
        [
            (
                "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
                "<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
                [TWO_DAYS],
            ),
            ("<tool_call>get</tool_call>", [NOW]),
            (
                "<tool_call>get<arg_key>x</tool_call>",
                [("answer", "<tool_call>get<arg_key>x</tool_call>")],
            ),
            ("<tool_call>get", [("answer", "<tool_call>get")]),
        ],
    ),
    "deepseek": (
        "<think></think><｜tool▁calls▁begin｜>",
        [
            (
                "I look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>"
                "get_weather\n"
                '```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function'
                "<｜tool▁sep｜>get\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                [("answer", "I look."), PARIS, NOW],
            ),
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
                '{"city": "Paris", "days": 2}<｜tool▁call▁end｜>',
                [TWO_DAYS],
            ),
        ],
    ),
    "kimi": (
        "<|tool_calls_section_begin|>",
        [
            (
                "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
                '<|tool_call_argument_begin|>{"city":"Paris"}<|tool_call_end|>'
                "<|tool_calls_section_end|>",
                [PARIS],
            ),
        ],
    ),
    "mistral": (
        "[THINK][/THINK][TOOL_CALLS][ARGS]",
        [
            (
                '[THINK]Hm.[/THINK][TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}'
                "[TOOL_CALLS]get[ARGS]{}",
                [("thinking", "Hm."), PARIS, NOW],
            ),
            (
                '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}, '
                '"id": "abcdefghi"}, {"name": "get", "arguments": {}}]',
                [PARIS, NOW],
            ),
            (
                '[TOOL_CALLS]get_weather[CALL_ID]123456789[ARGS]{"city": "Par\\u0069s"} ok',
                [PARIS, ("answer", "ok")],
            ),
            (
                '[TOOL_CALLS]drop[ARGS]{"a": "}"} x',
                [("answer", '[TOOL_CALLS]drop[ARGS]{"a": "}"} x')],
            ),
            ("[TOOL_CALLS] is a word", [("answer", "[TOOL_CALLS] is a word")]),
            ("[TOOL_CALLS]" + "x" * 700, [("answer", "[TOOL_CALLS]" + "x" * 700)]),
        ],
    ),
    "llama3": (
        "<|python_tag|>",
        [
            ('\n{"name": "get_weather", "parameters": {"city": "Paris"}}', [PARIS]),
            (
                'Yes: {"name": "get", "parameters": {}}',
                [("answer", 'Yes: {"name": "get", "parameters": {}}')],
            ),
            ('<|python_tag|>{"name": "get", "parameters": {}}', [NOW]),
            ('{"a": {"b": 1}} x', [("answer", '{"a": {"b": 1}} x')]),
            (
                '{"name": "drop", "parameters": {"get": 1}}',
                [("answer", '{"name": "drop", "parameters": {"get": 1}}')],
            ),
            ('{"name": "get_weather", "par', [("answer", '{"name": "get_weather", "par')]),
        ],
    ),
    "gpt-oss": (
        "<|start|><|channel|><|message|>",
        [
            (
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final"
                "<|message|>Yes.",
                [("thinking", "Hm."), ("answer", "Yes.")],
            ),
            (
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary"
                ' to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
                [("thinking", "Hm."), PARIS],
            ),
            (
                "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.get"
                "<|channel|>commentary json<|message|>{}",
                [("answer", "I look."), NOW],
            ),
            (
                "<|channel|>commentary to=functions.drop<|message|>{}<|call|>",
                [("answer", "{}")],
            ),
            (
                "<|channel|>commentary to=functions.get<|message|>oops<|end|>",
                [("answer", "oops")],
            ),
            ("Plain words <|x", [("answer", "Plain words <|x")]),
            ("t", [("answer", "t")]),
            ("<|channel|>analysis", []),
        ],
    ),
    "gemma4": (
        "<|channel><channel|><|tool_call>",
        [
            (
                "<|channel>thought\nHm.<channel|><|tool_call>call:get_weather{city:"
                '<|"|>Paris<|"|>,days:2}<tool_call|>',
                [("thinking", "Hm."), TWO_DAYS],
            ),
            (
                '<|tool_call>call:get_weather{at:{x:[1,null,true,<|"|>a}b<|"|>]}}<tool_call|>',
                [("call get_weather", '{"at":{"x":[1,null,true,"a}b"]}}')],
            ),
            (
                "<|tool_call>call:get{x:y}<tool_call|>",
                [("answer", "<|tool_call>call:get{x:y}<tool_call|>")],
            ),
        ],
    ),
    "functiongemma": (
        "<start_function_call>",
        [
            (
                "<start_function_call>call:get_weather{city:<escape>Paris<escape>,days:2}"
                "<end_function_call>",
                [TWO_DAYS],
            ),
        ],
    ),
    "cohere": (
        "<|START_THINKING|><|END_THINKING|><|START_ACTION|>",
        [
            (
                "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n"
                '{"tool_call_id": "0", "tool_name": "get_weather", "parameters": '
                '{"city": "Paris"}}\n]<|END_ACTION|>',
                [("thinking", "Hm."), PARIS],
            ),
        ],
    ),
    "lfm2": (
        "<|tool_call_start|>",
        [
            (
                "<|tool_call_start|>[get_weather(city='Par\\'is', exact=False, days=-2), get()]"
                "<|tool_call_end|>Wait.",
                [
                    ("call get_weather", '{"city":"Par\'is","exact":false,"days":-2}'),
                    NOW,
                    ("answer", "Wait."),
                ],
            ),
            (
                "<|tool_call_start|>[get_weather(city='Paris'),",
                [("answer", "<|tool_call_start|>[get_weather(city='Paris'),")],
            ),
            (
                "<|tool_call_start|>[get_weather(city=__import__('os'))]<|tool_call_end|>",
                [
                    (
                        "answer",
                        "<|tool_call_start|>[get_weather(city=__import__('os'))]<|tool_call_end|>",
                    )
                ],
            ),
        ],
    ),
    "olmo3": (
        "<function_calls>",
        [
            (
                '<function_calls>\nget_weather(city="Paris")\nget()\n</function_calls>',
                [PARIS, NOW],
            ),
            (
                "<function_calls>get(x=1</function_calls>",
                [("answer", "<function_calls>get(x=1</function_calls>")],
            ),
        ],
    ),
    "granite": (
        "<|tool_call|>",
        [
            (
                '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
                [PARIS],
            ),
        ],
    ),
    "phi4": (
        "<|tool_call|><|/tool_call|>",
        [('<|tool_call|>[{"type": "function", "function": {"name": "get"}}]<|/tool_call|>', [NOW])],
    ),
}
