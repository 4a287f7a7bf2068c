"""The form of the page Connect: what the device is called, and which kind of program it is."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# One that reads links and has a field for a key; or one for which the key stands in the address.
LINK, ADDRESS = "link", "address"

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


class DeviceForm(forms.Form):
    """`press` names the press of the button, so that a page sent twice makes one key."""

    name = forms.CharField(
        label=_("Name of this device"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    press = forms.UUIDField(widget=forms.HiddenInput)
    way = forms.ChoiceField(choices=[(LINK, ""), (ADDRESS, "")], widget=forms.HiddenInput)

    def __init__(self, *args: Any, user_agent: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"press": uuid.uuid4(), "name": guessed_name(user_agent)})
        super().__init__(*args, **kwargs)


def guessed_name(user_agent: str) -> str:
    """What most would call it; they may write something else."""
    for sign, system in _SYSTEMS:
        if sign in user_agent:
            return gettext("ChatBox on %(system)s") % {"system": system}
    return "ChatBox"
