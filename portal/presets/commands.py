"""Each frame about settings, presets and models → one action or query → the frame that answers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from portal.accounts.models import Person
from portal.catalog import access as catalog
from portal.catalog.models import Model
from portal.catalog.papers import blocks, showing
from portal.chat import access as chat
from portal.chat import prompts
from portal.chat.errors import NotFound
from portal.chat.told import Ok
from portal.presets import access, actions, chosen, frames, parameters, queries, standings
from portal.presets.models import ConversationSettings, Preset, PromptTemplate

Reply = frames.Frame | Ok


def _open_settings(person: Person, command: frames.OpenSettings) -> Reply:
    row, name = ConversationSettings(), command.model_name
    if command.conversation_id is not None:
        conversation = chat.conversation_for_reading(person, command.conversation_id)
        row = queries.settings_of(conversation)
        name = name or conversation.model_name
    model = _model(person, name)
    preset = row.preset if row.preset and access.is_for(person, row.preset) else None
    return frames.SettingsFrame(
        ref=command.ref,
        settings=chosen.of(row, preset_id=preset.id if preset else None),
        preset=_preset(person, preset) if preset else None,
        parameters=_parameters(model),
        model_system=model.system if model else "",
        can_think=model is not None and "thinking" in model.capabilities,
    )


def _model(person: Person, name: str | None) -> Model | None:
    """One that is gone has no word of its own to say."""
    try:
        return catalog.model_for_answering(person, name) if name else None
    except NotFound:
        return None


def _parameters(model: Model | None) -> list[frames.ShownParameter]:
    defaults = parameters.defaults_of(prompts.options_of(model.parameters if model else {}))
    return [
        frames.ShownParameter(
            name=each.name,
            kind=each.kind,
            title=str(each.title),
            explanation=str(each.explanation),
            least=each.least,
            most=each.most,
            step=each.step,
            default=defaults[each.name],
        )
        for each in parameters.PARAMETERS
    ]


def _change_settings(person: Person, command: frames.ChangeSettings) -> Reply:
    actions.change_settings(
        person, conversation_id=command.conversation_id, settings=command.settings
    )
    return Ok(ref=command.ref)


def _check_settings(person: Person, command: frames.CheckSettings) -> Reply:
    chosen.values_of(command.settings)
    return Ok(ref=command.ref)


def _list_presets(person: Person, command: frames.ListPresets) -> Reply:
    found = [_preset(person, each) for each in queries.presets_for(person)]
    return frames.Presets(ref=command.ref, presets=found)


def _save_preset(person: Person, command: frames.SavePreset) -> Reply:
    preset = actions.save_preset(
        person,
        preset_id=command.preset_id,
        client_key=command.client_key,
        fields=command.preset,
    )
    return frames.OnePreset(ref=command.ref, preset=_preset(person, preset))


def _delete_preset(person: Person, command: frames.DeletePreset) -> Reply:
    actions.delete_preset(person, preset_id=command.preset_id)
    return Ok(ref=command.ref)


def _list_templates(person: Person, command: frames.ListTemplates) -> Reply:
    found = [_template(person, each) for each in queries.templates_for(person)]
    return frames.Templates(ref=command.ref, templates=found)


def _save_template(person: Person, command: frames.SaveTemplate) -> Reply:
    template = actions.save_template(
        person,
        template_id=command.template_id,
        client_key=command.client_key,
        name=command.name,
        text=command.text,
    )
    return frames.OneTemplate(ref=command.ref, template=_template(person, template))


def _delete_template(person: Person, command: frames.DeleteTemplate) -> Reply:
    actions.delete_template(person, template_id=command.template_id)
    return Ok(ref=command.ref)


def _look_at_models(person: Person, command: frames.LookAtModels) -> Reply:
    return frames.Standings(ref=command.ref, standings=standings.standings_for(person))


def _load_model(person: Person, command: frames.LoadModel) -> Reply:
    standings.load(person, model_name=command.model_name)
    return Ok(ref=command.ref)


def _show_model(person: Person, command: frames.ShowModel) -> Reply:
    model = catalog.model_for_showing(person, command.model_name)
    try:
        found = showing.shown(person, model.name)
    except NotFound:
        # It may be used, and its papers are gone: it says nothing of itself.
        return frames.About(ref=command.ref, text="")
    match command.topic:
        case "info":
            text = blocks.blocks_of(found)
        case "license":
            text = "\n".join(found.papers.licenses)
        case "modelfile":
            text = found.modelfile
        case _:
            text = found.template
    return frames.About(ref=command.ref, text=text)


def _preset(person: Person, preset: Preset) -> frames.ShownPreset:
    return frames.ShownPreset(
        id=preset.id,
        name=preset.name,
        icon=preset.icon,
        description=preset.description,
        model_name=preset.model_name,
        starters=list(preset.starters),
        settings=chosen.of(preset, preset_id=preset.id),
        is_own=_is_own(person, preset.owner_id),
    )


def _template(person: Person, template: PromptTemplate) -> frames.ShownTemplate:
    return frames.ShownTemplate(
        id=template.id,
        name=template.name,
        text=template.text,
        is_own=_is_own(person, template.owner_id),
    )


def _is_own(person: Person, owner_id: UUID | None) -> bool:
    return owner_id == person.id


BY_TYPE: dict[type, Callable[[Person, Any], Reply]] = {
    frames.OpenSettings: _open_settings,
    frames.ChangeSettings: _change_settings,
    frames.CheckSettings: _check_settings,
    frames.ListPresets: _list_presets,
    frames.SavePreset: _save_preset,
    frames.DeletePreset: _delete_preset,
    frames.ListTemplates: _list_templates,
    frames.SaveTemplate: _save_template,
    frames.DeleteTemplate: _delete_template,
    frames.LookAtModels: _look_at_models,
    frames.LoadModel: _load_model,
    frames.ShowModel: _show_model,
}
