"""The summary: one row a job. The HTML page and the terminal show the same."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from analysis.frames.jobs import Frames
from analysis.wording import number
from fakeface.gan.series import D_G_Z_BEFORE, D_X, LOSS_D, LOSS_G
from fakeface.outcomes import Dynamics, Exit, Samples
from fakeface.scores import ScoreKind

EXPECTED = frozenset({Exit.FINISHED, Samples.HEALTHY, Dynamics.BALANCED, Exit.RUNNING})
"""The words of an outcome that need no attention."""


@dataclass(frozen=True)
class Row:
    """One job. A number is None where it was never measured, and NaN where the measurement gave NaN."""

    run: str
    seed: int
    exit: str
    """finished, diverged, pruned, interrupted or crashed; `running`, or `new` where the job has not begun."""
    samples: str | None
    dynamics: str | None
    evidence: Mapping[str, str]
    """The evidence for each word, by `exit`, `samples` and `dynamics`."""
    changes: Mapping[str, Any]
    """The job's settings that other jobs here do not share, as `{"optimizer.name": "sgd"}`; None: the default."""
    loss_d: float | None
    """Loss_D of the last step, as the next three."""
    loss_g: float | None
    d_x: float | None
    d_g_z: float | None
    """D(G(z)) before D's step, the one beside D(x)."""
    quality: float | None
    """Last Fréchet distance, under the metric and N that `headings` names."""
    steps: int
    total_steps: int | None
    minutes: float | None

    @property
    def outcome(self) -> tuple[str, ...]:
        """The words, three where the job has ended."""
        return tuple(word for word in (self.exit, self.samples, self.dynamics) if word is not None)

    @property
    def reasons(self) -> list[str]:
        """The evidence to show: all but that a job took all of its steps."""
        plain = ("exit", Exit.FINISHED)
        return [words for part, words in self.evidence.items() if (part, self.exit) != plain]

    def cells(self) -> list[str]:
        """The row as text, in the order of `headings`."""
        steps = f"{self.steps:,}"
        if self.total_steps is not None and self.steps != self.total_steps:
            steps += f" of {self.total_steps:,}"
        numbers = [self.loss_d, self.loss_g, self.d_x, self.d_g_z, self.quality]
        minutes = "–" if self.minutes is None else f"{self.minutes:.1f}"
        return [self.run, str(self.seed), " · ".join(self.outcome), *map(number, numbers), steps, minutes]


def headings(quality: str) -> list[str]:
    """What the columns of `Row.cells` are.

    Args:
        quality: name of the Fréchet distance with its N.
    """
    return ["run", "seed", "outcome", LOSS_D, LOSS_G, D_X, "D(G(z))", quality, "steps", "minutes"]


def summary_rows(frames: Frames) -> list[Row]:
    """One row a job, in the order in which the jobs were given, whatever their outcome."""
    compared = sorted(frames.scores(ScoreKind.FINAL).compared, key=itemgetter("step"))
    quality = {(row["run"], row["seed"]): row["value"] for row in compared}  # the last step's
    changes = _changes(frames)
    rows = []
    for (_, history), job in zip(frames.read, frames.outcome_rows, strict=True):
        key = (job["run"], job["seed"])
        last = history.final_metrics()
        evidence = {name: job[f"evidence_{name}"] for name in ("exit", "samples", "dynamics")}
        rows.append(
            Row(
                run=job["run"],
                seed=job["seed"],
                exit=job["exit"],
                samples=job["samples"],
                dynamics=job["dynamics"],
                evidence={name: words for name, words in evidence.items() if words},
                changes=changes.get(key, {}),
                loss_d=last.get(LOSS_D),
                loss_g=last.get(LOSS_G),
                d_x=last.get(D_X),
                d_g_z=last.get(D_G_Z_BEFORE),
                quality=quality.get(key),
                steps=job["steps"],
                total_steps=job["total_steps"],
                minutes=None if math.isnan(job["seconds"]) else job["seconds"] / 60,
            )
        )
    return rows


def common_settings(frames: Frames) -> dict[str, Any]:
    """The settings off their defaults that all jobs begun have alike."""
    return _alike([job["settings"] for job in frames.job_rows])


def _alike(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not settings:
        return {}
    first, *others = settings
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def last_step(rows: Sequence[Row]) -> int:
    """Where an axis of steps ends: what was planned, or taken, whichever is more."""
    return max((max(row.total_steps or 0, row.steps) for row in rows), default=0)


def _changes(frames: Frames) -> dict[tuple[Hashable, Hashable], dict[str, Any]]:
    """The settings in which each job differs from another, and its data set if that differs."""
    jobs = frames.job_rows
    settings = [{"data.name": job["data_name"], **job["settings"]} for job in jobs]
    common = _alike(settings)
    return {
        (job["run"], job["seed"]): {name: own[name] for name in sorted(own.keys() - common.keys())}
        for job, own in zip(jobs, settings, strict=True)
    }
