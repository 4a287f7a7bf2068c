"""What a person can be told when she puts her conversations in order."""

from django.utils.translation import gettext_lazy as _

from portal.chat.errors import BadCommand, Conflict, TooMuch


class NoName(BadCommand):
    sentence = _("A folder needs a name with at least one letter.")


class NameTaken(Conflict):
    sentence = _("You have a folder of this name already. Choose another name.")


class TooManyFolders(TooMuch):
    sentence = _("You have as many folders as there may be. Delete one that you need no more.")


class TooManyPinned(TooMuch):
    sentence = _("You have as many pinned chats as there may be. Unpin one first.")
