"""Tables and the blocks of `show` are those that people's scripts read, to the blank."""

from typing import Any

from cli import tables

INFO: dict[str, Any] = {
    "details": {"family": "llama", "parameter_size": "1.2B", "quantization_level": "Q8_0"},
    "model_info": {
        "general.architecture": "llama",
        "general.parameter_count": 1_235_814_432,
        "llama.context_length": 131_072,
        "llama.embedding_length": 2048,
        "llama.rope.freq_base": 8e9,
        "tokenizer.ggml.tokens": ["a", "b", "c", "d", "e", "f", "g"],
    },
    "capabilities": ["completion", "tools"],
    "parameters": 'stop                           "<|end|>"\ntemperature                    0.5',
    "system": "You are kind.\n\nYou are short.\nYou are done.",
    "license": "MIT",
    "tensors": [{"name": "output.weight", "type": "Q8_0", "shape": [42, 3117]}],
}


def test_a_table_is_padded_as_people_know_it() -> None:
    rows = [("llama3.2:1b", "baf6a787fdff", "1.3 GB", "10 minutes ago")]

    shown = tables.table(("NAME", "ID", "SIZE", "MODIFIED"), rows)

    assert shown == (
        "NAME           ID              SIZE      MODIFIED       \n"
        "llama3.2:1b    baf6a787fdff    1.3 GB    10 minutes ago    \n"
    )


def test_an_empty_table_is_its_header() -> None:
    assert tables.table(("NAME", "ID"), []) == "NAME    ID \n"


def test_wide_letters_take_two_columns() -> None:
    shown = tables.table(("NAME", "ID"), [("模型", "1"), ("abcd", "2")])

    assert shown.splitlines()[1:] == ["模型    1     ", "abcd    2     "]


def test_long_cells_go_on_in_the_next_line() -> None:
    shown = tables.block("Licence", [["word " * 10]])

    assert [line.rstrip() for line in shown.splitlines()] == [
        "  Licence",
        "    word word word word word word",
        "    word word word word",
        "",
    ]


def test_show_tells_of_a_model_block_by_block() -> None:
    assert tables.shown(INFO) == (
        "  Model\n"
        "    architecture        llama     \n"
        "    parameters          1.2B      \n"
        "    context length      131072    \n"
        "    embedding length    2048      \n"
        "    quantization        Q8_0      \n"
        "\n"
        "  Capabilities\n"
        "    completion    \n"
        "    tools         \n"
        "\n"
        "  Parameters\n"
        '    stop           "<|end|>"    \n'
        "    temperature    0.5          \n"
        "\n"
        "  System\n"
        "    You are kind.     \n"
        "    You are short.    \n"
        "    ...               \n"
        "\n"
        "  License\n"
        "    MIT    \n"
        "\n"
    )


def test_show_verbose_tells_every_fact_and_tensor() -> None:
    shown = tables.shown(INFO, is_verbose=True)
    rows = {" ".join(line.split()) for line in shown.splitlines()}

    assert {
        "general.parameter_count 1.235814432e+09",
        "llama.context_length 131072",
        "llama.rope.freq_base 8e+09",
        "tokenizer.ggml.tokens [a b c d e ...+2 more]",
        "output.weight Q8_0 [42 3117]",
    } <= rows
