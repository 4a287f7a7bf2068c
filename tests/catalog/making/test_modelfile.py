"""The Modelfile language: what a file says, and that what is printed says the same again."""

from itertools import product

import pytest

from modelfile import BadModelfile, Command, line_of, parse

WORDS = (
    'command must be one of "from", "license", "template", "system", "adapter", "draft",'
    ' "renderer", "parser", "parameter", "message", or "requires"'
)
ROLES = 'message role must be one of "system", "user", or "assistant"'


def said(text: str) -> list[tuple[str, str, str]]:
    return [(each.word, each.key, each.value) for each in parse(text.encode())]


def value_of(text: str) -> str:
    """Of the first command after `FROM x`."""
    return parse(f"FROM x\n{text}".encode())[1].value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("### User: ", "### User:"),
        ('"### User: "', "### User: "),
        ('"""### User:\n"""', "### User:\n"),
        ("<|eot_id|>", "<|eot_id|>"),
        ('""', ""),
        ('""""""', ""),
        ("'single'", "'single'"),
        ('say "hi" now', 'say "hi" now'),
        ("a # b", "a # b"),
        ("tab\tinside", "tab\tinside"),
        ("zero\u200bwidth", "zerowidth"),
        ("of a later Unicode: \U0001fae9\U000323b0", "of a later Unicode: \U0001fae9\U000323b0"),
        ('"two\nlines"', "two\nlines"),
        ('"one\r\ntwo"', "one\r\ntwo"),
        ('"""say "hi"\n\nagain"""  ', 'say "hi"\n\nagain'),
        ('"""a""" b"""', 'a""" b'),
        ('"""""""', '"'),
        ("你好，世界 🌍", "你好，世界 🌍"),
        ('"backslash \\n stays"', "backslash \\n stays"),
    ],
)
@pytest.mark.parametrize("word", ["PARAMETER stop", "SYSTEM"])
def test_a_value_is_what_stands_between_its_quotes(word: str, written: str, value: str) -> None:
    assert value_of(f"{word} {written}\n") == value
    assert value_of(f"{word} {written}\nSYSTEM more\n") == value


def test_commands_come_in_order_and_in_any_case() -> None:
    text = """
# a comment
  from  llama3.2:latest
FROM ./mmproj.gguf
\tPaRaMeTeR temperature 0.7 # not a comment
parameter stop "a "
MESSAGE user  How are you?
LICENSE one
LICENSE two
requires v0.14.0
"""

    assert said(text) == [
        ("from", "", "llama3.2:latest"),
        ("from", "", "./mmproj.gguf"),
        ("parameter", "temperature", "0.7 # not a comment"),
        ("parameter", "stop", "a "),
        ("message", "user", "How are you?"),
        ("license", "", "one"),
        ("license", "", "two"),
        ("requires", "", "v0.14.0"),
    ]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "no FROM line"),
        ("SYSTEM hi", "no FROM line"),
        ("\nFROM foo\nBADCOMMAND param1 value1\n", f"(line 3): {WORDS}"),
        ("FROM foo\r\nBADCOMMAND x\n", f"(line 3): {WORDS}"),
        ("FROM\nfoo", f"(line 2): {WORDS}"),
        ("FROM1 foo", f"(line 1): {WORDS}"),
        ("*", f"(line 1): {WORDS}"),
        ("FROM foo\nMESSAGE tool hi\n", f"(line 2): {ROLES}"),
        ("FROM foo\nMESSAGE user\n", "unexpected EOF: user"),
        ("FROM foo\nPARAMETER stop\n", "unexpected EOF: stop"),
        ("FROM foo\nPARAMETER stop", "unexpected EOF"),
        ("FROM foo\nSYSTEM", "unexpected EOF"),
        ('FROM foo\nSYSTEM "open\nand open', "unexpected EOF"),
        ('FROM foo\nSYSTEM """open\n""\n', "unexpected EOF"),
        ('FROM foo\nSYSTEM """""', "unexpected EOF"),
    ],
)
def test_what_is_no_modelfile_is_refused_with_its_line(text: str, refusal: str) -> None:
    with pytest.raises(BadModelfile) as refused:
        parse(text.encode())

    assert str(refused.value) == refusal


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_be_written_by_any_editor(encoding: str) -> None:
    text = "FROM base\nSYSTEM 你是一个助手 🐘\n"
    data = text.encode(encoding)
    swapped = b"\xfe\xff" + text.encode("utf-16-be")

    wanted = (Command("from", "base"), Command("system", "你是一个助手 🐘"))
    assert parse(data) == wanted
    assert parse(swapped) == wanted


def test_bytes_that_are_no_text_become_marks_and_nothing_else() -> None:
    assert parse(b"FROM x\nSYSTEM a\xffb\n")[1].value == "a\ufffdb"


LETTERS = "a \"\n\t你#\\'"


@pytest.mark.parametrize(
    ("word", "key"), [("system", ""), ("template", ""), ("parameter", "stop"), ("message", "user")]
)
def test_what_is_printed_reads_back_as_the_same_commands(word: str, key: str) -> None:
    """Every text of up to four of these letters that the language has a way to write."""
    texts = ["".join(text) for length in range(5) for text in product(LETTERS, repeat=length)]
    commands = [Command(word, text, key) for text in texts if can_be_written(text)]

    printed = "".join(f"{line_of(each)}\n" for each in [*commands, Command("from", "base:latest")])

    assert list(parse(printed.encode()))[:-1] == commands


def can_be_written(value: str) -> bool:
    """The language has no escapes: some values cannot be said in it, whoever prints them."""
    is_bare = "\n" not in value and not value.startswith(" ") and not value.endswith(" ")
    if is_bare:
        return not value.startswith(('"', "\t")) and not value.endswith("\t")
    lines = value.split("\n")
    if '"' not in value:
        return True
    return not any(line.rstrip(" \t").endswith('"""') for line in lines) and not value.startswith(
        '"'
    )
