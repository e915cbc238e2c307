"""What each setting of an ablation path does: its share of the change from the path's start to its goal.

    added       (x before it - x after it) / (x of the start - x of the goal)
    left out    (x of the goal without it - x of the goal) / (x of the start - x of the goal)
    interaction = added - left out

of means over the seeds that the runs have in common. What is added on the path acts beside the settings before it only;
what is left out of the goal is missed beside all others. If settings simply add up, both shares are the same. Intervals
are Fieller's (`analysis/statistics/ratios.py`), each for itself at 95% and not corrected for their number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ablations.spec.paths import AblationPath, Move
from analysis.claims._base import LEVEL, CannotCompare, Group
from analysis.claims.metrics import Metric, parse_metric
from analysis.claims.values import common_seeds, values_of
from analysis.statistics import contrast, is_paired, ratio
from analysis.wording import listed, name_seeds, number, percent, tallied
from fakeface.evaluation.measures import QUALITY

if TYPE_CHECKING:
    from analysis.frames.jobs import Frames


@dataclass(frozen=True)
class Share:
    """A share of the change from start to goal."""

    estimate: float | None = None
    """None: see `reason`."""
    low: float | None = None
    """Lower end of its interval; -inf where the seeds set no bound, None with one seed."""
    high: float | None = None
    n: int = 0
    """Seeds that the runs have in common."""
    method: str = ""
    reason: str = ""
    """Why there is no share."""

    def __str__(self) -> str:
        """ "34% (10% to 58%)"; an en dash where there is none."""
        if self.estimate is None:
            return "–"
        if self.low is None or self.high is None:
            return share_words(self.estimate)
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return f"{share_words(self.estimate)} (no bounds)"
        return f"{share_words(self.estimate)} ({share_words(self.low)} to {share_words(self.high)})"


@dataclass(frozen=True)
class Stop:
    """A run of the path: its values by seed, and their mean with its interval."""

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
    added: Share
    left_out: Share
    interaction: Share | None
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
    """The shares of a path's settings, by the Fréchet distance.

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
    return shares_of(path, metric, dict(zip(names, groups, strict=True)))


def shares_of(path: AblationPath, metric: Metric, by_name: Mapping[str, Group]) -> PathResult:
    """The shares of a path's settings, from the values of each of its runs."""
    stops = {name: _stop(group) for name, group in by_name.items()}
    moves = []
    before = path.start
    for move in path.moves:
        added = _share(by_name, path, {before: 1.0, move.added: -1.0})
        left_out = _share(by_name, path, {move.left_out: 1.0, path.goal: -1.0})
        interaction = None
        if move.added != path.goal:
            weights: dict[str, float] = {}
            for name, weight in ((before, 1.0), (move.added, -1.0), (move.left_out, -1.0), (path.goal, 1.0)):
                weights[name] = weights.get(name, 0.0) + weight
            interaction = _share(by_name, path, weights)
        moves.append(
            MoveResult(
                move, stops[before], stops[move.added], stops[move.left_out], added, left_out, interaction
            )
        )
        before = move.added
    return PathResult(path, metric, stops[path.start], stops[path.goal], moves)


def _stop(group: Group) -> Stop:
    values = group.by_seed
    if not values or not np.isfinite(values).all():
        return Stop(group, None, None, None)
    mean = float(np.mean(values))
    found = contrast([values], [1.0], paired=False, level=LEVEL) if len(values) > 1 else None
    return Stop(group, mean, found.low if found else None, found.high if found else None)


def _share(groups: Mapping[str, Group], path: AblationPath, above: Mapping[str, float]) -> Share:
    """A contrast of means, with weights by run, as a share of the change from start to goal."""
    below = {path.start: 1.0, path.goal: -1.0}
    names = list(dict.fromkeys([*above, *below]))
    if lacking := [f"`{groups[name].name}`" for name in names if not groups[name].values]:
        return Share(reason=f"not run: {listed(lacking)}")
    compared = common_seeds([groups[name] for name in names])
    for group in compared:
        if lost := [seed for seed, value in sorted(group.values.items()) if not math.isfinite(value)]:
            return Share(reason=f"`{group.name}` diverged with {name_seeds(lost)} and has no mean")
    values = [group.by_seed for group in compared]
    count = len(values[0])
    if not count:
        return Share(reason="no seed in common")
    upper, lower = ([weights.get(name, 0.0) for name in names] for weights in (above, below))
    means = [float(np.mean(own)) for own in values]
    change = float(np.dot(lower, means))
    if change == 0:
        return Share(reason="start and goal do not differ")
    if change < 0:  # the goal is higher: the same shares of the opposite change
        upper, lower = [-weight for weight in upper], [-weight for weight in lower]
    if count == 1:
        return Share(float(np.dot(upper, means)) / abs(change), n=1)
    paired = is_paired(*(group.values for group in compared))
    found = ratio(values, upper, lower, paired=paired, level=LEVEL)
    return Share(found.estimate, found.low, found.high, count, found.method)


# -- words


def share_words(value: float) -> str:
    """ "34%", "−5%", "+∞"."""
    return percent(value).replace("-", "−") if math.isfinite(value) else number(value)


def path_words(found: PathResult, quality: str) -> list[str]:
    """The whole change, then a sentence for each setting. `quality` names the Fréchet distance with its N."""
    if found.reason:
        return [found.reason]
    stops = [stop for stop in (found.start, found.goal) if stop.mean is not None]
    ends = [f"{number(stop.mean)} for `{stop.group.name}`" for stop in stops]
    seeds = min(len(found.start.group.values), len(found.goal.group.values))
    words = []
    if len(ends) == 2:
        how = "one seed, which describes and does not judge" if seeds == 1 else f"means of {seeds} seeds"
        words.append(f"{quality} is {ends[0]} and {ends[1]} ({how}).")
    if any(move.added.low == -math.inf for move in found.moves):
        words.append(
            "These seeds do not show surely enough that the two differ, so their shares have no bounds."
        )
    return [*words, *(_move_words(move, found) for move in found.moves)]


def _move_words(result: MoveResult, found: PathResult) -> str:
    added, left_out, interaction = result.added, result.left_out, result.interaction
    words = f"`{result.move.words}`: "
    if added.estimate is None:
        words += f"no share where it is added, since {_reason(added)}"
    else:
        words += f"{added} of the change where it is added"
    if interaction is None:
        return f"{words}; it is the last one, and leaving it out compares the same runs."
    if left_out.estimate is None:
        return f"{words}; no share where only it is left out, since {_reason(left_out)}."
    words += f"; {left_out} where only it is left out of `{found.goal.group.name}`"
    if interaction.estimate is None:
        return f"{words}."
    words += f". The difference, {interaction}, is interaction with the settings that change after it"
    if interaction.low is None or interaction.high is None:
        return f"{words}."
    if interaction.low <= 0 <= interaction.high:
        return f"{words}, which these seeds cannot tell from none."
    depends = "more" if interaction.estimate < 0 else "less"
    return f"{words}: beside them it does {depends}."


def _reason(share: Share) -> str:
    return share.reason or "there is none"


def path_headings(quality: str) -> list[str]:
    """What the columns of `path_rows` are."""
    return [
        "setting", "run", "outcome", "seeds", quality, "share when added", "goal without it", "share when left out",
        "interaction",
    ]  # fmt: skip


def path_rows(found: PathResult) -> list[list[str]]:
    """The start, then each setting with the run that it leads to; the last one leads to the goal."""
    rows = [["(start)", *_cells(found.start), "", "", "", ""]]
    for result in found.moves:
        without = result.without
        rows.append([
            result.move.words,
            *_cells(result.after),
            _cell(result.added),
            f"{_mean(without)} · {without.outcome}",
            _cell(result.left_out),
            "" if result.interaction is None else _cell(result.interaction),
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


def _cell(share: Share) -> str:
    return share.reason if share.estimate is None else str(share)


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
                "added": _share_record(result.added),
                "left_out": _share_record(result.left_out),
                "interaction": None if result.interaction is None else _share_record(result.interaction),
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


def _share_record(share: Share) -> dict[str, Any]:
    return {
        "share": share.estimate,
        "interval": None if share.low is None else [share.low, share.high],
        "n": share.n,
        "method": share.method,
        "reason": share.reason,
    }
