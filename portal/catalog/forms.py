"""What the catalogue's pages send. Decides nothing about who may send it."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group

from portal.catalog.coming.written import QUANTISATIONS
from portal.catalog.models import Model
from portal.catalog.queries import MAX_CONTEXT_LENGTH
from portal.catalog.trying.probing import MAX_ANSWER_TOKENS, MAX_PROMPT_CHARS

ACTS = (
    *("pin", "unpin", "load", "unload", "check", "try"),
    *("retire", "bring-back", "point"),
)
MAX_AT_ONCE = 64


class AudienceForm(forms.Form):
    """One button of that page."""

    act = forms.ChoiceField(
        choices=[(act, act) for act in ("publish", "withdraw", "everyone", "hide")]
    )
    group = forms.ModelChoiceField(queryset=Group.objects.all(), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("act") in ("publish", "withdraw") and cleaned.get("group") is None:
            raise forms.ValidationError("a group is needed")
        return cleaned


class ActForm(forms.Form):
    """One button of a model's page, with what some of them need."""

    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    successor = forms.ModelChoiceField(queryset=Model.objects.all(), required=False)
    name = forms.CharField(max_length=512, required=False)


class LoadForm(forms.Form):
    """A model to load now, or to let go."""

    model = forms.ModelChoiceField(queryset=Model.objects.all())


class PromptForm(forms.Form):
    """The box that tries a model."""

    prompt = forms.CharField(max_length=MAX_PROMPT_CHARS)
    max_tokens = forms.IntegerField(min_value=1, max_value=MAX_ANSWER_TOKENS, required=False)


class EstimateForm(forms.Form):
    """For how much context, and how many answers at once, memory is estimated."""

    context = forms.IntegerField(min_value=4, max_value=MAX_CONTEXT_LENGTH, required=False)
    at_once = forms.IntegerField(min_value=1, max_value=MAX_AT_ONCE, required=False)


class PullForm(forms.Form):
    """A name to fetch."""

    name = forms.CharField(max_length=512)
    insecure = forms.BooleanField(required=False)


class LaidDownForm(forms.Form):
    """A file on the server, and the name it gets."""

    file = forms.CharField(max_length=255)
    name = forms.CharField(max_length=512)


class ModelfileForm(forms.Form):
    """A Modelfile, and the name of what it makes."""

    name = forms.CharField(max_length=512)
    text = forms.CharField(max_length=200_000, strip=False)
    quantisation = forms.ChoiceField(
        choices=[(kind, kind) for kind in QUANTISATIONS], required=False
    )


class JobForm(forms.Form):
    """One button of a piece of work."""

    act = forms.ChoiceField(choices=[(act, act) for act in ("cancel", "resume")])
    job = forms.UUIDField()


class AliasForm(forms.Form):
    """What a stable name stands for."""

    act = forms.ChoiceField(choices=[(act, act) for act in ("point", "back", "remove")])
    model = forms.ModelChoiceField(queryset=Model.objects.all(), required=False)
    name = forms.CharField(max_length=512, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("act") == "point" and cleaned.get("model") is None:
            raise forms.ValidationError("a model is needed")
        return cleaned
