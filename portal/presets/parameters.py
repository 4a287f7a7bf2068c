"""The parameters that people may choose: names, ranges and words. Names are Ollama's.

Not for how a model samples, nor for what programs send: portal/api/options.py caps, this refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inference import protocol
from portal.chat.errors import BadCommand
from portal.chat.limits import must_be_clean

Kind = Literal["whole", "real", "texts"]
MAX_STOPS = 32
MAX_STOP_CHARS = 200
# What -1 says of these is written as nothing in what the worker is asked.
_MINUS_ONE_IS_NOTHING = ("seed", "num_predict")
# Decided where a model is loaded, for everybody who uses it (threat F22).
DECIDED_FOR_ALL = frozenset(
    {"num_ctx", "num_gpu", "num_batch", "num_thread", "num_keep", "main_gpu", "use_mmap"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One of them. `least` and `most` bound a number; `step` is what a button adds."""

    name: str
    kind: Kind
    title: Promise
    explanation: Promise
    least: float = 0
    most: float = 0
    step: float = 1


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="temperature",
        kind="real",
        most=100,
        step=0.1,
        title=gettext_lazy("Temperature"),
        explanation=gettext_lazy(
            "How freely words are chosen. Near 0 the likeliest word nearly always wins, good for"
            " facts and code; above 1 answers become surprising."
        ),
    ),
    Parameter(
        name="num_predict",
        kind="whole",
        least=-1,
        most=1_000_000,
        step=64,
        title=gettext_lazy("Longest answer"),
        explanation=gettext_lazy(
            "The answer ends after so many tokens, which are three quarters of a word each."
            " -1: when the model has finished."
        ),
    ),
    Parameter(
        name="top_p",
        kind="real",
        most=1,
        step=0.05,
        title=gettext_lazy("Top P"),
        explanation=gettext_lazy(
            "Only the likeliest words are considered, as many as together have this share of the"
            " chance. Smaller is safer, 1 considers all."
        ),
    ),
    Parameter(
        name="top_k",
        kind="whole",
        most=1_000_000,
        title=gettext_lazy("Top K"),
        explanation=gettext_lazy(
            "Only so many of the likeliest words are considered. 0 considers all."
        ),
    ),
    Parameter(
        name="min_p",
        kind="real",
        most=1,
        step=0.01,
        title=gettext_lazy("Min P"),
        explanation=gettext_lazy(
            "Words are left out whose chance is below this share of the likeliest word's."
            " 0 leaves none out."
        ),
    ),
    Parameter(
        name="typical_p",
        kind="real",
        most=1,
        step=0.05,
        title=gettext_lazy("Typical P"),
        explanation=gettext_lazy(
            "Prefers words that are about as surprising as is usual in that place. 1 has no effect."
        ),
    ),
    Parameter(
        name="repeat_penalty",
        kind="real",
        most=100,
        step=0.05,
        title=gettext_lazy("Repeat penalty"),
        explanation=gettext_lazy(
            "Above 1, words that were just used become less likely; try 1.1 when an answer goes"
            " round in circles."
        ),
    ),
    Parameter(
        name="repeat_last_n",
        kind="whole",
        least=-1,
        most=1_000_000,
        step=16,
        title=gettext_lazy("Repeat window"),
        explanation=gettext_lazy(
            "How many tokens the repeat penalty looks back. 0 switches it off, -1 looks back over"
            " everything."
        ),
    ),
    Parameter(
        name="presence_penalty",
        kind="real",
        least=-100,
        most=100,
        step=0.1,
        title=gettext_lazy("Presence penalty"),
        explanation=gettext_lazy(
            "Above 0, a word that was used at all becomes less likely: more new topics."
        ),
    ),
    Parameter(
        name="frequency_penalty",
        kind="real",
        least=-100,
        most=100,
        step=0.1,
        title=gettext_lazy("Frequency penalty"),
        explanation=gettext_lazy(
            "Above 0, a word becomes less likely each time it is used: less repetition."
        ),
    ),
    Parameter(
        name="seed",
        kind="whole",
        least=-1,
        most=2**32 - 1,
        title=gettext_lazy("Seed"),
        explanation=gettext_lazy(
            "The same number and the same question give the same answer again."
            " -1: another one each time."
        ),
    ),
    Parameter(
        name="stop",
        kind="texts",
        title=gettext_lazy("Stop texts"),
        explanation=gettext_lazy(
            "The answer ends where one of these would come. One on each line."
        ),
    ),
)
BY_NAME = {each.name: each for each in PARAMETERS}


def checked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """These, fit to be stored; or a refusal that says which of them is wrong, and what is right."""
    return {name: _checked(name, value) for name, value in parameters.items()}


def over(model_parameters: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A model's own parameters with the chosen ones in their place."""
    merged = {**model_parameters, **chosen}
    return {
        name: value
        for name, value in merged.items()
        if not (name in _MINUS_ONE_IS_NOTHING and value == -1)
    }


def defaults_of(options: protocol.Options) -> dict[str, Any]:
    """What holds where nothing is chosen, as people read it."""
    found = {each.name: getattr(options, each.name) for each in PARAMETERS}
    for name in _MINUS_ONE_IS_NOTHING:
        found[name] = -1 if found[name] is None else found[name]
    return {**found, "stop": list(options.stop)}


def _checked(name: str, value: object) -> Any:
    parameter = BY_NAME.get(name)
    if name in DECIDED_FOR_ALL:
        raise BadCommand(
            _(
                "“%(name)s” is decided by your administrator, for everybody who uses this model."
                " Nothing was changed."
            )
            % {"name": name}
        )
    if parameter is None:
        raise BadCommand(
            _("There is no parameter “%(name)s”. Nothing was changed.") % {"name": name[:40]}
        )
    if parameter.kind == "texts":
        return _texts(value)
    return _number(parameter, value)


def _number(parameter: Parameter, value: object) -> float | int:
    if isinstance(value, int | float) and _fits(parameter, value):
        return float(value) if parameter.kind == "real" else int(value)
    words = {
        "title": parameter.title,
        "least": f"{parameter.least:g}",
        "most": f"{int(parameter.most)}",
    }
    if parameter.kind == "whole":
        sentence = _("%(title)s must be a whole number from %(least)s to %(most)s.")
    else:
        sentence = _("%(title)s must be a number from %(least)s to %(most)s.")
    raise BadCommand(f"{sentence % words} {_('Nothing was changed.')}")


def _fits(parameter: Parameter, value: float) -> bool:
    # The range first: it holds no infinity, and no whole number that has no finite neighbour.
    if isinstance(value, bool) or not parameter.least <= value <= parameter.most:
        return False
    return parameter.kind != "whole" or value == int(value)


def _texts(value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or len(texts) > MAX_STOPS or not all(map(_is_stop, texts)):
        raise BadCommand(
            _(
                "At most %(count)s stop texts fit, of at most %(chars)s characters each."
                " Nothing was changed."
            )
            % {"count": MAX_STOPS, "chars": MAX_STOP_CHARS}
        )
    for each in texts:
        must_be_clean(each)
    return texts


def _is_stop(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= MAX_STOP_CHARS
