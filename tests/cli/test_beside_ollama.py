"""The command works against a plain Ollama as `ollama` itself does: tables, words, exit codes, and
what it asks the server.
"""

import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import answers, listing
from cli.answers import Answer
from tests.cli.typist import Typist
from tests.doubles.ollama_server import Kept, OllamaServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def identity(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


# ── Looking ──────────────────────────────────────────────────────────────────────────────────────


def test_models_are_listed_in_the_columns_people_know(typist: Typist) -> None:
    done = typist.types("list")

    header, *rows = done.out.splitlines()
    (moment,) = {row[41:] for row in rows}
    assert header == f"{'NAME':<15}{'ID':<16}{'SIZE':<10}MODIFIED{' ' * (len(moment) - 11)}"
    assert rows[0] == f"llama3.2:1b    {identity('llama3.2:1b')}    1.3 GB    {moment}"
    assert rows[3].startswith(f"embedder:1b    {identity('embedder:1b')}    45 MB     ")
    assert moment.endswith("    ")


def test_a_prefix_in_any_case_makes_the_list_shorter(typist: Typist) -> None:
    assert [row.split()[0] for row in typist.types("ls", "LLAMA").out.splitlines()] == [
        "NAME",
        "llama3.2:1b",
    ]
    assert typist.types("list", "nothing").out == "NAME    ID    SIZE    MODIFIED \n"


def test_a_model_of_the_cloud_has_no_size_here() -> None:
    row = {
        "name": "big:cloud",
        "digest": "c" * 64,
        "size": 384,
        "remote_model": "big",
        "modified_at": "0001-01-01T00:00:00Z",
    }

    server: Any = SimpleNamespace(models=lambda: [row])

    assert listing.models(server).splitlines()[1] == (
        "big:cloud    cccccccccccc    -       Never       "
    )


@pytest.mark.parametrize(
    ("more", "processor", "until"),
    [
        ({}, "100% CPU ", "4 minutes from now"),
        ({"size_vram": 2_200_000_000}, "100% GPU ", "4 minutes from now"),
        ({"size_vram": 1_144_000_000}, "48%/52% CPU/GPU ", "4 minutes from now"),
        ({"size_vram": 2_300_000_000}, "Unknown ", "4 minutes from now"),
        ({"expires_at": "2318-12-01T00:00:00Z"}, "100% CPU ", "Forever"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "100% CPU ", "Stopping..."),
    ],
)
def test_what_is_in_memory_says_where_and_until_when(
    typist: Typist, ollama: OllamaServer, more: dict[str, object], processor: str, until: str
) -> None:
    ollama.loaded["llama3.2:1b"] = more

    header, row = typist.types("ps").out.splitlines()

    assert header.split() == ["NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"]
    assert row.startswith(f"llama3.2:1b    {identity('llama3.2:1b')}    2.2 GB    {processor}")
    assert row.endswith(f" 4096       {until}    ")
    assert typist.types("ps", "LLAMA").out.count("\n") == 1


def test_a_model_is_shown_block_by_block(typist: Typist) -> None:
    assert typist.types("show", "llama3.2:1b").out == (
        "  Model\n"
        "    architecture        llama     \n"
        "    parameters          1.2B      \n"
        "    context length      131072    \n"
        "    embedding length    2048      \n"
        "    quantization        Q8_0      \n"
        "\n"
        "  Capabilities\n"
        "    completion    \n"
        "\n"
    )


def test_one_part_of_a_model_is_printed_as_it_is(typist: Typist, ollama: OllamaServer) -> None:
    ollama.models["llama3.2:1b"] = Kept(
        "llama3.2:1b", more={"system": "Be kind.", "template": "{{ .Prompt }}", "license": "MIT"}
    )

    assert typist.types("show", "llama3.2:1b", "--system").out == "Be kind."
    assert typist.types("show", "llama3.2:1b", "--template").out == "{{ .Prompt }}"
    assert typist.types("show", "--license", "llama3.2:1b").out == "MIT\n"
    assert typist.types("show", "llama3.2:1b", "--license", "--system").err == (
        "Error: only one of '--license', '--modelfile', '--parameters', '--system', or"
        " '--template' can be specified\n"
    )


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────


def test_one_question_is_answered_and_timed(typist: Typist, ollama: OllamaServer) -> None:
    done = typist.types(
        "run", "llama3.2:1b", "Why", "is the sky blue?", "--verbose", piped="Please:"
    )

    assert done.out == "Because of Rayleigh scattering.\n\n"
    assert done.err == (
        "total duration:       2.345678901s\n"
        "load duration:        45.1µs\n"
        "prompt eval count:    26 token(s)\n"
        "prompt eval duration: 120ms\n"
        "prompt eval rate:     216.67 tokens/s\n"
        "eval count:           290 token(s)\n"
        "eval duration:        2.1s\n"
        "eval rate:            138.10 tokens/s\n"
    )
    (body,) = ollama.bodies("/api/generate")
    assert body["prompt"] == "Please: Why is the sky blue?"
    assert body["stream"] is True
    assert "think" not in body


def test_an_empty_pipe_only_loads_the_model(typist: Typist, ollama: OllamaServer) -> None:
    done = typist.types("run", "llama3.2:1b", piped="")

    assert (done.code, done.out) == (0, "")
    assert "llama3.2:1b" in ollama.loaded


def test_what_is_thought_is_framed_or_hidden(typist: Typist, ollama: OllamaServer) -> None:
    framed = typist.types("run", "thinker:1b", "Why?", piped="")
    hidden = typist.types("run", "thinker:1b", "Why?", "--hidethinking", piped="")
    off = typist.types("run", "thinker:1b", "--think=false", "Why?", piped="")

    assert framed.out == (
        "Thinking...\nWaves are short.\n...done thinking.\n\nBecause of Rayleigh scattering.\n\n"
    )
    assert hidden.out == off.out == "Because of Rayleigh scattering.\n\n"
    assert [body["think"] for body in ollama.bodies("/api/generate")] == [True, True, False]


def test_a_level_of_thinking_needs_its_equals_sign(typist: Typist, ollama: OllamaServer) -> None:
    typist.types("run", "thinker:1b", "--think", "high", piped="")
    typist.types("run", "thinker:1b", "--think=high", "Why?", piped="")
    wrong = typist.types("run", "thinker:1b", "--think=much", "Why?", piped="")

    first, second = ollama.bodies("/api/generate")
    assert (first["think"], first["prompt"]) == (True, "high")
    assert (second["think"], second["prompt"]) == ("high", "Why?")
    assert wrong.err == (
        'Error: invalid value for --think: "much"'
        " (must be true, false, high, medium, low, or max)\n"
    )


def test_what_cannot_think_says_so_with_its_status(typist: Typist) -> None:
    done = typist.types("run", "llama3.2:1b", "--think", "Why?", piped="")

    assert done.code == 1
    assert done.err == 'Error: 400 Bad Request: "llama3.2:1b" does not support thinking\n'


def test_a_format_and_how_long_to_stay_travel_as_they_are(
    typist: Typist, ollama: OllamaServer
) -> None:
    schema = {"type": "object", "properties": {"sky": {"type": "string"}}}

    typist.types("run", "llama3.2:1b", "Why?", "--format", "json", "--keepalive", "1h30m", piped="")
    typist.types("run", "llama3.2:1b", "Why?", "--format", json.dumps(schema), piped="")

    first, second = ollama.bodies("/api/generate")
    assert (first["format"], first["keep_alive"]) == ("json", "1h30m")
    assert second["format"] == schema


def test_a_duration_is_refused_in_the_words_of_ollamas_own_command(typist: Typist) -> None:
    done = typist.types("run", "llama3.2:1b", "Why?", "--keepalive", "5", piped="")

    assert (done.code, done.err) == (1, 'Error: time: missing unit in duration "5"\n')


def test_a_picture_is_taken_out_of_the_words_and_sent(
    typist: Typist, ollama: OllamaServer, tmp_path: Path
) -> None:
    (tmp_path / "sky.png").write_bytes(PNG)

    done = typist.types("run", "seer:1b", f"What is in {tmp_path}/sky.png ?", piped="")

    (body,) = ollama.bodies("/api/generate")
    assert done.err == f"Added image '{tmp_path}/sky.png'\n"
    assert body["images"] == [base64.b64encode(PNG).decode()]
    assert body["prompt"] == "What is in  ?"


def test_a_text_becomes_a_vector_on_one_line(typist: Typist, ollama: OllamaServer) -> None:
    done = typist.types("run", "embedder:1b", "blue", "--dimensions", "2", "--truncate", piped="")
    nothing = typist.types("run", "embedder:1b", piped="")
    wrong = typist.types("run", "embedder:1b", "blue", "--dimensions", "two", piped="")

    assert done.out == "[0.6,0.8]\n"
    (body,) = ollama.bodies("/api/embed")
    assert (body["input"], body["dimensions"], body["truncate"]) == ("blue", 2, True)
    assert nothing.err == (
        "Error: embedding models require input text."
        ' Usage: portal run embedder:1b "your text here"\n'
    )
    assert wrong.err == (
        'Error: invalid argument "two" for "--dimensions" flag:'
        ' strconv.ParseInt: parsing "two": invalid syntax\n'
    )


def test_a_model_that_is_not_there_is_fetched_first(typist: Typist, ollama: OllamaServer) -> None:
    ollama.registry["new:1b"] = Kept("new:1b", said=("Here I am.",))

    done = typist.types("run", "new:1b", "Hello", "--insecure", piped="")

    assert done.out == "Here I am.\n\n"
    assert done.err.splitlines()[0] == "pulling manifest"
    assert done.err.splitlines()[-1] == "success"
    assert ollama.bodies("/api/pull") == [{"model": "new:1b", "insecure": True}]


# ── Fetching, making, removing ───────────────────────────────────────────────────────────────────


def test_a_pull_tells_each_status_once(typist: Typist, ollama: OllamaServer) -> None:
    new = ollama.registry["new:1b"] = Kept("new:1b")

    assert typist.types("pull", "new:1b").err.splitlines() == [
        "pulling manifest",
        f"pulling {new.digest[:12]}",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    missing = typist.types("pull", "nothing")
    assert missing.code == 1
    assert missing.err.splitlines()[-1] == "Error: pull model manifest: file does not exist"


def test_a_push_says_where_the_model_is_now(typist: Typist) -> None:
    done = typist.types("push", "llama3.2:1b")

    assert done.out == "\nYou can find your model at:\n\n\tllama3.2:1b\n"
    assert done.err.splitlines()[-1] == "success"
    assert typist.types("push", "nothing").err == (
        "Error: 404 Not Found: model 'nothing' not found\n"
    )


def test_a_model_is_made_of_local_files_which_are_sent_first(
    typist: Typist, ollama: OllamaServer, tmp_path: Path
) -> None:
    weights = b"GGUF" + b"\0" * 64
    (tmp_path / "own.gguf").write_bytes(weights)
    (tmp_path / "Modelfile").write_text("FROM ./own.gguf\nSYSTEM Be kind.\n")
    digest = f"sha256:{hashlib.sha256(weights).hexdigest()}"

    done = typist.types("create", "mine", "-q", "q4_K_M", "--draft-quantize", "Q8_0")

    assert done.code == 0, done.err
    assert done.err.splitlines() == [
        "gathering model components",
        f"copying file {digest}",
        "using existing layer sha256:" + "a" * 64,
        "writing manifest",
        "success",
    ]
    (sent,) = [asked for asked in ollama.asked if asked.path.startswith("/api/blobs/")]
    assert (sent.method, sent.path) == ("POST", f"/api/blobs/{digest}")
    assert ollama.bodies("/api/create") == [
        {
            "model": "mine",
            "quantize": "q4_K_M",
            "draft_quantize": "Q8_0",
            "files": {"own.gguf": digest},
            "system": "Be kind.",
        }
    ]


def test_models_are_copied_and_removed_one_by_one(typist: Typist, ollama: OllamaServer) -> None:
    assert typist.types("cp", "llama3.2:1b", "mine").out == "copied 'llama3.2:1b' to 'mine'\n"
    removed = typist.types("rm", "mine", "nothing", "seer:1b")

    assert removed.out == "deleted 'mine'\n"
    assert (removed.code, removed.err) == (1, "Error: model 'nothing' not found\n")
    assert "seer:1b" in ollama.models
    assert typist.types("cp", "nothing", "mine").err == 'Error: model "nothing" not found\n'


def test_a_model_is_stopped_without_a_word(typist: Typist, ollama: OllamaServer) -> None:
    ollama.loaded["llama3.2:1b"] = {}

    assert typist.types("stop", "llama3.2:1b").out == ""
    assert ollama.loaded == {}
    assert typist.types("stop", "nothing").err == 'Error: couldn\'t find model "nothing" to stop\n'


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show",), "accepts 1 arg(s), received 0"),
        (("cp", "a"), "accepts 2 arg(s), received 1"),
        (("rm",), "requires at least 1 arg(s), only received 0"),
        (("run",), "requires at least 1 arg(s), only received 0"),
        (("list", "a", "b"), "accepts at most 1 arg(s), received 2"),
        (("list", "--x"), "unknown flag: --x"),
        (("show", "-x", "llama3.2:1b"), "unknown shorthand flag: 'x' in -x"),
        (("run", "llama3.2:1b", "--keepalive"), "flag needs an argument: --keepalive"),
        (("foo",), 'unknown command "foo" for "portal"'),
        (("lst",), 'unknown command "lst" for "portal"\n\nDid you mean this?\n\tlist\n\tls\n'),
        (("show", "nothing"), "model 'nothing:latest' not found"),
    ],
)
def test_mistakes_are_told_in_the_words_people_know(
    typist: Typist, words: tuple[str, ...], said: str
) -> None:
    done = typist.types(*words)

    assert (done.code, done.out, done.err) == (1, "", f"Error: {said}\n")


def test_where_nobody_answers_the_address_is_named(typist: Typist) -> None:
    done = typist.types("list", more={"PORTAL_HOST": "127.0.0.1:1"})

    assert (done.code, done.err) == (
        1,
        "Error: could not connect to http://127.0.0.1:1. Is the portal running there, and is the"
        " address right? 'portal login ADDRESS' sets another one.\n",
    )


def test_help_names_every_command_and_the_variables_it_looks_at(typist: Typist) -> None:
    about_all, about_run = typist.types("help"), typist.types("help", "run")

    for command in ("run", "show", "pull", "push", "list", "ps", "cp", "rm", "create", "stop"):
        assert f"\n  {command} " in about_all.out
    assert about_run.out == typist.types("run", "--help").out
    assert f"      {'PORTAL_HOST':<27}   " in about_run.out
    assert typist.types("help", "foo").err == 'Error: unknown command "foo" for "portal"\n'
    assert "make run" in typist.types("serve").err


def test_ctrl_c_ends_the_answer_at_the_server_too(
    typist: Typist, ollama: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama.is_endless = True

    def pressed(_part: object, answer: Answer, _screen: object) -> None:
        answer.content += "word "
        if len(answer.content) > 50:
            raise KeyboardInterrupt

    monkeypatch.setattr(answers, "_take", pressed)

    done = typist.types("run", "llama3.2:1b", "Why?", piped="")

    assert done.code == 0
    assert ollama.has_been_left.wait(100)
