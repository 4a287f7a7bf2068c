"""What a model can do, by the rules of the contract (section 1.7), and which template renders it.

Everything is read off the files; nothing here was tried.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings

import gotext
from portal.catalog.papers.gguf import Header
from portal.catalog.storage.manifest import Config

# Of families that think aloud between tags of their own: gpt-oss, gemma, mistral, cohere, seed.
_THINKING_TAGS = ("<|channel|>", "<|channel>", "[THINK]", "<|START_THINKING|>", "<seed:think>")
_HARMONY_FAMILIES = ("gptoss", "gpt-oss")
_COMPARED = frozenset(("tools", "insert", "thinking"))
# What the parsers that a configuration may name can read out of an answer.
_TOOLS, _BOTH = ("tools",), ("tools", "thinking")
_PARSERS = {
    **dict.fromkeys(
        ("qwen3", "qwen3-coder", "qwen3-vl-instruct", "olmo3", "functiongemma"), _TOOLS
    ),
    **dict.fromkeys(("lfm2", "gemma4-no-thinking"), _TOOLS),
    **dict.fromkeys(("harmony", "qwen3-thinking", "qwen3.5", "qwen3-vl-thinking"), _BOTH),
    **dict.fromkeys(("ornith", "gemma4", "deepseek3", "cogito", "ministral", "glm-4.7"), _BOTH),
    **dict.fromkeys(("laguna", "lfm2-thinking", "nemotron-3-nano", "cohere"), _BOTH),
    "nemotron-3.5-nano": _BOTH,
    "olmo3-think": ("thinking",),
}


@dataclass(frozen=True, slots=True)
class _Template:
    """What one of the two templates shows. `round_trips`: it can show what a tool answered."""

    abilities: tuple[str, ...]
    round_trips: bool

    @property
    def compared(self) -> frozenset[str]:
        return _COMPARED & set(self.abilities)


def of(config: Config, *, header: Header, template: str, projector: Header | None) -> list[str]:
    """As `show` tells it, each once and in its order. `template` is the layer's text or empty."""
    is_jinja = jinja_renders(config, header=header, template=template)
    found = [*config.capabilities]
    if is_jinja:
        found += _of_jinja(header.chat_template).abilities
    found += _of_weights(header)
    found += _of_projector(projector)
    if not is_jinja:
        found += _of_go(template).abilities
    return _unique([*found, *_of_config(config)])


def as_listed(
    config: Config, *, header: Header, template: str, projector: Header | None
) -> list[str]:
    """As lists tell it: the same by a simpler rule, which never looks at the file's template."""
    kind = [each for each in _of_weights(header) if each not in ("vision", "audio")]
    senses = [each for each in _of_weights(header) if each in ("vision", "audio")]
    found = [*senses, *kind, *config.capabilities, *_of_go(template).abilities]
    found += _PARSERS.get(config.others.get("parser", ""), ())
    return _unique([*found, *_of_projector(projector)])


def jinja_renders(config: Config, *, header: Header, template: str) -> bool:
    """Whether the template that the weights carry is used, and not the layer's (section 7.1)."""
    if not header.chat_template:
        return False
    if not template:
        return True
    if (is_go_asked_for := settings.PORTAL.go_template) is not None:
        return not is_go_asked_for
    if config.others.get("renderer") or config.others.get("parser") or _is_harmony(config):
        return False
    layer, own = _of_go(template), _of_jinja(header.chat_template)
    if len(own.compared) > len(layer.compared):
        return own.round_trips or not layer.round_trips
    is_same = own.compared == layer.compared and "tools" in own.compared
    return is_same and own.round_trips and not layer.round_trips


def layer_writes(config: Config, *, header: Header, template: str) -> bool:
    """Whether the layer's template writes the prompts of this model here.

    Of a model that names a renderer in its configuration, code of Ollama's own writes them there.
    The template in its weights is the nearest thing that we have, and a layer that cannot be read
    is none.
    """
    if not template or jinja_renders(config, header=header, template=template):
        return False
    names_code = bool(config.others.get("renderer") or config.others.get("parser"))
    has_other = bool(header.chat_template)
    if has_other and names_code and settings.PORTAL.go_template is None:
        return False
    return not (has_other and _is_unreadable(template))


def _is_unreadable(template: str) -> bool:
    try:
        gotext.parse(template)
    except gotext.TemplateError:
        return True
    return False


def _of_weights(header: Header) -> Iterator[str]:
    yield "embedding" if header.is_embedding_model else "completion"
    if header.is_ranking_model:
        yield "rerank"
    for sense in ("vision", "audio"):
        if header.number(f"{header.architecture}.{sense}.block_count") is not None:
            yield sense


def _of_projector(projector: Header | None) -> Iterator[str]:
    if projector is None:
        return
    yield "vision"
    hears = (
        value is True
        for key, value in projector.metadata.items()
        if key.endswith(".has_audio_encoder")
    )
    if any(hears) and projector.text("clip.projector_type") != "gemma3nv":
        yield "audio"


def _of_config(config: Config) -> Iterator[str]:
    yield from _PARSERS.get(config.others.get("parser", ""), ())
    if _is_harmony(config):
        yield "thinking"


def _is_harmony(config: Config) -> bool:
    return config.model_family in _HARMONY_FAMILIES


def _of_go(template: str) -> _Template:
    """One that cannot be read shows nothing."""
    try:
        parsed = gotext.parse(template)
    except gotext.TemplateError:
        return _Template((), round_trips=False)
    names = gotext.names_in(parsed)
    abilities = [
        ability
        for ability, is_there in (
            ("tools", "tools" in names),
            ("insert", "suffix" in names),
            ("thinking", gotext.thinking_tags(parsed) is not None),
        )
        if is_there
    ]
    answers = ('eq .Role "tool"', "tool_response", "TOOL_RESULTS")
    round_trips = {"tools", "toolcalls"} <= names and any(each in template for each in answers)
    return _Template(tuple(abilities), round_trips=round_trips)


def _of_jinja(template: str) -> _Template:
    abilities = []
    if "tools" in template or "tool_call" in template:
        abilities.append("tools")
    has_tags = "<think>" in template and "</think>" in template
    splits = "split('</think>')" in template or 'split("</think>")' in template
    is_foreign = "reasoning_content" in template or "<SPECIAL_12>" in template
    if has_tags or (splits and not is_foreign) or any(tag in template for tag in _THINKING_TAGS):
        abilities.append("thinking")
    answers = ("'tool'", '"tool"', "tool_response", "ipython")
    round_trips = (
        "tools" in abilities
        and "tool_calls" in template
        and any(each in template for each in answers)
    )
    return _Template(tuple(abilities), round_trips=round_trips)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
