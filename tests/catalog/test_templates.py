"""Which of a model's two templates writes its prompts, and which formats are known by name."""

import dataclasses
import hashlib
from typing import Any

import pytest

import gotext
from inference import protocol
from portal.catalog import actions
from portal.catalog.models import Model
from portal.catalog.papers import capabilities, known_templates
from portal.catalog.storage.manifest import Config, write_parameters
from portal.chat import prompts
from tests.catalog.gguf_files import chat_gguf
from tests.catalog.ollama_folder import OllamaFolder
from tests.catalog.papers.test_capabilities import (
    GO_ROUND_TRIP,
    GO_TOOLS,
    JINJA_BOTH,
    JINJA_TOOLS,
    header,
    named,
)
from tests.inference.engine.families import CHATML, GEMMA, LLAMA3, MISTRAL, PHI3, QWEN3


@pytest.mark.parametrize(
    ("go", "jinja", "config", "wish", "is_layer"),
    [
        ("", JINJA_TOOLS, Config(), None, False),
        (GO_ROUND_TRIP, JINJA_TOOLS, Config(), None, True),
        ("{{ .Prompt }}", JINJA_BOTH, Config(), None, False),
        ("{{ .Prompt }}", JINJA_BOTH, Config(), True, True),
        (GO_ROUND_TRIP, JINJA_TOOLS, Config(), False, False),
        (GO_ROUND_TRIP, "", Config(), False, True),  # there is no other
        # Where Ollama has code of its own, the weights' template is the nearest.
        ("{{ .Prompt }}", JINJA_TOOLS, named(renderer="qwen3-coder"), None, False),
        ("{{ .Prompt }}", JINJA_TOOLS, named(parser="qwen3"), True, True),
        ("{{ .Prompt }}", "", named(renderer="qwen3-coder"), None, True),
        (GO_TOOLS, JINJA_BOTH, Config(model_family="gptoss"), None, True),
        # One that is none is no choice.
        ("{{ .Prompt", JINJA_TOOLS, Config(), True, False),
        ("{{ .Prompt", "", Config(), None, True),
    ],
)
def test_the_layer_writes_the_prompts_where_the_rule_says_so(
    settings: Any, go: str, jinja: str, config: Config, wish: bool | None, is_layer: bool
) -> None:
    settings.PORTAL = dataclasses.replace(settings.PORTAL, go_template=wish)

    assert capabilities.layer_writes(config, header=header(jinja), template=go) == is_layer


@pytest.mark.django_db
def test_what_writes_the_prompts_and_what_comes_first_travel_with_a_request(
    store_root: Any, settings: Any
) -> None:
    folder = OllamaFolder(store_root)
    layer = b"{{ .System }}{{ .Prompt }}"
    messages = b'[{"role":"user","content":"Who?"},{"role":"assistant","content":"Ann."}]'
    plain = chat_gguf(template="{{ messages }}")
    folder.put("plain/latest", [("model", plain), ("template", layer), ("messages", messages)])
    folder.put("other/latest", [("model", plain)])

    actions.sync_with_store(None)

    model, other = Model.objects.get(name="plain:latest"), Model.objects.get(name="other:latest")
    plan = prompts.plan_for_page(model)
    assert plan["go_template"] == hashlib.sha256(layer).hexdigest()
    assert list(plan["beginning"]) == [
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Ann."},
    ]
    assert prompts.plan_for_page(other)["go_template"] is None
    settings.PORTAL = dataclasses.replace(settings.PORTAL, go_template=False)
    actions.sync_with_store(None)
    assert Model.objects.get(name="plain:latest").go_template == ""


def test_first_messages_that_are_none_are_left_out() -> None:
    none = [{"role": "ro bot\n", "content": "x"}, {"role": "user"}, {"role": "user", "content": 5}]
    model = Model(messages=[*none, {"role": "user", "content": "u"}])

    assert prompts.beginning_of(model) == (protocol.Message(role="user", content="u"),)


def test_a_first_message_may_have_a_role_that_only_its_template_knows() -> None:
    model = Model(messages=[{"role": "control", "content": "thinking"}])

    assert prompts.beginning_of(model) == (protocol.Message(role="control", content="thinking"),)


def test_a_known_format_has_the_bytes_that_ollama_gives_it() -> None:
    known = known_templates.detected(PHI3.template)

    assert known is not None
    assert hashlib.sha256(known.template.encode()).hexdigest() == (
        "35360843d0c84fb1506952a131bbef13cd2bb4a541251f22535170c05b56e672"
    )
    assert hashlib.sha256(write_parameters({"stop": list(known.stops)})).hexdigest() == (
        "0d79f567714c62c048378f2107fb332dabee0135d080c302d884317da9433cc5"
    )


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (CHATML.template, "chatml"),
        (LLAMA3.template, "llama3-instruct"),
        (GEMMA.template, "gemma-instruct"),
        (MISTRAL.template, "mistral-instruct"),
        (PHI3.template, "phi-3"),
        ("{{ '<|user|>\n' + content + eos_token }}{{ '<|assistant|>' }}", "zephyr"),
        ("{{ '[INST] <<SYS>>' + system + '<</SYS>>' + '[/INST]' }}", "llama2-chat"),
        ("{{ '### Instruction:\n' + u + '### Response:\n' }}", "alpaca"),
        ("{{ 'GPT4 Correct User: ' + u + '<|end_of_turn|>' }}", "openchat"),
        (QWEN3.template, None),  # it has tools: its own template says more
        ("{{ messages }}", None),
        ("", None),
        (CHATML.template + " " * 4_000, None),
    ],
)
def test_a_format_is_known_by_the_marks_it_writes(template: str, name: str | None) -> None:
    known = known_templates.detected(template)

    assert (known.name if known else None) == name


@pytest.mark.parametrize("each", known_templates.all_known(), ids=lambda each: each.name)
def test_every_known_format_is_a_template_that_writes_turns(each: known_templates.Known) -> None:
    names = gotext.names_in(gotext.parse(each.template))

    assert names & {"messages", "prompt"}
    assert each.stops
