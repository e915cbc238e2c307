"""From a job's journal to its result in a study."""

import math
from dataclasses import dataclass
from statistics import median

from ablations.jobs.outcome import dynamics_finding, samples_finding
from ablations.jobs.plan import Job
from ablations.store.history import History, Series
from ablations.studies.record import TrainingResult
from fakeface.gan.series import UPDATE_RATIO
from fakeface.outcomes import Dynamics, Exit


@dataclass(frozen=True)
class PruneDecision:
    """That a training of a trial is pruned: which seed, at which step, and why."""

    seed: int
    step: int
    why: str


def result_of(job: Job, history: History, decision: PruneDecision | None = None) -> TrainingResult:
    """What a job's journal says; of a pruned one, what it said at the step of the decision."""
    outcome = history.outcome or {}
    known = history if decision is None else history.until(decision.step)
    exit_ = Exit(outcome.get("exit", Exit.INTERRUPTED)) if decision is None else Exit.PRUNED
    samples, dynamics = samples_finding(known, exit_), dynamics_finding(known)
    assert job.total_steps is not None  # it was trained, so its data are known
    total = job.total_steps
    last = known.last_evaluation(job.protocol.identity)
    quality = last["values"].get(last["metric"]) if last is not None and last["step"] == total else None
    if exit_ == Exit.DIVERGED:
        onset, evidence = outcome["onset"]["exit"], outcome["evidence"]["exit"]
    elif dynamics.word in (Dynamics.DISCRIMINATOR_WON, Dynamics.STALLED):
        onset, evidence = dynamics.onset, dynamics.evidence
    else:
        onset, evidence = samples.onset, samples.evidence
    return TrainingResult(
        run=job.run,
        seed=job.seed,
        folder=history.folder.name,
        exit=exit_,
        samples=samples.word,
        dynamics=dynamics.word,
        onset=onset,
        evidence=evidence if decision is None else decision.why,
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
