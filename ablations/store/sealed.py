"""JSON files with a checksum of their content, so that a changed number is noticed."""

import json
from typing import Any

from fakeface.config import canonical_digest

_SEAL = "sha256"


def sealed(value: dict[str, Any]) -> bytes:
    """A JSON object as text, with the SHA-256 of everything else in it as its first entry."""
    return (json.dumps({_SEAL: canonical_digest(value), **value}, indent=1) + "\n").encode()


def is_changed(body: bytes) -> bool:
    """Whether a text is not what `sealed` made.

    JSON without a checksum, of an earlier version, is taken as it is.
    """
    try:
        value = json.loads(body)
        seal = value.pop(_SEAL, None) if isinstance(value, dict) else None
        return seal is not None and seal != canonical_digest(value)
    except (ValueError, RecursionError):
        return True
