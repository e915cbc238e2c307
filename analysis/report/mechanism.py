"""How far each network moved and which one starves, in sentences."""

from collections.abc import Sequence

from analysis.frames.movement import NETWORKS, RunMovement
from analysis.wording import length, name_runs, rate, span

NAMES = {"G": "the generator", "D": "the discriminator"}
NAMED_RUNS = 4
"""Up to so many runs are named in a sentence; more are counted."""


def mechanism_words(found: Sequence[RunMovement]) -> list[str]:
    """A sentence for each optimizer and way to starve: "Under `sgd`, both networks starve in `sgd`: ..."."""
    groups: dict[str, dict[str, list[RunMovement]]] = {}
    for row in found:
        groups.setdefault(row.optimizer, {}).setdefault(_starving(row), []).append(row)
    return [
        _sentence(optimizer, words, rows) for optimizer, own in groups.items() for words, rows in own.items()
    ]


def _sentence(optimizer: str, words: str, rows: Sequence[RunMovement]) -> str:
    steps, paths = [], []
    for network in NETWORKS:
        moved = [row.networks[network] for row in rows]
        steps.append(f"{NAMES[network]} by {span([m.rate for m in moved], lambda value: rate(value, 2))}")
        paths.append(span([m.path for m in moved], length))
    who = name_runs([row.run for row in rows], NAMED_RUNS)
    return (
        f"Under `{optimizer}`, {words} in {who}: the median step moves {steps[0]} of its own length and {steps[1]}, "
        f"and all steps together come to {paths[0]} and {paths[1]} lengths."
    )


def _starving(row: RunMovement) -> str:
    words = {
        "G": "the generator alone starves",
        "D": "the discriminator alone starves",
        "both": "both networks starve",
        "neither": "neither network starves",
        "mixed": "which network starves differs between the seeds",
    }[row.starved]
    return f"{words}, while the discriminator hardly moves because it has won," if row.at_rest else words
