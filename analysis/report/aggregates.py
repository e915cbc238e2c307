"""What the seeds of each run come to together: interquartile mean, probability of improvement, performance profile."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.frames.jobs import Frames
from analysis.frames.quality import Scores, scores_of
from analysis.report.spread import SpreadPart, spread_parts, spread_record
from analysis.statistics import Aggregate, interquartile_mean, probability_of_lower, profile
from analysis.wording import number, percent
from fakeface.evaluation.measures import DISTANCE
from fakeface.outcomes import COMPLETE, Exit


@dataclass(frozen=True)
class Aggregates:
    """The last Fréchet distances of the runs with two seeds or more; a diverged training ranks last, at +inf."""

    against: str
    """The first of the runs, with which the others are compared."""
    table: pd.DataFrame
    """One row a run: run, seeds, diverged, iqm, iqm_low, iqm_high (the interquartile mean), better, better_low and
    better_high (the probability that a seed of the run is better than one of `against`). NaN: not known."""
    parts: Sequence[SpreadPart]
    """What the spread over seeds comes from, where runs fix the seeds of single streams."""
    profiles: pd.DataFrame
    """run, threshold, share, low, high: the share of a run's seeds whose distance is at most the threshold, at every
    distance that a seed of any run has."""


def aggregates_of(frames: Frames, scores: Scores | None = None) -> Aggregates | None:
    """The aggregates of all runs under the protocol that the report compares; None where no run has two seeds.

    Args:
        scores: those of `frames`, if they are known.
    """
    values = _values(frames, scores if scores is not None else scores_of(frames))
    if not values:
        return None
    against = next(iter(values))
    thresholds = sorted({value for own in values.values() for value in own if math.isfinite(value)})
    table, profiles = [], []
    for run, own in values.items():
        better = probability_of_lower(own, values[against]) if run != against else Aggregate(math.nan)
        table.append({
            "run": run, "seeds": len(own), "diverged": sum(map(math.isinf, own)),
            **_columns("iqm", interquartile_mean(own)), **_columns("better", better),
        })  # fmt: skip
        share, low, high = profile(own, thresholds)
        profiles.append(
            pd.DataFrame({"run": run, "threshold": thresholds, "share": share, "low": low, "high": high})
        )
    return Aggregates(
        against, pd.DataFrame(table), spread_parts(frames, values), pd.concat(profiles, ignore_index=True)
    )


def aggregate_headings(found: Aggregates, quality: str) -> list[str]:
    """Of the columns of `aggregate_rows`; `quality` names the Fréchet distance with its N."""
    return [
        "run", "seeds", "diverged", f"{quality}, interquartile mean", f"better than {found.against}",
    ]  # fmt: skip


def aggregate_rows(found: Aggregates) -> list[Sequence[str]]:
    """The cells of each run, as text."""
    return [
        [
            row["run"], str(row["seeds"]), str(row["diverged"]), _cell(row, "iqm", number),
            _cell(row, "better", percent),
        ]
        for row in found.table.to_dict("records")
    ]  # fmt: skip


def aggregate_record(found: Aggregates) -> dict[str, Any]:
    """The same as plain data; None where a number is not known."""
    runs = [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in found.table.to_dict("records")
    ]
    return {
        "against": found.against,
        "runs": runs,
        "spread": spread_record(found.parts),
        "profiles": found.profiles.to_dict("records"),
    }


def _values(frames: Frames, scores: Scores) -> Mapping[str, Sequence[float]]:
    """The last distance of each job that has ended, by run; runs with one are left out."""
    ended = frames.outcomes[frames.outcomes["exit"].isin(COMPLETE)]
    exits = {(job["run"], job["seed"]): job["exit"] for job in ended.to_dict("records")}
    values: dict[str, list[float]] = {}
    for last in scores.last:
        found, exit_ = last.measured[DISTANCE], exits.get((last.run, last.seed))
        if exit_ == Exit.DIVERGED or (exit_ is not None and found is not None and math.isnan(found.value)):
            values.setdefault(last.run, []).append(math.inf)
        elif exit_ is not None and found is not None:
            values.setdefault(last.run, []).append(found.value)
    return {run: own for run, own in values.items() if len(own) > 1}


def _cell(row: Mapping[Hashable, Any], name: str, show: Callable[[float], str]) -> str:
    """`59.1 (55.0 to 63.2)`, the number alone, or a dash where it is not known."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if math.isnan(value):
        return "–"
    return show(value) if math.isnan(low) else f"{show(value)} ({show(low)} to {show(high)})"


def _columns(name: str, found: Aggregate) -> dict[str, float]:
    low, high = (math.nan if end is None else end for end in (found.low, found.high))
    return {name: found.estimate, f"{name}_low": low, f"{name}_high": high}
