"""Who we are to a registry: names and passwords of a file, or the portal's own key.

Not for deciding to whom they may be shown: that is `challenge`.
"""

import base64
import binascii
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from portal.catalog.registry.hosts import Origin

MAX_AUTH_FILE_BYTES = 1024 * 1024
_NOTHING = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()


class UnusableKey(Exception):
    """The key file is not an Ed25519 key in OpenSSH's format, or cannot be read or made."""


@dataclass(frozen=True, slots=True)
class Password:
    """For one host. Never printed."""

    basic: str

    def __repr__(self) -> str:
        return "Password(…)"

    @property
    def header(self) -> str:
        return f"Basic {self.basic}"


def password_for(origin: Origin, *, auth_file: Path | None) -> Password | None:
    """The entry of this very host in a file as `docker login` writes it; read anew each time."""
    if auth_file is None:
        return None
    try:
        with auth_file.open("rb") as file:
            auths = json.loads(file.read(MAX_AUTH_FILE_BYTES))["auths"]
        for written, entry in auths.items():
            host = written.partition("://")[2] or written
            if host.partition("/")[0].lower() == origin.shown:
                return _password_of(entry)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return None


def _password_of(entry: dict[str, str]) -> Password | None:
    text = entry.get("auth") or base64.b64encode(
        f"{entry['username']}:{entry['password']}".encode()
    ).decode("ascii")
    try:
        if b":" not in base64.b64decode(text, validate=True):
            return None
    except binascii.Error:
        return None
    return Password(text)


def signature_for(url: str, *, key_file: Path) -> str:
    """What Ollama's registry accepts instead of a password: our public key and a signature."""
    key = _key(key_file)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    signed = key.sign(f"GET,{url},{_NOTHING}".encode())
    return f"{public.split()[1].decode()}:{base64.b64encode(signed).decode()}"


def _key(path: Path) -> Ed25519PrivateKey:
    try:
        if not path.exists():
            _make(path)
        key = load_ssh_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise UnusableKey(type(error).__name__) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey("another kind of key")
    return key


def _make(path: Path) -> None:
    """Both files, the secret one for its owner only; whoever makes them first has made them."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    new = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    try:
        # A link instead of a rename: it never takes the place of a key that is there.
        with suppress(FileExistsError):
            os.link(new, path)
            path.with_name(f"{path.name}.pub").write_bytes(public + b"\n")
    finally:
        new.unlink()
