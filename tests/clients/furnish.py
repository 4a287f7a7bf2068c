"""Run in the house of the clients, before it opens: people, their keys, and models of every kind.

python tests/clients/furnish.py PASSWORD

The keys go to `keys.json` in the portal's home. Not for what the models say: that is in script.py.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import django

from tests.catalog.gguf_files import chat_gguf
from tests.clients import script
from tests.inference.engine.go_families import QWEN3

if TYPE_CHECKING:
    from portal.catalog.models import Model

# Its prompt ends inside the thinking, so that an answer holds the closing tag alone.
HALF_OPEN = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n"
    "{{ if .Thinking }}<think>\n{{ .Thinking }}\n</think>\n\n{{ end }}"
    "{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n<think>\n"
)


def furnish(password: str) -> None:
    from django.conf import settings

    from portal.accounts import keys
    from portal.accounts.models import Person

    alice = Person.objects.create_user("alice@example.com", password, name="Alice Arnold")
    carol = Person.objects.create_superuser("carol@example.com", password, name="Carol")
    secrets = {
        "alice": keys.make_key(alice, name="a client")[1],
        "alice_in_path": keys.make_key(alice, name="a laptop", for_path=True)[1],
        "carol": keys.make_key(carol, name="a client that manages")[1],
    }
    _import_a_file()
    _model(script.THINKER, ["completion", "tools", "thinking"], template=QWEN3.template)
    _model(script.HALF_OPEN, ["completion", "thinking"], template=HALF_OPEN)
    for name in script.FRAGILE.values():
        _model(name, ["completion"])
    _model(script.SEER, ["completion", "vision"])
    _model(script.EMBEDDER, ["embedding"], context_length=512)
    (settings.PORTAL.home / "keys.json").write_text(json.dumps(secrets))


def _import_a_file() -> None:
    """A model that has files, so that it can be shown, copied, pushed and made into others."""
    from django.conf import settings
    from django.core.management import call_command

    weights = settings.PORTAL.home / "kind.gguf"
    weights.write_bytes(chat_gguf())
    call_command("importmodel", str(weights), script.PLAIN, "--publish-to-everyone")


def _model(
    name: str, capabilities: Sequence[str], *, template: str = "", context_length: int = 8192
) -> "Model":
    """Without weights: the scripted backend asks for none. Its template lies in the store."""
    from django.utils import timezone

    from portal.catalog.models import Model, ModelState

    return Model.objects.create(
        name=name,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        weights=hashlib.sha256(f"weights of {name}".encode()).hexdigest(),
        go_template=_blob(template.encode()) if template else "",
        state=ModelState.READY,
        size_bytes=1,
        family="scripted",
        context_length=context_length,
        embedding_length=8 if "embedding" in capabilities else 0,
        capabilities=list(capabilities),
        is_published=True,
        is_for_everyone=True,
        modified_at=timezone.now(),
    )


def _blob(data: bytes) -> str:
    """The digest of a file that lies in the store from now on."""
    from django.conf import settings

    digest = hashlib.sha256(data).hexdigest()
    blobs = settings.PORTAL.models / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    (blobs / f"sha256-{digest}").write_bytes(data)
    return digest


if __name__ == "__main__":
    django.setup()
    furnish(sys.argv[1])
