"""A model out of another one, or out of files that were uploaded: layers kept, replaced and added.

The order of layers and of what is said, and every byte that is written, are Ollama's. Nothing has a
name before all of it is there; the row comes after the files, and what a kill leaves between them
the next look at the store finds. Not for where an order comes from.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import gotext
from portal.accounts.models import Person
from portal.catalog import access, queries, rows
from portal.catalog.making import parts, quantising, safetensors, splits
from portal.catalog.making.errors import NotMade, NotQuantised, refused
from portal.catalog.making.order import Order, digest_of, name_of, quantisation_of
from portal.catalog.making.parts import Part
from portal.catalog.models import Model, ModelState
from portal.catalog.names import Digest, ModelName
from portal.catalog.papers import details, known_templates
from portal.catalog.storage import readings
from portal.catalog.storage.manifest import (
    CONFIG_TYPE,
    DRAFT_TYPE,
    LICENSE_TYPE,
    MESSAGES_TYPE,
    PARAMETERS_TYPE,
    SYSTEM_TYPE,
    TEMPLATE_TYPES,
    WEIGHTS_TYPE,
    Config,
    Layer,
    Manifest,
    read_parameters,
    write_messages,
    write_parameters,
)
from portal.catalog.storage.store import NoSuchManifest, Staged, Store, Stored

# More than this is read in the background, not while a request waits.
MAX_READ_AT_ONCE_BYTES = 16 * 1024 * 1024
# What bars are told instead of a digest while there is none.
NO_DIGEST = "0" * 19
_WRITTEN_BY_CODE = {"gemma4": "gemma4", "laguna": "laguna"}
_STOPS_BY_CODE = {"gemma4": ["<turn|>"]}
_PAPER_TYPES = (TEMPLATE_TYPES[0], SYSTEM_TYPE, LICENSE_TYPE, PARAMETERS_TYPE, MESSAGES_TYPE)


class Work(Protocol):
    """Who is told how far it is, and says when to stop: a job, or somebody who waits."""

    def tell(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None: ...

    def raise_if_unwanted(self) -> None: ...


Fetch = Callable[[ModelName], None]


@dataclass(slots=True)
class _Making:
    """What has been put together so far. Everything staged is discarded unless it was published."""

    store: Store
    work: Work
    cleanup: ExitStack
    parts: list[Part] = field(default_factory=list)
    base: Config | None = None

    def say(self, status: str) -> None:
        self.work.raise_if_unwanted()
        self.work.tell(status)

    def keep(self, staged: Staged) -> Staged:
        """It is removed in the end, unless it has got its name by then."""
        self.cleanup.callback(self.store.discard, staged)
        return staged

    def write(self, media_type: str, data: bytes, *, said: str = "") -> Part:
        """A small layer. One that is in the store already is used as it is."""
        staged = self.keep(self.store.stage_bytes(data))
        layer = Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)
        is_there = self.store.has_blob(layer.digest, size_bytes=layer.size_bytes)
        return Part(
            layer=layer,
            staged=staged,
            said=said or (f"using existing layer {layer.digest}" if is_there else ""),
        )

    def drop(self, *media_types: str) -> None:
        self.parts = [part for part in self.parts if part.layer.media_type not in media_types]


def is_quick(order: Order) -> bool:
    """Whether nothing has to be fetched, made smaller or read at length: no job is needed."""
    if order.quantisation or order.draft_quantisation or safetensors.is_among(order.files):
        return False
    store = queries.open_store()
    if order.base and not store.has_manifest(name_of(order.base)):
        return False
    digests = [*order.files.values(), *order.adapters.values(), *order.drafts.values()]
    # Parts of one file are read and written once more, however well they are known.
    in_parts = [
        digest
        for files in (order.files, order.adapters, order.drafts)
        for path, digest in files.items()
        if splits.is_part(path)
    ]
    to_read_bytes = parts.unchecked_bytes(store, digests) + parts.bytes_of(store, in_parts)
    return to_read_bytes <= MAX_READ_AT_ONCE_BYTES


def check_early(order: Order) -> bool:
    """False, or `NotMade` for what can be refused before a job is begun for it."""
    if order.base:
        for kind in filter(None, (order.quantisation, order.draft_quantisation)):
            quantisation_of(kind)
        if order.template:
            _check_template(order.template)
    return False


def create_model(person: Person | None, order: Order, *, work: Work, fetch: Fetch) -> Model:
    """The model is in the store under its name, with its row; one that had the name is replaced.

    `fetch` brings a base that is not here. Until the manifest is written nothing has changed but
    files that nobody needs. The second time the same files come out.
    """
    access.may_manage_models(person, verb="add")
    order.check()
    name, store = name_of(order.name), queries.open_store()
    with ExitStack() as cleanup:
        making = _Making(store, work, cleanup)
        _gather(making, order, fetch=fetch)
        _quantise(making, order)
        _add_papers(making, order)
        stored, found = _publish(making, name, config=_config(making, order))
    model = _remember(person, stored=stored, found=found)
    work.tell("success")
    return model


# ── Files ───────────────────────────────────────────────────────────────────────────────────────


def _gather(making: _Making, order: Order, *, fetch: Fetch) -> None:
    store = making.store
    if order.base:
        stored = _base_of(store, order, fetch=fetch)
        held = {layer.digest for layer in stored.manifest.all_layers}
        making.cleanup.enter_context(store.holding(held))
        making.base = Config.read(store.read_document(stored.manifest.config.digest))
        making.parts = parts.of_base(store, stored)
    elif order.files:
        making.cleanup.enter_context(store.holding(_held(order.files)))
        if safetensors.is_among(order.files):
            converted = safetensors.converted(
                store, order.files, work=making.work, keep=making.keep
            )
            making.parts = [converted]
        else:
            making.parts = parts.of_files(store, order.files, say=making.say, keep=making.keep)
        _detect_template(making)
    else:
        raise refused(
            "no files provided to convert"
            if order.is_of_files
            else "neither 'from' or 'files' was specified"
        )
    for files, look in ((order.adapters, parts.of_adapters), (order.drafts, parts.of_drafts)):
        if files:
            making.cleanup.enter_context(store.holding(_held(files)))
            making.parts += look(store, files, say=making.say, keep=making.keep)
    if not any(part.header or part.layer.name for part in making.parts):
        raise refused("no files provided to convert")


def _base_of(store: Store, order: Order, *, fetch: Fetch) -> Stored:
    name = name_of(order.base)
    try:
        return store.manifest(name)
    except NoSuchManifest:
        fetch(name)
        return store.manifest(name)


def _held(files: Mapping[str, str]) -> set[Digest]:
    return {digest_of(digest) for digest in files.values()}


def _detect_template(making: _Making) -> None:
    """Formats that Ollama knows by name get its template and its stops, as it would write them."""
    for part in list(making.parts):
        if part.layer.media_type != WEIGHTS_TYPE or part.header is None:
            continue
        known = known_templates.detected(part.header.chat_template)
        if known is None:
            continue
        said = f"using autodetected template {known.name}"
        making.parts.append(making.write(TEMPLATE_TYPES[0], known.template.encode(), said=said))
        if known.stops:
            stops = write_parameters({"stop": list(known.stops)})
            making.parts.append(making.write(PARAMETERS_TYPE, stops))


def _quantise(making: _Making, order: Order) -> None:
    for media_type, kind in (
        (WEIGHTS_TYPE, order.quantisation),
        (DRAFT_TYPE, order.draft_quantisation),
    ):
        if kind:
            making.parts = [
                _quantised(making, part, kind=kind) if part.layer.media_type == media_type else part
                for part in making.parts
            ]


def _quantised(making: _Making, part: Part, *, kind: str) -> Part:
    wanted = quantisation_of(kind)
    header = part.header
    if header is None:
        return part
    source = quantising.source_kind(header)
    if source not in quantising.SOURCES:
        raise NotMade("quantization is only supported for F16, BF16 and F32 models")
    if source == wanted:
        return part
    status = f"quantizing {source} model to {kind.strip().upper()}"

    def told(done_bytes: int) -> None:
        making.work.tell(status, NO_DIGEST, header.tensor_bytes, done_bytes)

    told(0)
    try:
        staged = quantising.quantised(
            making.store,
            part.staged.path if part.staged else making.store.blob_path(part.layer.digest),
            header=header,
            to=wanted,
            told=told,
            raise_if_unwanted=making.work.raise_if_unwanted,
        )
    except quantising.QuantisingFailed as error:
        raise NotQuantised(str(error)) from None
    making.keep(staged)
    told(header.tensor_bytes)
    making.say("verifying conversion")
    layer = Layer(
        media_type=part.layer.media_type, digest=staged.digest, size_bytes=staged.size_bytes
    )
    return Part(layer=layer, header=parts.checked_header(staged.path), staged=staged)


# ── Papers ──────────────────────────────────────────────────────────────────────────────────────


def _add_papers(making: _Making, order: Order) -> None:
    """What replaces a kind comes after everything else, in this order; licences are added."""
    parameters = _parameters(making, order)
    if order.template:
        _check_template(order.template)
        making.drop(*TEMPLATE_TYPES)
        making.parts.append(making.write(TEMPLATE_TYPES[0], order.template.encode()))
    if order.system:
        making.drop(SYSTEM_TYPE)
        making.parts.append(making.write(SYSTEM_TYPE, order.system.encode()))
    for text in order.licenses:
        making.parts.append(making.write(LICENSE_TYPE, text.encode()))
    if parameters:
        making.drop(PARAMETERS_TYPE)
        making.parts.append(making.write(PARAMETERS_TYPE, write_parameters(parameters)))
    if order.messages:
        making.drop(MESSAGES_TYPE)
        making.parts.append(making.write(MESSAGES_TYPE, write_messages(order.messages)))


def _check_template(template: str) -> None:
    try:
        gotext.parse(template)
    except gotext.ParseError as error:
        raise refused(f"template error: {error}") from None


def _parameters(making: _Making, order: Order) -> dict[str, Any]:
    """Inherited ones, with the order's over them key by key."""
    merged: dict[str, Any] = {}
    for part in making.parts:
        if part.layer.media_type == PARAMETERS_TYPE:
            path = part.staged.path if part.staged else None
            data = path.read_bytes() if path else making.store.read_document(part.layer.digest)
            merged = {**read_parameters(data), **merged}
    merged |= order.parameters
    stops = _STOPS_BY_CODE.get(_family(making))
    return {"stop": stops, **merged} if stops else merged


# ── Configuration and manifest ──────────────────────────────────────────────────────────────────


def _family(making: _Making) -> str:
    weights = next((p for p in making.parts if p.layer.media_type == WEIGHTS_TYPE), None)
    return weights.header.architecture if weights and weights.header else ""


def _config(making: _Making, order: Order) -> Config:
    """Said by the weights, but for what nobody can read there: that is inherited, or ordered."""
    base = making.base or Config()
    headers = [
        part.header
        for part in making.parts
        if part.layer.media_type == WEIGHTS_TYPE and part.header is not None
    ]
    config = replace(base, capabilities=base.capabilities)
    if headers:
        config = replace(
            details.config_of(headers[0]),
            model_families=tuple(header.architecture for header in headers),
            capabilities=base.capabilities,
        )
    by_code = _code_for(_family(making))
    asked = {"renderer": order.renderer, "parser": order.parser, "requires": order.requires}
    others = {key: value or base.others.get(key, "") for key, value in asked.items()}
    if by_code:
        others = {**others, **{key: others[key] or by_code for key in ("renderer", "parser")}}
    return replace(config, others=others)


def _code_for(family: str) -> str:
    """Families whose prompts Ollama writes with code of its own."""
    if family.startswith("nemotron_h"):
        return "nemotron-3-nano"
    return _WRITTEN_BY_CODE.get(family, "")


def _publish(making: _Making, name: ModelName, *, config: Config) -> tuple[Stored, details.Details]:
    """First every blob, then the manifest; then what the name stood for before lets go of its own.

    What this making itself held meanwhile it holds no longer by then.
    """
    store = making.store
    written = making.write(CONFIG_TYPE, config.as_bytes())
    for part in making.parts:
        making.say(part.line)
    making.say("writing manifest")
    manifest = Manifest(config=written.layer, layers=tuple(part.layer for part in making.parts))
    with store.locked():
        replaced = store.layers_of(name)
        for part in (*making.parts, written):
            if part.staged is not None:
                store.publish(part.staged)
        # Read before it has a name: what we could not read replaces nothing.
        store.refuse_missing(manifest)
        found = details.of_manifest(store, manifest)
        stored = store.replace_manifest(name, manifest)
    for part in making.parts:
        if part.staged is not None:
            readings.note(part.layer.digest, size_bytes=part.layer.size_bytes)
    making.cleanup.close()
    with store.locked():
        store.remove_replaced(replaced)
    return stored, found


def _remember(person: Person | None, *, stored: Stored, found: details.Details) -> Model:
    """The row. What only differs in its papers from a model that was tried is as good as that."""
    like = None
    if found.weights is not None:
        like = Model.objects.filter(
            state=ModelState.READY,
            weights=found.weights.hex,
            projector=found.projector.hex if found.projector else "",
            adapters=[adapter.hex for adapter in found.adapters],
        ).first()
    return rows.remember(person, stored=stored, found=found, act="model.created", like=like)
