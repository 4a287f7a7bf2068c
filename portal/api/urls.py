"""The plain addresses of the API. Keys, aliases and extra slashes are gone before: addresses.py."""

from functools import partial

from django.urls import path, re_path

from portal.accounts.models import KeyScope
from portal.api import embedding
from portal.api.anthropic import messages
from portal.api.document import views as document
from portal.api.door import door, not_found
from portal.api.errors import Family
from portal.api.ollama import (
    blobs,
    cloud,
    creating,
    generate,
    listing,
    managing,
    showing,
    transfers,
)
from portal.api.ollama import chat as ollama
from portal.api.openai import chat as openai
from portal.api.openai import completions, responses

NATIVE, OPENAI, ANTHROPIC = Family.NATIVE, Family.OPENAI, Family.ANTHROPIC
EMBEDDINGS = KeyScope.EMBEDDINGS
MANAGE = KeyScope.MANAGE
_untold = partial(door, NATIVE, is_told=False)

urlpatterns = [
    path("api/", door(NATIVE, GET=ollama.running, HEAD=ollama.running)),  # `/u/KEY` and no more
    path("api/version", door(NATIVE, GET=ollama.version, HEAD=ollama.version)),
    path("api/tags", door(NATIVE, GET=listing.tags, HEAD=listing.tags)),
    path("api/ps", door(NATIVE, GET=listing.ps)),
    path("api/show", door(NATIVE, POST=showing.show)),
    path("api/copy", door(NATIVE, scope=MANAGE, POST=managing.copy)),
    path("api/delete", door(NATIVE, scope=MANAGE, DELETE=managing.delete)),
    path("api/chat", door(NATIVE, POST=ollama.chat)),
    path("api/generate", door(NATIVE, POST=generate.generate)),
    path("api/embed", door(NATIVE, scope=EMBEDDINGS, POST=embedding.embed)),
    path("api/embeddings", door(NATIVE, scope=EMBEDDINGS, POST=embedding.embeddings)),
    path("api/status", _untold(GET=cloud.status)),
    path("api/me", _untold(POST=cloud.account)),
    path("api/signout", _untold(POST=cloud.signed_out)),
    path("api/user/keys/<path:key>", _untold(DELETE=cloud.signed_out)),
    path("api/experimental/web_search", _untold(POST=cloud.web_search)),
    path("api/experimental/web_fetch", _untold(POST=cloud.web_fetch)),
    path("api/experimental/model-recommendations", _untold(GET=cloud.recommendations)),
    path("api/pull", door(NATIVE, scope=MANAGE, POST=transfers.pull)),
    path(
        "api/blobs/<path:digest>",
        door(NATIVE, scope=MANAGE, is_upload=True, HEAD=blobs.head, POST=blobs.upload),
    ),
    path("api/create", door(NATIVE, scope=MANAGE, POST=creating.create)),
    path("api/push", door(NATIVE, scope=MANAGE, POST=transfers.push)),
    path("v1/models", door(OPENAI, GET=openai.models)),
    path("v1/models/<path:name>", door(OPENAI, GET=openai.model)),
    path("v1/chat/completions", door(OPENAI, POST=openai.chat_completions)),
    path("v1/completions", door(OPENAI, POST=completions.completions)),
    path("v1/responses", door(OPENAI, POST=responses.responses)),
    path("v1/messages", door(ANTHROPIC, POST=messages.messages)),
    path("v1/embeddings", door(OPENAI, scope=EMBEDDINGS, POST=embedding.openai_embeddings)),
    path("v1/rerank", door(OPENAI, scope=EMBEDDINGS, POST=embedding.rerank)),
    path("api/openapi.json", document.openapi, name="openapi"),
    path("api/docs", document.docs, name="api_docs"),
    re_path(r"^(?:api|v1)(?:/(?s:.*))?\Z", not_found),  # with line ends in it, too
]
