"""What the administration's pages about presets send. Decides nothing about who may send it."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from portal.chat.errors import ChatError
from portal.presets import chosen, texts
from portal.presets.models import Preset, PromptTemplate

if TYPE_CHECKING:
    _PresetForm = forms.ModelForm[Preset]
    _TemplateForm = forms.ModelForm[PromptTemplate]
else:
    _PresetForm = _TemplateForm = forms.ModelForm


class PresetForm(_PresetForm):
    """Texts as people write them: one starter a line."""

    starters = forms.CharField(
        label=_("starters"),
        help_text=_("One on each line. They are offered in an empty conversation."),
        required=False,
        widget=UnfoldAdminTextareaWidget,
    )
    parameters = forms.JSONField(
        label=_("parameters"),
        help_text=_('Those that differ from the model\'s own, such as {"temperature": 0.2}.'),
        required=False,
        widget=UnfoldAdminTextareaWidget,
    )

    class Meta:
        model = Preset
        fields = (
            *("name", "icon", "description", "model_name", "system", "starters"),
            *("parameters", "format", "think", "is_for_everyone", "groups"),
        )
        widgets: ClassVar[dict[str, Any]] = {"groups": UnfoldAdminCheckboxSelectMultipleWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["starters"] = "\n".join(self.instance.starters)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        try:
            settings = chosen.read(
                {
                    "system": cleaned.get("system", ""),
                    "parameters": cleaned.get("parameters") or {},
                    "format": cleaned.get("format", ""),
                    "think": cleaned.get("think", ""),
                }
            )
            starters = cleaned.get("starters", "").splitlines()
            fields = texts.PresetFields(name=cleaned.get("name", ""), starters=starters)
            return {
                **cleaned,
                **chosen.values_of(settings),
                "starters": texts.values_of(fields)["starters"],
            }
        except ChatError as error:
            raise forms.ValidationError(str(error)) from None


class TemplateForm(_TemplateForm):
    name = forms.CharField(
        label=_("name"),
        help_text=_("One word. People call it by typing it behind a slash: /translate."),
        max_length=41,
        widget=UnfoldAdminTextInputWidget,
    )
    text = forms.CharField(
        label=_("text"),
        help_text=_(
            "Each gap such as {{language}} is asked for when it is used; {{language:English}} has"
            " an answer ready."
        ),
        widget=UnfoldAdminTextareaWidget,
    )

    class Meta:
        model = PromptTemplate
        fields = ("name", "text", "is_for_everyone", "groups")
        widgets: ClassVar[dict[str, Any]] = {"groups": UnfoldAdminCheckboxSelectMultipleWidget}

    def clean_name(self) -> str:
        try:
            return texts.checked_template_name(self.cleaned_data["name"])
        except ChatError as error:
            raise forms.ValidationError(str(error)) from None

    def clean_text(self) -> str:
        try:
            return texts.checked_template(self.cleaned_data["text"])
        except ChatError as error:
            raise forms.ValidationError(str(error)) from None
