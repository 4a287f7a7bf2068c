"""What clients may ask of Ollama's cloud, answered: there is none, nothing leaves the house.

Not for model names that mean the cloud: those are refused where names are read, in asking.py.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.accounts.models import Person
from portal.api.errors import Refused
from portal.api.ollama.framing import as_json

_DISABLED = "ollama cloud is disabled"


async def status(request: HttpRequest, person: Person) -> HttpResponseBase:
    return as_json({"cloud": {"disabled": True, "source": "config"}})


async def recommendations(request: HttpRequest, person: Person) -> HttpResponseBase:
    return as_json({"recommendations": []})


async def account(request: HttpRequest, person: Person) -> HttpResponseBase:
    raise Refused(status=503, message="account unavailable")


async def signed_out(request: HttpRequest, person: Person, **_: str) -> HttpResponseBase:
    raise Refused(status=401, message="you are not currently signed in")


async def web_search(request: HttpRequest, person: Person) -> HttpResponseBase:
    raise Refused(status=403, message=f"{_DISABLED}: web search is unavailable")


async def web_fetch(request: HttpRequest, person: Person) -> HttpResponseBase:
    raise Refused(status=403, message=f"{_DISABLED}: web fetch is unavailable")
