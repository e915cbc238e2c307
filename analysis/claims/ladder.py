"""A ladder of runs, each one step away from a run that fails, and how near each comes to a run that works.

    share of the gap closed = (floor - rung) / (floor - goal)

floor, rung and goal are mean Fréchet distances over the seeds that all three have, so that each seed is held against
itself. A training that diverged has no distance: it is told, it is not in the mean, and its run ranks last.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import pandas as pd

from analysis.frames.jobs import Frames
from analysis.wording import name_seeds
from fakeface.outcomes import Regime, regime_of

Word = Literal["reaches", "part way", "no better", "worse", "better", "hardly matters", "diverged", "unknown"]

REACHES = 0.9
"""From this share on a rung reaches the goal, if its samples are healthy with every seed."""
PART_WAY = 0.25
"""From this share on a rung is part of the way there, and from this much below the floor on it is worse."""

_UNSCORED = {
    "new": "not begun",
    "running": "still running",
    "pruned": "pruned",
    "interrupted": "interrupted",
    "crashed": "crashed",
    "finished": "not scored under the protocol of the others",
}


@dataclass(frozen=True)
class Rung:
    """A run of the ladder."""

    run: str
    hypothesis: str | None
    """Short name of the hypothesis that it tests; None: of none."""
    description: str
    """What it changes, as a phrase: "ten times the steps". Empty: its name says it."""
    start: str | None = None
    """The run that it is one step away from; None: the floor. From any other, what counts is whether the step
    matters there: what its start had reached is not its own doing."""


@dataclass(frozen=True)
class LadderSpec:
    """Runs that isolate why `floor` fails where `goal` works."""

    floor: str
    goal: str
    hypotheses: Mapping[str, str]
    """The possible causes in words, by short name."""
    rungs: Sequence[Rung]


@dataclass(frozen=True)
class Standing:
    """How the trainings of one run came out, by seed."""

    run: str
    scores: Mapping[int, float]
    """Fréchet distance at the last step, of the trainings that finished with a finite one."""
    regimes: Mapping[int, Regime]
    """Of every training that has begun."""
    samples: Mapping[int, str | None]
    """Healthy, noise or collapsed, of every training that has begun."""
    outcome: str
    """The outcome's words, counted over the seeds where they differ."""
    diverged: tuple[int, ...]
    """Seeds whose training diverged, or whose distance is not finite."""
    missing: str
    """Which seeds have no distance yet, and why; empty where none is missing."""

    @property
    def mean(self) -> float | None:
        return fmean(self.scores.values()) if self.scores else None

    @property
    def unscored(self) -> str:
        """Why the run cannot be compared; empty where it has a distance."""
        if self.scores:
            return ""
        return f"`{self.run}` diverged" if self.diverged else f"`{self.run}`: {self.missing}"


@dataclass(frozen=True)
class RungResult:
    """What one rung came to. share, low and high are None where nothing can be compared, and `why` says so."""

    rung: Rung
    standing: Standing
    seeds: tuple[int, ...]
    """Seeds that floor, goal, start and rung all have a distance for: those compared."""
    start: float | None
    """Mean distance, over these seeds, of the run that it starts from."""
    mean: float | None
    """Mean distance of the rung over these seeds."""
    share: float | None
    low: float | None
    """Smallest share of a single seed. None also where floor and goal of some seed lie the wrong way round."""
    high: float | None
    word: Word
    why: str


def standings(frames: Frames, runs: Iterable[str]) -> dict[str, Standing]:
    """Where each run stands; a run of which no job was selected is missing."""
    # Not `groupby(...).last()`, which would pass over a NaN.
    last = frames.quality().sort_values("step").drop_duplicates(["run", "seed"], keep="last")
    columns = (last[name] for name in ("run", "seed", "step", "value"))
    scores = {(run, seed): (step, value) for run, seed, step, value in zip(*columns, strict=True)}
    return {run: _standing(frames.jobs_of(run), run, scores) for run in runs}


def _standing(jobs: pd.DataFrame, run: str, scores: Mapping[tuple[str, int], tuple[int, float]]) -> Standing:
    """`scores`: step and value of the last one, by run and seed."""
    finite: dict[int, float] = {}
    regimes: dict[int, Regime] = {}
    samples: dict[int, str | None] = {}
    diverged: list[int] = []
    lacking: dict[str, list[int]] = {}
    for job in jobs.to_dict("records"):
        seed = job["seed"]
        step, value = scores.get((run, seed), (None, None))
        # An earlier score of a training that ended before its time says nothing about where it leads.
        final = value if job["exit"] == "finished" and step == job["steps"] else None
        if job["exit"] != "new":
            regimes[seed] = regime_of(job["exit"], job["samples"], job["dynamics"])
            samples[seed] = job["samples"]
        if job["exit"] == "diverged" or (final is not None and not math.isfinite(final)):
            diverged.append(seed)
        elif final is None:
            lacking.setdefault(_UNSCORED.get(job["exit"], job["exit"]), []).append(seed)
        else:
            finite[seed] = final
    missing = "; ".join(f"{name_seeds(seeds)} {reason}" for reason, seeds in lacking.items())
    if jobs.empty:
        missing = "none of its jobs is among those selected"
    return Standing(run, finite, regimes, samples, _outcome(jobs), tuple(diverged), missing)


def climb(frames: Frames, ladder: LadderSpec) -> list[RungResult]:
    """What each rung came to, the nearest to the goal first, those that diverged last, before those unknown.

    All distances are of one protocol (`Frames.quality`). Its reference is drawn from the full data set, so that
    runs that train on less of it, or on another range of pixel values, are held against the same images.
    """
    starts = [rung.start or ladder.floor for rung in ladder.rungs]
    at = standings(
        frames, dict.fromkeys([ladder.floor, ladder.goal, *starts, *(r.run for r in ladder.rungs)])
    )
    ends = (ladder.floor, ladder.goal)
    results = [
        _result(rung, at[ladder.floor], at[ladder.goal], at[start], at[rung.run])
        for rung, start in zip(ladder.rungs, starts, strict=True)
        if rung.run not in ends
    ]
    return sorted(results, key=_rank)


def _result(rung: Rung, floor: Standing, goal: Standing, start: Standing, standing: Standing) -> RungResult:
    others = (floor, goal, start)
    seeds = tuple(seed for seed in standing.scores if all(seed in other.scores for other in others))
    rows = [(floor.scores[s], goal.scores[s], start.scores[s], standing.scores[s]) for s in seeds]
    failed: Word | None = "diverged" if standing.diverged else None
    why = next((run.unscored for run in (standing, *others) if run.unscored), "")
    if not rows:
        names = " and ".join(dict.fromkeys(f"`{other.run}`" for other in others))
        why = why or f"`{rung.run}` has no seed in common with {names}"
        return RungResult(rung, standing, (), None, None, None, None, None, failed or "unknown", why)
    top, bottom, before, mean = (fmean(column) for column in zip(*rows, strict=True))
    if top <= bottom:
        why = f"`{floor.run}` is no further from the real images than `{goal.run}`: there is no gap to close"
        return RungResult(rung, standing, seeds, before, mean, None, None, None, failed or "unknown", why)
    share = (before - mean) / (top - bottom)
    shares = [(b - r) / (f - g) for f, g, b, r in rows if f > g]
    low, high = (min(shares), max(shares)) if len(shares) == len(rows) else (None, None)
    healthy = all(standing.samples[seed] == "healthy" for seed in seeds)
    judged = word_of(share, healthy=healthy) if start is floor else change_of(share)
    return RungResult(rung, standing, seeds, before, mean, share, low, high, failed or judged, "")


def change_of(share: float) -> Word:
    """The word for what a step from another run than the floor changes, as a share of the gap."""
    return "hardly matters" if abs(share) < PART_WAY else "better" if share > 0 else "worse"


def word_of(share: float, *, healthy: bool) -> Word:
    """The word for a share of the gap. What reaches the goal's distance with samples that are not healthy does not
    reach the goal."""
    if share < -PART_WAY:
        return "worse"
    if share < PART_WAY:
        return "no better"
    return "reaches" if share >= REACHES and healthy else "part way"


def _rank(result: RungResult) -> tuple[int, float]:
    mean = result.standing.mean
    if result.standing.diverged:
        return 1, math.inf if mean is None else mean
    return (2, 0.0) if mean is None else (0, mean)


def _outcome(jobs: pd.DataFrame) -> str:
    words = [
        " · ".join(job[name] for name in ("exit", "samples", "dynamics") if job[name])
        for job in jobs.to_dict("records")
    ]
    counts = {text: words.count(text) for text in words}
    if len(counts) == 1:
        return words[0]
    return "; ".join(f"{count} × {text}" for text, count in counts.items())
