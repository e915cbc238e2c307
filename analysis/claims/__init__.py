"""Claims and data -> verdicts. Importing the package registers the kinds of claims."""

# The kinds register themselves on import, in the order in which they are listed to the user.
from analysis.claims import compare, steps, effect, trend, outcome, closes, best, window  # isort: skip  # noqa: F401
from analysis.claims._base import (
    KINDS,
    CannotCompare,
    Chart,
    Claim,
    Evidence,
    Group,
    Kind,
    RunField,
    StudyField,
)

__all__ = [
    "KINDS",
    "CannotCompare",
    "Chart",
    "Claim",
    "Evidence",
    "Group",
    "Kind",
    "RunField",
    "StudyField",
]
