"""What one training came to, for a study: its regime, its value, how far its networks moved."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from statistics import median
from typing import Any

from ablations.history import History, Series
from ablations.outcomes import dynamics_finding, samples_finding
from ablations.plan import Job
from ablations.regimes import Regime, regime_of
from fakeface.evaluation import diagnose_dynamics
from fakeface.evaluation.dynamics import Dynamics

WORST = 1e6
"""Told for a setting that fails outright, where a sampler must learn not to go: above any Fréchet distance of images.
The earlier the failure set in, the more is added, at most as much again."""
_DYNAMICS = ("Loss_D", "accuracy_real", "accuracy_fake", "update_ratio_G", "update_ratio_D")


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
        return self.exit == "diverged" or self.dynamics == "discriminator-won"

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


def result_of(job: Job, history: History, *, cut: str = "") -> Result:
    """What a job's journal says. `cut`: why the study cut it short, which may not be journaled yet."""
    outcome = history.outcome or {}
    samples, dynamics = samples_finding(history), dynamics_finding(history)
    exit_ = "pruned" if cut else str(outcome.get("exit", "interrupted"))
    total = int(history.job["total_steps"])
    last = history.last_evaluation(job.protocol_identity)
    quality = last["values"][last["metric"]] if last is not None and last["step"] == total else None
    exit_onset = (outcome.get("onset") or {}).get("exit")
    if exit_ == "diverged":
        onset, evidence = exit_onset, outcome["evidence"]["exit"]
    elif dynamics.word in ("discriminator-won", "stalled"):
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
        evidence=cut or evidence,
        steps=int(outcome.get("steps") or history.last_step),
        total_steps=total,
        quality=_finite(quality),
        spectrum_distance=_finite(
            history.diagnoses[-1]["values"].get("spectrum_distance") if history.diagnoses else None
        ),
        update_ratio_G=_median(history.series.get("update_ratio_G")),
        update_ratio_D=_median(history.series.get("update_ratio_D")),
    )


def dynamics_until(history: History, step: int) -> Dynamics | None:
    """How the networks stood up to a step, whatever the journal holds beyond it; None where too little is known."""
    series = {}
    for name in _DYNAMICS:
        known = history.series.get(name)
        kept = [i for i, s in enumerate(known.steps) if s <= step] if known else []
        if known is None or not kept:
            return None
        series[name] = ([known.steps[i] for i in kept], [known.values[i] for i in kept])
    return diagnose_dynamics(series)


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _median(series: Series | None) -> float | None:
    values = [value for value in series.values if math.isfinite(value)] if series else []
    return median(values) if values else None
