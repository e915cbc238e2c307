"""The outcome of a job, computed from its journal."""

from typing import Any, NamedTuple

from ablations.store.history import History
from fakeface.declaration import Declaration
from fakeface.evaluation.diagnosis import onset_of
from fakeface.evaluation.dynamics import diagnose_dynamics
from fakeface.gan.series import ACCURACY_FAKE, ACCURACY_REAL, LOSS_D, UPDATE_RATIO
from fakeface.outcomes import Exit


class OutcomeFinding(NamedTuple):
    """A word (None if undecidable), the step at which it set in, and the evidence."""

    word: str | None
    onset: int | None
    evidence: str


def samples_finding(history: History, exit_: str | None = None) -> OutcomeFinding:
    """The `Samples` at the last grid. Those of untrained weights say nothing of the training, and weights that are not
    finite make none."""
    if exit_ == Exit.DIVERGED:
        return OutcomeFinding(None, None, "training diverged: there are no samples to judge")
    if not any(diagnosis["step"] for diagnosis in history.diagnoses):
        return OutcomeFinding(None, None, "no samples were drawn after a step")
    labels = [(diagnosis["step"], diagnosis["label"]) for diagnosis in history.diagnoses]
    return OutcomeFinding(labels[-1][1], onset_of(labels), history.diagnoses[-1]["evidence"])


def dynamics_finding(history: History) -> OutcomeFinding:
    """The `Dynamics` of the whole training."""
    needed = {LOSS_D, ACCURACY_REAL, ACCURACY_FAKE, *UPDATE_RATIO.values()}
    if not needed <= history.series.keys():
        return OutcomeFinding(None, None, "too few steps were taken to say")
    if any(
        history.series[name].steps != history.series[LOSS_D].steps for name in (ACCURACY_REAL, ACCURACY_FAKE)
    ):
        return OutcomeFinding(None, None, "losses and accuracies are not recorded at the same steps")
    series = {name: (s.steps, s.values) for name, s in history.series.items()}
    dynamics = diagnose_dynamics(series, Declaration.of(history.job), history.job.get("total_steps"))
    return OutcomeFinding(dynamics.label, dynamics.onset, dynamics.evidence)


def outcome_fields(
    history: History, exit_: str, *, evidence: str, steps: int, onset: int | None = None, traceback: str = ""
) -> dict[str, Any]:
    """The fields of an `outcome` record. Those about the weights are None."""
    samples, dynamics = samples_finding(history, exit_), dynamics_finding(history)
    return {
        "exit": exit_,
        "samples": samples.word,
        "dynamics": dynamics.word,
        "onset": {"exit": onset, "samples": samples.onset, "dynamics": dynamics.onset},
        "evidence": {"exit": evidence, "samples": samples.evidence, "dynamics": dynamics.evidence},
        "steps": steps,
        "weights_sha256": None,
        "generator": None,
        "traceback": traceback,
    }
