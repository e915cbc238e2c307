"""What a study found: its record, with trials and trainings as frames in which NaN is a number not measured."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import field_validator

from ablations.studies.record import SIDES, Confirmed, StudyRecord, TrainingResult, TrialRecord
from fakeface.config import TrainingConfig
from fakeface.outcomes import Exit

if TYPE_CHECKING:
    import pandas as pd

_COPIED = (
    "seed", "exit", "samples", "dynamics", "regime", "evidence", "onset", "steps", "total_steps", "quality",
    "spectrum_distance", "update_ratio_G", "update_ratio_D",
)  # fmt: skip
_NUMBERS = _COPIED[_COPIED.index("onset") :]


class StudyResult(StudyRecord):
    """A search over settings of one run, and what it has found so far. Read it with `StudyResult.read(path)`."""

    @field_validator("best", "reference")
    @classmethod
    def _with_results(cls, found: Confirmed | None) -> Confirmed | None:
        """A confirmation of which no training has ended counts as none."""
        return found if found is not None and found.results else None

    @property
    def protocol(self) -> str:
        """The quality metric with its N: `fid (N = 10,000)`."""
        return self.metric if self.num_samples is None else f"{self.metric} (N = {self.num_samples:,})"

    def repeats(self, other: StudyRecord) -> bool:
        """Whether this is the same search as another one, but for the seeds: same space, budget, data and protocol."""
        same = (
            "base", "space", "objective", "planned_trials", "total_steps", "data_digest", "metric", "num_samples",
            "reference_name",
        )  # fmt: skip
        return all(getattr(self, name) == getattr(other, name) for name in same)

    @cached_property
    def trial_frame(self) -> "pd.DataFrame":
        """One row a trial, by number.

        Columns: number, state, enqueued, at_defaults, regime, measured (its value, NaN for a failure), quality (mean
        over seeds), steps, full_steps (if none had been pruned), and one for each searched path.
        """
        paths = tuple(self.space)
        rows = [_trial_row(trial, paths, self.objective.name) for trial in self.trials]
        columns = [
            "number", "state", "enqueued", "at_defaults", "regime", "measured", "quality", "steps", "full_steps", *paths
        ]  # fmt: skip
        types = {"enqueued": bool, "at_defaults": bool, "measured": float, "quality": float}
        frame = _frame(rows, columns, types)
        return frame.sort_values("number", ignore_index=True)

    @cached_property
    def training_frame(self) -> "pd.DataFrame":
        """One row a training of the searched run; those of the reference are of another run.

        Columns: source (search, lower, upper, best), trial (-1 beside the search), pruned (whether), seed, exit,
        samples, dynamics, regime, evidence, onset, steps, total_steps, quality, spectrum_distance, update_ratio_G,
        update_ratio_D, and one for each searched path.
        """
        rows = [
            _training_row(result, "search", trial.params, trial.number)
            for trial in self.trials
            for result in trial.results
        ]
        for side in SIDES:
            results = self.edges[side].results if side in self.edges else ()
            rows += [_training_row(result, side, {str(self.axis): result.x}) for result in results]
        if self.best is not None:
            rows += [_training_row(result, "best", self.best.params) for result in self.best.results]
        columns = ["source", "trial", "pruned", *_COPIED, *self.space]
        return _frame(rows, columns, {"pruned": bool} | dict.fromkeys(_NUMBERS, float))

    @property
    def steps_spent(self) -> int:
        """Generator steps that the search took."""
        return int(self.trial_frame["steps"].sum())

    @property
    def full_steps(self) -> int:
        """Generator steps that the same trainings would have taken if none had been pruned.

        Seeds that were never started, because an earlier one failed, count in neither.
        """
        return int(self.trial_frame["full_steps"].sum())

    @property
    def best_trial(self) -> Mapping[Any, Any] | None:
        """The row of the trial with the lowest measured value; None if there is none."""
        measured = self.trial_frame.dropna(subset=["measured"])
        return None if measured.empty else measured.sort_values(["measured", "number"]).to_dict("records")[0]


def _frame(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], types: Mapping[str, Any]
) -> "pd.DataFrame":
    """Built of objects, so that None stays None in columns that `types` does not name."""
    import pandas as pd  # late: it takes half a second

    return pd.DataFrame(rows, columns=list(columns), dtype=object).astype(types)


def _trial_row(trial: TrialRecord, paths: Sequence[str], objective: str) -> dict[str, Any]:
    known = [result.quality for result in trial.results if result.quality is not None]
    return {
        "number": trial.number,
        "state": trial.state,
        "enqueued": trial.enqueued,
        "at_defaults": _at_defaults(trial.settings, paths),
        "regime": trial.regime,
        "measured": _measured(trial, objective),
        "quality": float(np.mean(known)) if known else math.nan,
        "steps": sum(result.steps for result in trial.results),
        "full_steps": sum(_full_steps(result) for result in trial.results),
    } | {path: trial.params.get(path) for path in paths}


def _training_row(
    result: TrainingResult, source: str, params: Mapping[str, Any], trial: int = -1
) -> dict[str, Any]:
    copied = {name: getattr(result, name) for name in _COPIED}
    return {"source": source, "trial": trial, "pruned": result.exit == Exit.PRUNED} | copied | dict(params)


def _full_steps(result: TrainingResult) -> int:
    """The steps of a training if it had not been pruned; one that diverged ends by itself."""
    return result.total_steps if result.exit == Exit.PRUNED else result.steps


def _measured(trial: TrialRecord, objective: str) -> float:
    """A trial's value if it was measured; NaN if the sampler got a worst value instead."""
    measured = trial.results and all(result.measured(objective) is not None for result in trial.results)
    return trial.value if trial.value is not None and measured else math.nan


def _at_defaults(settings: Mapping[str, Any], paths: Sequence[str]) -> bool:
    """Whether the searched settings are the documented defaults, which are the report's own."""
    optimizer = TrainingConfig().optimizer
    defaults = {"optimizer": optimizer, "G": optimizer.for_network("G"), "D": optimizer.for_network("D")}
    for path in paths:
        group, _, name = path.rpartition(".")
        config = defaults.get(group.removeprefix("optimizer."))
        if config is None or path not in settings or getattr(config, name, None) != settings[path]:
            return False
    return bool(paths)
