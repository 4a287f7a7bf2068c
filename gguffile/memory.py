"""Pure: how much memory a model will need before it is loaded, and in what shape it fits.

Weights and layers come from the file's own header (`header.py`); keys and values from the shape of
the attention; what computing needs is a formula checked against llama.cpp. Decides for one model
and a given room; not for which models share the machine.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal, Protocol

from gguffile.header import Array, Header
from gguffile.size import Size

CacheType = Literal["f16", "q8_0", "q4_0"]

BATCH_TOKENS = 512
PROCESS_BYTES = 96 * 1024 * 1024  # Python, the library, the child that renders templates
PROCESS_BYTES_PER_TOKEN = 320  # of the vocabulary
_LEFT_TO_OTHERS = 4  # parking takes one part of so many of what a model leaves free
DEVICE_BYTES = 384 * 1024 * 1024  # what a process costs on an accelerator before it does anything
LEAST_CONTEXT = 2_048  # a shorter one helps nobody
_CACHE_BYTES: dict[CacheType, float] = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
_CACHE_BLOCK = 32
_CELLS = 256  # llama.cpp rounds up to so many
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One block: its weights, a token's keys and values in elements, and a conversation's state."""

    weight_bytes: int
    cache_elements: int = 0
    is_windowed: bool = False
    state_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What memory depends on. `window` 0: every layer sees the whole context."""

    layers: tuple[Layer, ...]
    input_bytes: int  # what stays beside the processor
    output_bytes: int  # what goes along as one more layer; 0 when it is the input's table
    width: int
    feed_forward: int
    vocabulary: int
    trained_context: int
    window: int = 0
    can_quantise_cache: bool = True
    extra_bytes: int = 0  # projector and adapters


class Accelerator(Protocol):
    """What matters here of a graphics card: whether its memory is the machine's own."""

    @property
    def is_shared(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to load a model. `context_length` is for each of the `slots`."""

    slots: int
    context_length: int
    gpu_layers: int = 0
    park_bytes: int = 0
    cache_type: CacheType = "f16"
    is_window_whole: bool = False


def shape(header: Header, *, extra_bytes: int = 0) -> Shape:
    """Read off a header. What it does not say counts as nothing."""
    # A layer has a tensor at least: a file cannot make us count to four thousand million (E17).
    count = min(header.own("block_count"), len(header.tensors))
    weights = dict.fromkeys(range(count), 0)
    input_bytes = output_bytes = 0
    for tensor in header.tensors:
        layer = _layer_of(tensor.name)
        if layer in weights:
            weights[layer] += tensor.size_bytes
        elif tensor.name.startswith("output."):
            output_bytes += tensor.size_bytes
        else:
            input_bytes += tensor.size_bytes
    width = header.own("embedding_length")
    experts = header.own("expert_used_count") * header.own("expert_feed_forward_length")
    recurrent = header.own("ssm.inner_size") * 8 // 3  # as much as a layer so wide computes with
    return Shape(
        layers=tuple(_layers(header, weights)),
        input_bytes=input_bytes,
        output_bytes=output_bytes,
        width=width,
        feed_forward=max(header.own("feed_forward_length"), experts, recurrent),
        vocabulary=_vocabulary(header),
        trained_context=header.own("context_length"),
        window=header.own("attention.sliding_window"),
        can_quantise_cache=all(length % _CACHE_BLOCK == 0 for length in _head_lengths(header)),
        extra_bytes=extra_bytes,
    )


def _vocabulary(header: Header) -> int:
    listed = header.length_of("tokenizer.ggml.tokens")
    return header.own("vocab_size") if listed is None else listed


def _layer_of(name: str) -> int:
    """The number in `blk.7.attn_q.weight`; -1 for what belongs to no layer."""
    number = name.split(".", 2)[1] if name.startswith("blk.") else ""
    return int(number) if number.isascii() and number.isdigit() else -1


def _head_lengths(header: Header) -> tuple[int, int]:
    """Elements of one head's key and value. Compressed attention keeps no values of its own."""
    heads = header.own("attention.head_count")
    usual = header.own("embedding_length") // heads if heads else 0
    value = header.own("attention.value_length", usual)
    is_compressed = header.own("attention.key_length_mla") > 0
    return header.own("attention.key_length", usual), 0 if is_compressed else value


def _layers(header: Header, weights: dict[int, int]) -> Iterator[Layer]:
    heads = header.own_each("attention.head_count", count=len(weights))
    kv_heads = header.own_each("attention.head_count_kv", count=len(weights), default=-1)
    key, value = _head_lengths(header)
    every = header.own("full_attention_interval")
    state = _state_elements(header) * _FLOAT_BYTES
    is_causal = header.metadata.get(f"{header.architecture}.attention.causal", True)
    for number, weight_bytes in weights.items():
        shared = heads[number] if kv_heads[number] < 0 else kv_heads[number]
        if every and (number + 1) % every:
            shared = 0
        yield Layer(
            weight_bytes=weight_bytes,
            cache_elements=(key + value) * shared if is_causal else 0,
            is_windowed=_is_windowed(header, number),
            state_bytes=0 if shared else state,
        )


def _is_windowed(header: Header, number: int) -> bool:
    """By the file's pattern; without one, as llama.cpp takes it: each is told in few families."""
    if not header.own("attention.sliding_window"):
        return False
    pattern = header.metadata.get(f"{header.architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, Array) and pattern.numbers is not None:
        return number < len(pattern.numbers) and bool(pattern.numbers[number])
    every = pattern if isinstance(pattern, int) and pattern > 0 else 0
    every = every or {"gemma2": 2, "gemma3": 6, "gpt-oss": 2}.get(header.architecture, 0)
    return bool(every) and (number + 1) % every != 0


def _state_elements(header: Header) -> int:
    """What a recurrent layer remembers of one conversation."""
    width, head = header.own("embedding_length"), header.own("wkv.head_size")
    if head:
        return width * head + 2 * width
    inner, state = header.own("ssm.inner_size"), header.own("ssm.state_size")
    kernel, groups = header.own("ssm.conv_kernel"), header.own("ssm.group_count")
    short = max(0, header.own("shortconv.l_cache") - 1) * width
    return inner * state + max(0, kernel - 1) * (inner + 2 * groups * state) + short


def need(model: Shape, way: Way, *, devices: Sequence[Accelerator] = ()) -> Size:
    """What this way of loading will occupy, beside the processor and on the accelerators."""
    count = len(model.layers)
    moved = min(way.gpu_layers, count) if devices else 0
    is_output_moved = bool(devices) and way.gpu_layers > count
    ram = _own_bytes(model, way)
    ram += sum(_layer_bytes(model, layer, way) for layer in model.layers[: count - moved])
    if not moved and not is_output_moved:
        return Size(ram_bytes=ram + model.output_bytes + model.extra_bytes)
    vram = sum(_layer_bytes(model, layer, way) for layer in model.layers[count - moved :])
    vram += len(devices) * (_compute_bytes(model, way) + DEVICE_BYTES) + model.extra_bytes
    if is_output_moved:  # a model that reads and writes with the same table has it twice then
        vram += model.output_bytes or model.input_bytes
    else:
        ram += model.output_bytes
    if any(device.is_shared for device in devices):
        ram += vram
    return Size(ram_bytes=ram, vram_bytes=vram)


def fit(
    model: Shape,
    wish: Way,
    *,
    room: Size,
    devices: Sequence[Accelerator] = (),
    gpu_layers: int | None = None,
) -> Way:
    """The best way that fits: the whole wish, else less parking, fewer slots, a shorter context.

    A whole model on the accelerators with fewer slots goes before a part of it with more. Where
    nothing fits, the smallest way: alone it may be tried. `gpu_layers` is not chosen if given.
    """
    everything = len(model.layers) + 1
    layers = everything if gpu_layers is None else min(gpu_layers, everything)
    is_chosen = bool(devices) and gpu_layers is None
    ways = list(_ways(model, replace(wish, gpu_layers=layers if devices else 0)))
    whole = [_parked(model, way, room, devices) for way in ways]
    if is_chosen:  # nobody's conversations are cut short to be quicker
        whole = [way for way in whole if way.context_length == ways[0].context_length]
    parts = (_offloaded(model, way, room, devices) for way in (ways if is_chosen else ()))
    way = ways[-1]
    for way in chain(whole, parts):
        if need(model, way, devices=devices).fits(room):
            break
    return way


def most_at_once(
    model: Shape, wish: Way, *, room: Size, devices: Sequence[Accelerator] = ()
) -> int:
    """How many conversations of this context fit at the same time, `wish.slots` at most; 0: none.

    Wherever the layers go. Nothing is counted for parking, which takes only what is left.
    """

    def lacks_room(slots: int) -> bool:
        asked = replace(wish, slots=slots, park_bytes=0)
        way = fit(model, asked, room=room, devices=devices)
        whole = next(_ways(model, asked))
        is_whole = (way.slots, way.context_length) == (slots, whole.context_length)
        return not (is_whole and need(model, way, devices=devices).fits(room))

    return bisect_left(range(1, wish.slots + 1), True, key=lacks_room)


def _offloaded(model: Shape, way: Way, room: Size, devices: Sequence[Accelerator]) -> Way:
    """As many layers on the accelerators as their memory takes.

    llama.cpp deals whole layers to several of them by their free memory, so each but the first may
    end up with one more than its share: room for that is kept.
    """
    largest = max((_layer_bytes(model, layer, way) for layer in model.layers), default=0)
    budget_bytes = room.vram_bytes - largest * (len(devices) - 1)
    layers = bisect_right(
        range(1, len(model.layers) + 1),
        budget_bytes,
        key=lambda count: need(model, replace(way, gpu_layers=count), devices=devices).vram_bytes,
    )
    return _parked(model, replace(way, gpu_layers=layers), room, devices)


def _ways(model: Shape, wish: Way) -> Iterator[Way]:
    """Ever more modest: half the slots again and again, then half the context."""
    length = wish.context_length
    if model.trained_context:
        length = min(length, model.trained_context)
    way = replace(wish, context_length=length)
    if not model.can_quantise_cache:
        way = replace(way, cache_type="f16")
    yield way
    while way.slots > 1:
        way = replace(way, slots=way.slots // 2)
        yield way
    while way.context_length // 2 >= LEAST_CONTEXT:
        way = replace(way, context_length=way.context_length // 2)
        yield way


def _parked(model: Shape, way: Way, room: Size, devices: Sequence[Accelerator]) -> Way:
    """With as much parking as may be taken of what the rest leaves."""
    rest = need(model, replace(way, park_bytes=0), devices=devices)
    return replace(way, park_bytes=min(way.park_bytes, parkable_bytes(room.less(rest))))


def parkable_bytes(left: Size) -> int:
    """How much of what is left may be parked in: who comes next would find no room beside it."""
    return left.ram_bytes // _LEFT_TO_OTHERS


def _own_bytes(model: Shape, way: Way) -> int:
    """What stays beside the processor wherever the layers go."""
    process = PROCESS_BYTES + PROCESS_BYTES_PER_TOKEN * model.vocabulary
    answers = way.slots * model.vocabulary * _FLOAT_BYTES
    return model.input_bytes + process + answers + _compute_bytes(model, way) + way.park_bytes


def _layer_bytes(model: Shape, layer: Layer, way: Way) -> int:
    """Weights, and for every slot the keys and values of its cells, or its state."""
    cells = _padded(way.context_length)
    if layer.is_windowed and not way.is_window_whole:
        cells = min(cells, _padded(model.window + BATCH_TOKENS))
    each = cells * layer.cache_elements * _CACHE_BYTES[way.cache_type]
    return layer.weight_bytes + way.slots * (int(each) + layer.state_bytes)


def _compute_bytes(model: Shape, way: Way) -> int:
    """For the largest batch: either the last words of all, or a layer; and who may see whom."""
    last = model.vocabulary + 2 * model.width
    within = 3 * model.feed_forward + 4 * model.width
    sees = {layer.is_windowed for layer in model.layers if layer.cache_elements}
    mask_bytes = 2 * _padded(way.context_length) * len(sees)
    return BATCH_TOKENS * (_FLOAT_BYTES * max(last, within) + mask_bytes)


def _padded(cells: int) -> int:
    return -(-cells // _CELLS) * _CELLS
