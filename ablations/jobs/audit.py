"""Trains a finished job again and compares it with its journal, step by step. Writes nothing."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import torch

from ablations.jobs import training
from ablations.jobs.kept import kept_weights
from ablations.jobs.machine import EXACTNESS, stack
from ablations.jobs.plan import Job
from ablations.jobs.status import JobState, Status
from ablations.store import kept_steps
from ablations.store.history import History
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from fakeface.gan.step import GanState
from fakeface.gan.training import Block

NOT_AUDITED = {
    Status.NEW: "not trained yet",
    Status.STALE: "what was trained under this name is another training",
    Status.RESUMABLE: "not finished",
    Status.RUNNING: "not finished",
}


@dataclass(frozen=True)
class AuditResult:
    """The result of an audit."""

    steps: int
    """Steps that were trained again."""
    difference: str | None
    """The first step at which something differs, and what differs; None if nothing does."""
    stack: str
    """Versions and hardware of the audit, and how they differ from the recorded ones."""


def audit(
    job: Job,
    history: History,
    images: ImageSet,
    device: torch.device,
    *,
    steps: int | None = None,
) -> AuditResult:
    """Train a finished job again, or its first `steps` steps, and compare every metric and all kept weights.

    Raises:
        UserError: the job is not finished.
    """
    if history.outcome is None:
        raise UserError(
            f"{job.name}: not finished, so there is nothing to audit; `ablate run --run {shlex.quote(job.run)}` ends it"
        )
    total = min(steps or history.outcome["steps"], history.outcome["steps"])
    kept = {step for step in kept_steps(history.folder) if step <= total}
    begin, take_steps = training.way_of(job.config)
    state = begin(job, device)
    difference = None
    for block in take_steps(job, images, state, device, until=total, pauses=kept):
        difference = _first_difference(block, history)
        if difference is None and state.step in kept:
            difference = _kept_difference(history.folder, state, job.identity)
        if difference is not None:
            break
    if difference is None and state.step == history.outcome["steps"]:
        digest = checkpoints.weights_sha256(*state.networks)
        if digest != history.outcome["weights_sha256"]:
            difference = f"step {state.step}: the final weights differ, though no metric did"
    return AuditResult(state.step, difference, _stack_words(history, device))


def obstacle(state: JobState) -> str:
    """Why a job cannot be audited, in words; empty if it can."""
    if state.history is not None and state.status in (Status.DONE, Status.RE_SCORE):
        return ""
    words = [NOT_AUDITED.get(state.status, state.status), state.detail]
    return ": ".join(word for word in words if word)


def recorded_threads(history: History) -> int | None:
    """The CPU threads of the job's last session; None if that is not recorded."""
    return history.sessions[-1]["stack"].get("threads") if history.sessions else None


def _first_difference(block: Block, history: History) -> str | None:
    measured = [(list(block.steps), block.metrics), (block.probe_steps, block.probes)]
    found = []
    for steps, columns in measured:
        for name, column in columns.items():
            for index, step in enumerate(steps):
                recorded, now = history.value_at(name, step), float(column[index])
                if recorded is None:
                    found.append((step, f"step {step}: {name} is not in the journal"))
                elif recorded != now and not (recorded != recorded and now != now):
                    found.append((step, f"step {step}: {name} was {recorded!r}, now {now!r}"))
    return min(found, default=(0, None))[1]


def _kept_difference(folder: Path, state: GanState, identity: str) -> str | None:
    kept = kept_weights(folder, state.step, state.sampler, identity)
    now = state.sampler.state_dict()
    unequal = [name for name, tensor in kept.items() if not torch.equal(tensor, now[name].cpu())]
    return (
        f"step {state.step}: the generator's {unequal[0]} differs from the kept weights" if unequal else None
    )


def _stack_words(history: History, device: torch.device) -> str:
    now, then = stack(device), history.sessions[-1]["stack"] if history.sessions else {}
    words = ", ".join(f"{key} {now[key]}" for key in EXACTNESS)
    changed = [f"{key} {then.get(key)}" for key in EXACTNESS if then.get(key) != now[key]]
    return f"{words} (recorded on {', '.join(changed)})" if changed else words
