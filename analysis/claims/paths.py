"""What each setting of an ablation path does to the Fréchet distance, and its share of the change from start to goal.

    added       log(x after it / x before it)
    left out    log(x of the goal / x of the goal without it)
    interaction = added - left out
    share       = any of them / log(x of the goal / x of the start)

with x the geometric mean over the seeds that the runs have in common: a distance spreads by factors. What is added on
the path acts beside the settings before it only; what is left out of the goal is missed beside all others. If settings
simply add up, both are the same. A change has the interval of a t-test, a share Fieller's
(`analysis/statistics/ratios.py`), each for itself at 95% and not corrected for their number.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ablations.spec.paths import AblationPath, Move
from analysis.claims._base import LEVEL, CannotCompare, Group
from analysis.claims.metrics import Metric, parse_metric
from analysis.claims.values import common_seeds, values_of
from analysis.statistics import contrast, is_paired, ratio
from analysis.wording import listed, name_seeds, number, percent, signed, tallied
from fakeface.evaluation.measures import QUALITY

if TYPE_CHECKING:
    from analysis.frames.jobs import Frames


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float | None
    """None with one seed."""
    high: float | None

    def __str__(self) -> str:
        """ "+34% (+10% to +58%)"."""
        if self.low is None or self.high is None:
            return change_words(self.value)
        return f"{change_words(self.value)} ({change_words(self.low)} to {change_words(self.high)})"


@dataclass(frozen=True)
class Contribution:
    """What a setting does to the metric."""

    change: Estimate | None = None
    """The relative change: -0.1 is 10% lower. None: see `reason`."""
    share: Estimate | None = None
    """Of the whole change; None also where the seeds do not show that there is one."""
    n: int = 0
    """Seeds that the runs have in common."""
    method: str = ""
    reason: str = ""
    """Why there is no change."""

    def __str__(self) -> str:
        """ "+34% (+10% to +58%)", or why there is none."""
        return self.reason if self.change is None else str(self.change)


@dataclass(frozen=True)
class Stop:
    """A run of the path: its values by seed, and their geometric mean with its interval."""

    group: Group
    mean: float | None
    """None without a value, and where a training diverged."""
    low: float | None
    high: float | None

    @property
    def outcome(self) -> str:
        return tallied(self.group.regimes.values()) or "–"


@dataclass(frozen=True)
class MoveResult:
    """What one setting does."""

    move: Move
    before: Stop
    after: Stop
    without: Stop
    """The goal without it."""
    added: Contribution
    left_out: Contribution
    interaction: Contribution | None
    """`added` less `left_out`; None for the last setting, for which both compare the same runs."""


@dataclass(frozen=True)
class PathResult:
    """What the settings between two runs do, in the order in which they change."""

    path: AblationPath
    metric: Metric
    start: Stop
    goal: Stop
    moves: Sequence[MoveResult]
    reason: str = ""
    """Why its runs cannot be compared; there are then no moves."""

    @property
    def stops(self) -> Sequence[Stop]:
        """The runs on the way, both ends included."""
        return [self.start, *(move.after for move in self.moves)]

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to show."""
        return any(stop.group.values for stop in self.stops)


def path_result(path: AblationPath, labels: Mapping[str, str], frames: "Frames") -> PathResult:
    """What a path's settings do to the Fréchet distance.

    Args:
        labels: the names by which the frames know the path's runs.
    """
    metric = parse_metric(QUALITY)
    names = {name: labels.get(name, name) for name in path.runs}
    try:
        groups = values_of(frames, list(names.values()), metric)
    except CannotCompare as error:
        empty = _stop(Group(names[path.start], {}, {}, {}))
        return PathResult(path, metric, empty, empty, (), f"{error}.")
    return contributions(path, metric, dict(zip(names, groups, strict=True)))


def contributions(path: AblationPath, metric: Metric, by_name: Mapping[str, Group]) -> PathResult:
    """What a path's settings do, from the values of each of its runs."""
    stops = {name: _stop(group) for name, group in by_name.items()}
    moves = []
    before = path.start
    for move in path.moves:
        added = _contribution(by_name, path, [(before, -1.0), (move.added, 1.0)])
        without = [(move.left_out, -1.0), (path.goal, 1.0)]
        interaction = None
        if move.added != path.goal:
            less = [(name, -weight) for name, weight in without]
            interaction = _contribution(by_name, path, [(before, -1.0), (move.added, 1.0), *less])
        left_out = _contribution(by_name, path, without)
        moves.append(
            MoveResult(
                move, stops[before], stops[move.added], stops[move.left_out], added, left_out, interaction
            )
        )
        before = move.added
    return PathResult(path, metric, stops[path.start], stops[path.goal], moves)


def _stop(group: Group) -> Stop:
    values = group.by_seed
    if not values or not all(0 < value < math.inf for value in values):
        return Stop(group, None, None, None)
    logs = np.log(values)
    found = contrast([logs], [1.0], paired=False, level=LEVEL) if len(values) > 1 else None
    ends = (math.exp(found.low), math.exp(found.high)) if found else (None, None)
    return Stop(group, float(np.exp(logs.mean())), *ends)


def _contribution(
    groups: Mapping[str, Group], path: AblationPath, terms: Sequence[tuple[str, float]]
) -> Contribution:
    """A contrast of mean logarithms, from its terms (run, weight), as a change and as a share of the whole change."""
    weights: dict[str, float] = {}
    for name, weight in terms:
        weights[name] = weights.get(name, 0.0) + weight
    logs = _logs(groups, list(weights))
    if isinstance(logs, str):
        return Contribution(reason=logs)
    own = [float(weight) for weight in weights.values()]
    estimate, count = float(np.dot(own, [values.mean() for values in logs])), len(logs[0])
    share = _share(groups, weights, {path.start: -1.0, path.goal: 1.0})
    if count == 1:
        return Contribution(Estimate(math.expm1(estimate), None, None), share, n=1)
    found = contrast(logs, own, paired=_paired(groups, weights), level=LEVEL)
    if found is None:
        return Contribution(reason="its values have no spread to judge it by")
    change = Estimate(math.expm1(estimate), math.expm1(found.low), math.expm1(found.high))
    return Contribution(change, share, count, found.method)


def _share(
    groups: Mapping[str, Group], above: Mapping[str, float], below: Mapping[str, float]
) -> Estimate | None:
    """One contrast of mean logarithms as a share of another; None where that is not shown to differ from 0."""
    names = list(dict.fromkeys([*above, *below]))
    logs = _logs(groups, names)
    if isinstance(logs, str):
        return None
    upper, lower = ([weights.get(name, 0.0) for name in names] for weights in (above, below))
    means = [float(values.mean()) for values in logs]
    whole = float(np.dot(lower, means))
    if whole == 0:
        return None
    if whole < 0:  # the goal is lower: the same shares of the opposite change
        upper, lower = [-weight for weight in upper], [-weight for weight in lower]
    if len(logs[0]) == 1:
        return Estimate(float(np.dot(upper, means)) / abs(whole), None, None)
    found = ratio(logs, upper, lower, paired=_paired(groups, names), level=LEVEL)
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None
    return Estimate(found.estimate, found.low, found.high)


def _logs(groups: Mapping[str, Group], names: Sequence[str]) -> list[npt.NDArray[np.float64]] | str:
    """Logarithms (n,) of each run's values by the seeds that all have, or why there are none."""
    if lacking := [f"`{groups[name].name}`" for name in names if not groups[name].values]:
        return f"not run: {listed(lacking)}"
    compared = common_seeds([groups[name] for name in names])
    if not compared[0].values:
        return "no seed in common"
    for group in compared:
        if lost := [seed for seed, value in sorted(group.values.items()) if not math.isfinite(value)]:
            return f"`{group.name}` diverged with {name_seeds(lost)} and has no mean"
        if min(group.by_seed) <= 0:
            return f"`{group.name}` has a value of {min(group.by_seed):g}, of which no ratio can be taken"
    return [np.log(group.by_seed) for group in compared]


def _paired(groups: Mapping[str, Group], names: Iterable[str]) -> bool:
    return is_paired(*(group.values for group in common_seeds([groups[name] for name in names])))


# -- words


def change_words(value: float) -> str:
    """ "+34%", "−5%", "0%"."""
    text = signed(percent(value).removesuffix("%"))
    return f"{text}%"


def path_words(found: PathResult, quality: str) -> list[str]:
    """The whole change, then a sentence for each setting. `quality` names the Fréchet distance with its N."""
    if found.reason:
        return [found.reason]
    stops = [stop for stop in (found.start, found.goal) if stop.mean is not None]
    ends = [f"{number(stop.mean)} for `{stop.group.name}`" for stop in stops]
    seeds = min(len(found.start.group.values), len(found.goal.group.values))
    words = []
    if len(ends) == 2:
        how = (
            "one seed, which describes and does not judge"
            if seeds == 1
            else f"geometric means of {seeds} seeds"
        )
        words.append(f"{quality} is {ends[0]} and {ends[1]} ({how}).")
        if not any(move.added.share for move in found.moves):
            words[0] += " These seeds do not show that the two differ, so there is no whole change to share."
    return [*words, *(_move_words(move, found) for move in found.moves)]


def _move_words(result: MoveResult, found: PathResult) -> str:
    added, left_out, interaction = result.added, result.left_out, result.interaction
    words = f"`{result.move.words}`: "
    if added.change is None:
        words += f"not known where it is added, since {added.reason}"
    else:
        words += f"{added} where it is added{_of_the_whole(added)}"
    if interaction is None:
        return f"{words}; it is the last one, and leaving it out compares the same runs."
    if left_out.change is None:
        return f"{words}; not known beside all other settings, since {left_out.reason}."
    words += f"; {left_out} beside all other settings of `{found.goal.group.name}`{_of_the_whole(left_out)}."
    if interaction.change is None or interaction.change.low is None or interaction.change.high is None:
        return words
    if interaction.change.low <= 0 <= interaction.change.high:
        return f"{words} These seeds cannot tell the two apart."
    return f"{words} The two differ: what it does depends on the settings that change after it."


def _of_the_whole(contribution: Contribution) -> str:
    return f", {contribution.share} of the whole change" if contribution.share else ""


def path_headings(quality: str) -> list[str]:
    """What the columns of `path_rows` are."""
    return [
        "setting", "run", "outcome", "seeds", quality, "when added", "share", "goal without it", "beside all others",
        "share",
    ]  # fmt: skip


def path_rows(found: PathResult) -> list[list[str]]:
    """The start, then each setting with the run that it leads to; the last one leads to the goal."""
    rows = [["(start)", *_cells(found.start), "", "", "", "", ""]]
    for result in found.moves:
        added, without, left_out = result.added, result.without, result.left_out
        rows.append([
            result.move.words,
            *_cells(result.after),
            str(added),
            str(added.share or "–"),
            f"{_mean(without)} · {without.outcome}",
            str(left_out),
            str(left_out.share or "–"),
        ])  # fmt: skip
    return rows


def _cells(stop: Stop) -> list[str]:
    return [stop.group.name, stop.outcome, str(len(stop.group.values)), _mean(stop)]


def _mean(stop: Stop) -> str:
    if stop.mean is None:
        return "–"
    if stop.low is None or stop.high is None:
        return number(stop.mean)
    return f"{number(stop.mean)} ({number(stop.low)} to {number(stop.high)})"


def path_record(found: PathResult) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "name": found.path.name,
        "description": found.path.description,
        "metric": str(found.metric),
        "level": LEVEL,
        "reason": found.reason,
        "start": _stop_record(found.start),
        "goal": _stop_record(found.goal),
        "moves": [
            {
                "changes": {name: list(pair) for name, pair in result.move.changes.items()},
                "after": _stop_record(result.after),
                "without": _stop_record(result.without),
                "added": _contribution_record(result.added),
                "left_out": _contribution_record(result.left_out),
                "interaction": None
                if result.interaction is None
                else _contribution_record(result.interaction),
            }
            for result in found.moves
        ],
    }


def _stop_record(stop: Stop) -> dict[str, Any]:
    return {
        "run": stop.group.name,
        "values": dict(stop.group.values),
        "outcomes": dict(stop.group.regimes),
        "missing": stop.group.lacking,
        "mean": stop.mean,
        "interval": None if stop.low is None else [stop.low, stop.high],
    }


def _contribution_record(found: Contribution) -> dict[str, Any]:
    return {
        "change": None if found.change is None else asdict(found.change),
        "share": None if found.share is None else asdict(found.share),
        "n": found.n,
        "method": found.method,
        "reason": found.reason,
    }
