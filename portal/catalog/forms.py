"""What the page about a model's audience sends. Decides nothing about who may send it."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group


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
