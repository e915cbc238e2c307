"""What one training came to, for a study: its regime, its value, how far its networks moved."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

from ablations.jobs.outcome import dynamics_finding, samples_finding
from ablations.jobs.plan import Job
from ablations.store.history import History, Series
from fakeface.gan.series import UPDATE_RATIO
from fakeface.outcomes import Dynamics, Exit, Regime, regime_of

WORST = 1e6
"""Told for a setting that fails outright, where a sampler must learn not to go: above any Fréchet distance of images.
The earlier the failure set in, the more is added, at most as much again."""


@dataclass(frozen=True)
class PruneDecision:
    """That a study cut a training of a trial short: which of its seeds, at which step, and why."""

    seed: int
    step: int
    why: str


@dataclass(frozen=True)
class Result:
    """One training of a study."""

    run: str
    seed: int
    folder: str
    """Name of the job's folder in the store."""
    exit: str
    samples: str | None
    dynamics: str | None
    onset: int | None
    """Step at which the worst of the three words set in."""
    evidence: str
    steps: int
    total_steps: int
    quality: float | None
    """Fréchet distance at the last step; None where it was not reached or is not finite."""
    spectrum_distance: float | None
    """Of the last diagnosis, in dB."""
    update_ratio_G: float | None
    """Median |update| / |weights| of a generator step."""
    update_ratio_D: float | None

    @property
    def failed(self) -> bool:
        """Whether it broke: numbers that are not finite, or a discriminator that had won."""
        return self.exit == Exit.DIVERGED or self.dynamics == Dynamics.DISCRIMINATOR_WON

    @property
    def regime(self) -> Regime:
        """In one word, how the setting went."""
        return regime_of(self.exit, self.samples, self.dynamics)

    def value(self, objective: str) -> float:
        """What the sampler is told: finite, and from WORST to twice that for a failure."""
        measured = self.quality if objective == "quality" else self.spectrum_distance
        if not self.failed and measured is not None:
            return measured
        since = (self.onset if self.onset is not None else self.steps) / max(1, self.total_steps)
        return WORST * (2 - min(1.0, since))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"regime": self.regime}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Result":
        return cls(**{field.name: record[field.name] for field in fields(cls)})


def result_of(job: Job, history: History, cut: PruneDecision | None = None) -> Result:
    """What a job's journal says; where the study cut it short, what it said at that step, however late it stopped."""
    outcome = history.outcome or {}
    known = history if cut is None else history.until(cut.step)
    samples, dynamics = samples_finding(known), dynamics_finding(known)
    exit_ = str(outcome.get("exit", Exit.INTERRUPTED)) if cut is None else Exit.PRUNED
    total = int(history.job["total_steps"])
    last = known.last_evaluation(job.protocol_identity)
    quality = last["values"][last["metric"]] if last is not None and last["step"] == total else None
    if exit_ == Exit.DIVERGED:
        onset, evidence = outcome["onset"]["exit"], outcome["evidence"]["exit"]
    elif dynamics.word in (Dynamics.DISCRIMINATOR_WON, Dynamics.STALLED):
        onset, evidence = dynamics.onset, dynamics.evidence
    else:
        onset, evidence = samples.onset, samples.evidence
    return Result(
        run=job.run,
        seed=job.seed,
        folder=history.folder.name,
        exit=exit_,
        samples=samples.word,
        dynamics=dynamics.word,
        onset=onset,
        evidence=evidence if cut is None else cut.why,
        steps=int(outcome.get("steps") or history.last_step),
        total_steps=total,
        quality=_finite(quality),
        spectrum_distance=_finite(
            known.diagnoses[-1]["values"].get("spectrum_distance") if known.diagnoses else None
        ),
        update_ratio_G=_median(known.series.get(UPDATE_RATIO["G"])),
        update_ratio_D=_median(known.series.get(UPDATE_RATIO["D"])),
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _median(series: Series | None) -> float | None:
    values = [value for value in series.values if math.isfinite(value)] if series else []
    return median(values) if values else None
