"""Options of a request → the stages that choose a token, in order. Pure; backends build them.

The order is that of llama.cpp's server, which Ollama runs its models on and gives no order of its
own: `common_params_sampling.samplers` in common/common.h of the locked llama.cpp, less the stages
that no option of Ollama's turns on (dry, top-n-sigma, xtc).
"""

from dataclasses import dataclass

from inference.protocol import Options

# llama.cpp reads this one value as "draw a seed yourself", so that it would not reproduce.
_RESERVED_SEED = 2**32 - 1
_GREEDY_BELOW_TEMPERATURE = 1e-3
_SMALLEST_REPEAT_PENALTY = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalties:
    last_tokens: int
    repeat: float
    frequency: float
    presence: float


@dataclass(frozen=True, slots=True)
class TopK:
    tokens: int


@dataclass(frozen=True, slots=True)
class Typical:
    mass: float


@dataclass(frozen=True, slots=True)
class TopP:
    mass: float


@dataclass(frozen=True, slots=True)
class MinP:
    share: float


@dataclass(frozen=True, slots=True)
class Temperature:
    value: float


@dataclass(frozen=True, slots=True)
class Draw:
    """The last stage: a token at random, the same for the same seed."""

    seed: int


@dataclass(frozen=True, slots=True)
class Greedy:
    """The last stage: the likeliest token."""


Stage = Penalties | TopK | Typical | TopP | MinP | Temperature | Draw | Greedy
Recipe = tuple[Stage, ...]


def recipe(options: Options, *, seed: int, context_length: int) -> Recipe:
    """The stages for these options. `seed` is used when the options bring none.

    Stages that would change nothing are left out. Values that the library cannot bear become
    the nearest one it can: a repeat penalty of 0 is off, a temperature near 0 is greedy.
    """
    penalties = _penalties(options, context_length=context_length)
    if options.temperature < _GREEDY_BELOW_TEMPERATURE:
        return (*penalties, Greedy())
    chosen_seed = seed if options.seed is None else options.seed
    return (
        *penalties,
        *([TopK(options.top_k)] if options.top_k > 0 else []),
        *([Typical(options.typical_p)] if options.typical_p < 1 else []),
        *([TopP(options.top_p)] if options.top_p < 1 else []),
        *([MinP(options.min_p)] if options.min_p > 0 else []),
        Temperature(options.temperature),
        Draw(_RESERVED_SEED - 1 if chosen_seed == _RESERVED_SEED else chosen_seed),
    )


def _penalties(options: Options, *, context_length: int) -> tuple[Stage, ...]:
    last_tokens = context_length if options.repeat_last_n == -1 else options.repeat_last_n
    stage = Penalties(
        last_tokens=min(last_tokens, context_length),
        repeat=max(options.repeat_penalty, _SMALLEST_REPEAT_PENALTY)
        if options.repeat_penalty > 0
        else 1.0,
        frequency=options.frequency_penalty,
        presence=options.presence_penalty,
    )
    is_off = stage.repeat == 1.0 and stage.frequency == 0.0 and stage.presence == 0.0
    return () if is_off or stage.last_tokens == 0 else (stage,)
