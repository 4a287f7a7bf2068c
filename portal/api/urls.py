"""The plain addresses of the API. Keys, aliases and extra slashes are gone before: addresses.py."""

from django.urls import path, re_path

from portal.accounts.models import KeyScope
from portal.api import embedding, ollama, openai
from portal.api.door import door, not_found
from portal.api.errors import Family

NATIVE, OPENAI = Family.NATIVE, Family.OPENAI
EMBEDDINGS = KeyScope.EMBEDDINGS

urlpatterns = [
    path("api/", door(NATIVE, GET=ollama.running, HEAD=ollama.running)),  # `/u/KEY` and no more
    path("api/version", door(NATIVE, GET=ollama.version, HEAD=ollama.version)),
    path("api/tags", door(NATIVE, GET=ollama.tags, HEAD=ollama.tags)),
    path("api/ps", door(NATIVE, GET=ollama.ps)),
    path("api/chat", door(NATIVE, POST=ollama.chat)),
    path("api/embed", door(NATIVE, scope=EMBEDDINGS, POST=embedding.embed)),
    path("api/embeddings", door(NATIVE, scope=EMBEDDINGS, POST=embedding.embeddings)),
    path("v1/models", door(OPENAI, GET=openai.models)),
    path("v1/models/<path:name>", door(OPENAI, GET=openai.model)),
    path("v1/chat/completions", door(OPENAI, POST=openai.chat_completions)),
    path("v1/embeddings", door(OPENAI, scope=EMBEDDINGS, POST=embedding.openai_embeddings)),
    path("v1/rerank", door(OPENAI, scope=EMBEDDINGS, POST=embedding.rerank)),
    re_path(r"^(?:api|v1)(?:/.*)?$", not_found),
]
