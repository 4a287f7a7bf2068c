"""What the plain pages know of this portal besides the request. Not for anything private."""

from django.conf import settings
from django.http import HttpRequest


def open_doors(request: HttpRequest) -> dict[str, bool]:
    return {
        "is_sign_up_open": settings.PORTAL.is_sign_up_open,
        "has_mail_server": settings.HAS_MAIL_SERVER,
    }
