"""What a person can be told when she takes in a file of conversations. Nothing of it is stored
then."""

from django.utils.translation import gettext_lazy as _

from portal.chat.errors import BadCommand, TooMuch


class NotOurFile(BadCommand):
    sentence = _(
        "This file does not hold conversations as this portal exports them. Nothing was taken in;"
        " choose a file that was exported as JSON."
    )


class Unreadable(BadCommand):
    sentence = _(
        "This file holds conversations, but part of it cannot be right. Nothing was taken in;"
        " export it again and try that file."
    )


class TooLarge(TooMuch):
    sentence = _(
        "This file is too large to be taken in at once. Nothing was taken in; export fewer chats at"
        " a time."
    )
