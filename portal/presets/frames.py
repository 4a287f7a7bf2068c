"""What a tab may say of settings, presets and models, and what it is told. Closed lists."""

from typing import Any, Literal
from uuid import UUID

from portal.chat.vocabulary import Asked, Name, Shown, Told, Words
from portal.presets.chosen import Chosen
from portal.presets.texts import PresetFields

Topic = Literal["info", "license", "modelfile", "template"]

# ── Client to server ────────────────────────────────────────────────────────────────────────────


class OpenSettings(Asked, frozen=True, kw_only=True, tag="settings.open"):
    """Without a conversation: what holds where nothing is chosen. Without a model: its last."""

    conversation_id: UUID | None = None
    model_name: Name | None = None


class ChangeSettings(Asked, frozen=True, kw_only=True, tag="settings.change"):
    conversation_id: UUID
    settings: Chosen


class CheckSettings(Asked, frozen=True, kw_only=True, tag="settings.check"):
    """Before a conversation is there: would this be taken?"""

    settings: Chosen


class ListPresets(Asked, frozen=True, kw_only=True, tag="presets.list"):
    pass


class SavePreset(Asked, frozen=True, kw_only=True, tag="preset.save"):
    preset_id: UUID | None = None
    client_key: UUID
    preset: PresetFields


class DeletePreset(Asked, frozen=True, kw_only=True, tag="preset.delete"):
    preset_id: UUID


class ListTemplates(Asked, frozen=True, kw_only=True, tag="templates.list"):
    pass


class SaveTemplate(Asked, frozen=True, kw_only=True, tag="template.save"):
    template_id: UUID | None = None
    client_key: UUID
    name: Words
    text: Words


class DeleteTemplate(Asked, frozen=True, kw_only=True, tag="template.delete"):
    template_id: UUID


class LookAtModels(Asked, frozen=True, kw_only=True, tag="models.look"):
    pass


class LoadModel(Asked, frozen=True, kw_only=True, tag="model.load"):
    model_name: Name


class ShowModel(Asked, frozen=True, kw_only=True, tag="model.show"):
    model_name: Name
    topic: Topic


Command = (
    OpenSettings
    | ChangeSettings
    | CheckSettings
    | ListPresets
    | SavePreset
    | DeletePreset
    | ListTemplates
    | SaveTemplate
    | DeleteTemplate
    | LookAtModels
    | LoadModel
    | ShowModel
)

# ── Server to client ────────────────────────────────────────────────────────────────────────────


class ShownParameter(Shown, frozen=True, kw_only=True):
    """One that may be chosen. `default` is what holds where nothing is."""

    name: str
    kind: str
    title: str
    explanation: str
    least: float
    most: float
    step: float
    default: Any


class ShownPreset(Shown, frozen=True, kw_only=True):
    """`is_own`: hers, and so hers to change."""

    id: UUID
    name: str
    icon: str
    description: str
    model_name: str
    starters: list[str]
    settings: Chosen
    is_own: bool


class ShownTemplate(Shown, frozen=True, kw_only=True):
    id: UUID
    name: str
    text: str
    is_own: bool


class Standing(Shown, frozen=True, kw_only=True):
    """Whether a model is in memory. `bytes` it takes there, or at least would; `makes_way` says
    that others must go for it."""

    model_name: str
    state: Literal["loaded", "loading", "away", "unknown"]
    progress: float | None = None
    bytes: int = 0
    makes_way: bool = False


class SettingsFrame(Told, frozen=True, kw_only=True, tag="settings"):
    settings: Chosen
    preset: ShownPreset | None
    parameters: list[ShownParameter]
    model_system: str
    can_think: bool


class Presets(Told, frozen=True, kw_only=True, tag="presets"):
    presets: list[ShownPreset]


class OnePreset(Told, frozen=True, kw_only=True, tag="preset"):
    preset: ShownPreset


class Templates(Told, frozen=True, kw_only=True, tag="templates"):
    templates: list[ShownTemplate]


class OneTemplate(Told, frozen=True, kw_only=True, tag="template"):
    template: ShownTemplate


class Standings(Told, frozen=True, kw_only=True, tag="standings"):
    standings: list[Standing]


class About(Told, frozen=True, kw_only=True, tag="about"):
    """What a model says of itself, as text; empty when it says nothing."""

    text: str


Frame = SettingsFrame | Presets | OnePreset | Templates | OneTemplate | Standings | About
