"""What makes two trainings the same: their settings, seed, data, and the code between settings and weights."""

from collections.abc import Mapping
from typing import Any

from ablations.code.reached import without_files
from fakeface.config import canonical_digest


def training_identity(
    settings: Mapping[str, Any], seed: int, data_digest: str, code: Mapping[str, str]
) -> str:
    """SHA-256 of all that decides the weights, as 64 hex digits.

    Args:
        settings: from `resolved_settings` in `ablations.jobs.components`.
    """
    return canonical_digest(
        {"settings": settings, "seed": seed, "data": data_digest, "code": without_files(code)}
    )
