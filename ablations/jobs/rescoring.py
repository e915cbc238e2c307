"""Scores a finished job again from its kept weights, when its protocol has changed. Trains nothing."""

from pathlib import Path

from ablations.jobs.context import Context, Progress
from ablations.jobs.plan import Job
from ablations.jobs.status import kept_steps
from ablations.store import history as histories
from ablations.store.journal import Journal
from fakeface.gan import checkpoints, training


def rescore(job: Job, folder: Path, context: Context) -> None:
    """Journal a score under the job's protocol for each kept generator that has none. The caller holds the lock.

    Raises:
        UserError: kept weights are damaged.
    """
    state = training.create(job.config, job.seed, context.device)
    with Journal(folder / "journal.jsonl") as journal:
        history = histories.load(journal.path)
        steps = kept_steps(folder)
        for step in steps:
            if history.evaluation_at(step, job.protocol_identity) is not None:
                continue
            if context.stop():
                return
            context.on_progress(Progress(job, step, steps[-1], "scoring", {}))
            kept = checkpoints.load(folder / f"generator-{step:06d}.pt")
            state.generator.load_state_dict(kept["generator"])
            values = context.scorer(job).score(state.generator, job, final=step == steps[-1])
            journal.append("evaluation", step=step, values=values, **job.protocol_record())
        journal.sync()
