"""Making and hashing secrets that are shown once. Not for passwords: those are slow on purpose."""

import hashlib
import secrets


def new_secret() -> str:
    """43 characters, safe in an address; 256 bits, so a fast hash is enough to store it."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What is stored instead of the secret, and looked up by a unique index."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
