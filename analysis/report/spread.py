"""What the spread of a run over its seeds comes from: initial weights, order of the data, or noise.

A run that fixes the seeds of two streams (`train.seeds`) spreads by the third alone, the other two as they were drawn
once. It is compared with the run that is otherwise the same and fixes none.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.frames.jobs import Frames
from analysis.statistics import Aggregate, spread, variance_ratio
from analysis.wording import listed, percent
from fakeface.config import SeedsConfig

STREAMS = tuple(SeedsConfig.model_fields)
_PREFIX = "train.seeds."


@dataclass(frozen=True)
class SpreadPart:
    """How far one run spreads. Spreads are standard deviations of the logarithm of the Fréchet distance: 0.05 is 5%."""

    run: str
    varied: tuple[str, ...]
    """The streams that differ between its seeds."""
    seeds: int
    spread: Aggregate
    whole: str | None
    """The run that fixes no stream and is otherwise the same."""
    share: Aggregate | None
    """This run's variance over that of `whole`; None for `whole` itself, or without one."""


def spread_parts(frames: Frames, values: Mapping[str, Sequence[float]]) -> list[SpreadPart]:
    """The runs that fix streams, each family after the run that fixes none; empty without such a run.

    Args:
        values: the last distances by run, of two seeds or more; runs with a diverged seed are left out.
    """
    families: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for run in values:
        if all(map(math.isfinite, values[run])):
            settings = dict(frames.jobs.loc[frames.jobs["run"] == run, "settings"].iloc[0])
            fixed = {stream for stream in STREAMS if settings.pop(_PREFIX + stream, None) is not None}
            varied = tuple(stream for stream in STREAMS if stream not in fixed)
            families.setdefault(repr(sorted(settings.items())), []).append((run, varied))
    return [part for family in families.values() for part in _parts(family, values)]


def _parts(
    family: Sequence[tuple[str, tuple[str, ...]]], values: Mapping[str, Sequence[float]]
) -> Iterator[SpreadPart]:
    if all(varied == STREAMS for _, varied in family):
        return
    whole = next((run for run, varied in family if varied == STREAMS), None)
    logs = {run: np.log(values[run]) for run, _ in family}
    for run, varied in sorted(family, key=lambda one: -len(one[1])):
        share = variance_ratio(logs[run], logs[whole]) if whole not in (None, run) else None
        yield SpreadPart(run, varied, len(values[run]), spread(logs[run]), whole, share)


SPREAD_HEADINGS = ("run", "differs in", "seeds", "spread of the distance", "of the variance of all three")


def spread_rows(parts: Sequence[SpreadPart]) -> list[Sequence[str]]:
    """The cells of each run, as text."""
    return [
        [part.run, listed(part.varied), str(part.seeds), _cell(part.spread, 1), _cell(part.share, 0)]
        for part in parts
    ]


def spread_record(parts: Sequence[SpreadPart]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [
        {
            "run": part.run, "varied": list(part.varied), "seeds": part.seeds, "whole": part.whole,
            "spread": part.spread._asdict(), "share": part.share._asdict() if part.share else None,
        }
        for part in parts
    ]  # fmt: skip


def _cell(found: Aggregate | None, digits: int) -> str:
    """`4.1% (2.5% to 11.8%)`, or a dash."""
    if found is None or found.low is None or found.high is None:
        return "–"
    value, low, high = (
        percent(x) if digits == 0 else f"{100 * x:.{digits}f}%"
        for x in (found.estimate, found.low, found.high)
    )
    return f"{value} ({low} to {high})"
