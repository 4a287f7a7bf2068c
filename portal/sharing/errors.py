"""What a person can be told when she shares a conversation."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.chat.errors import BadCommand, Conflict, TooMuch


class NobodyNamed(BadCommand):
    sentence = gettext_lazy("Name at least one person or group to share with.")


class UnknownPerson(BadCommand):
    """Said to people who are signed in, about an address that they typed."""

    def __init__(self, email: str) -> None:
        told = _("Nobody signs in here as %(email)s. Nothing was shared; check the address.")
        super().__init__(told % {"email": email[:254]})


class NothingToShare(Conflict):
    sentence = gettext_lazy("There is nothing to share yet. Ask something first.")


class StillWriting(Conflict):
    sentence = gettext_lazy(
        "An answer is still being written. Nothing was shared; share the chat once it is there."
    )


class LeavesNothing(Conflict):
    sentence = gettext_lazy(
        "A temporary chat leaves nothing behind, so it cannot be shared. Keep it first."
    )


class TooManyReaders(TooMuch):
    sentence = gettext_lazy("These are too many people at once. Share with a group instead.")


class TooManyShares(TooMuch):
    sentence = gettext_lazy(
        "You share very many chats already. Nothing was shared; take one of them back first."
    )


class TooLong(TooMuch):
    sentence = gettext_lazy("This chat is too long to be shared in one piece. Export it instead.")
