"""What a person can be told of a file she attaches. Each says what happened and what to do."""

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.chat.errors import BadCommand, Conflict, TooMuch, TooOften, Unavailable
from portal.files.limits import MAX_FILES_A_QUESTION
from unpacking.said import MAX_PAGES

# Why a file was refused after it had come. None of its bytes is kept.
_REFUSALS: dict[str, str | Promise] = {
    "broken": gettext_lazy(
        "This file could not be read: it seems to be damaged. Nothing else has changed; open it on"
        " your computer, save it again and attach that."
    ),
    "protected": gettext_lazy(
        "This file asks for a password, so it could not be read. Save it without one and attach"
        " that."
    ),
    "too-long": gettext_lazy(
        "There is more text in this file than can be read at once. Attach the part that matters."
    ),
    "too-many-pages": gettext_lazy(
        "This file has more than %(count)s pages, so it was not read. Attach the part that matters."
    ),
    "too-many-pixels": gettext_lazy(
        "This picture is too large to be opened safely. Make it smaller and attach it again."
    ),
    "swollen": gettext_lazy(
        "This file would unpack to far more than it is, so it was not opened. If it is your own,"
        " save it again and attach that."
    ),
    "no-text": gettext_lazy(
        "No text was found in this file. If it is a scan, attach its pages as pictures and ask a"
        " model that sees."
    ),
    "old-office": gettext_lazy(
        "This is a file of an old Office, which cannot be read here. Save it as .docx, .pptx or"
        " PDF and attach that."
    ),
    "unknown": gettext_lazy(
        "This kind of file cannot be read here. Attach a picture (PNG, JPEG, WebP, GIF), text,"
        " PDF, Word, Excel or PowerPoint."
    ),
    "limits": gettext_lazy(
        "Reading this file took too long or too much memory, so it was stopped. Nothing was"
        " harmed; attach a smaller part of it."
    ),
    "gone": gettext_lazy(
        "The bytes of this file are not there any more. Attach it again from your computer."
    ),
    "left-behind": gettext_lazy(
        "This file did not come along when the chat was taken in. Attach it again if you need it."
    ),
}


def sentence_of(problem: str) -> str:
    """In the language of this moment; empty when there is no problem."""
    return str(_REFUSALS[problem]) % {"count": MAX_PAGES} if problem else ""


class NothingIn(BadCommand):
    sentence = gettext_lazy("This file is empty, so there is nothing to attach.")


class TooLarge(TooMuch):
    def __init__(self) -> None:
        super().__init__(
            _("This file is larger than %(limit)s, so it was not added. Attach a smaller one.")
            % {"limit": filesizeformat(settings.PORTAL.max_file_bytes)}
        )


class QuotaFull(TooMuch):
    def __init__(self) -> None:
        super().__init__(
            _(
                "Your files take all the room there is for you (%(limit)s), so this one was not"
                " added. Delete chats with files that you need no longer; their room is free a day"
                " later."
            )
            % {"limit": filesizeformat(settings.PORTAL.file_quota_bytes)}
        )


class TooManyUnsent(TooOften):
    sentence = gettext_lazy(
        "You have added many files that were not sent. This one was not added; send or take out"
        " some first."
    )


class NoRoom(Unavailable):
    sentence = gettext_lazy(
        "The portal has no room for this file at the moment, so it was not added. Nothing else has"
        " changed; try again later, or tell your administrator."
    )


class TooManyFiles(TooMuch):
    def __init__(self) -> None:
        most = MAX_FILES_A_QUESTION
        super().__init__(
            ngettext(
                "At most %(count)s file goes with one question. Yours was not sent.",
                "At most %(count)s files go with one question. Yours was not sent.",
                most,
            )
            % {"count": most}
        )


class TooLongTogether(TooMuch):
    sentence = gettext_lazy(
        "Together these documents are too long for one question. Yours was not sent; take one out."
    )


class StillReading(Conflict):
    sentence = gettext_lazy(
        "A file is still being read. Your question was not sent; wait a moment and send it again."
    )


class CannotBeUsed(Conflict):
    sentence = gettext_lazy(
        "One of the files could not be read. Your question was not sent; take that file out first."
    )


class SeesNothing(Conflict):
    sentence = gettext_lazy(
        "This model cannot see pictures. Your question was not sent; pick a model that can, or take"
        " the pictures out."
    )


class AlreadySent(Conflict):
    sentence = gettext_lazy("This file was sent with a question already, so it stays there.")
