"""One job from start to outcome: trains, journals, draws grids, scores, saves checkpoints, and resumes exactly.

The order at a step is: metrics, grid, diagnosis, score, checkpoint. A job that is killed between any two of them
resumes from its last checkpoint and repeats the later steps. What the journal has of these is compared with the new
values, not written twice.
"""

import hashlib
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablations.code import user as user_modules
from ablations.jobs import training
from ablations.jobs.checkout import store_diff
from ablations.jobs.context import Context
from ablations.jobs.kept import keep
from ablations.jobs.machine import stack, stack_changes, system_load
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.plan import Job
from ablations.jobs.progress import Progress
from ablations.jobs.resuming import checkpoint_files, checkpoint_of, first_difference, same, usable_checkpoint
from ablations.jobs.schedule import Schedule
from ablations.store import generator_file
from ablations.store import history as histories
from ablations.store.history import History
from ablations.store.journal import Journal, Record
from fakeface.data import ImageSet
from fakeface.errors import UserError
from fakeface.evaluation.calibration import DIAGNOSIS_SAMPLES, real_statistics_of
from fakeface.evaluation.diagnosis import diagnose_samples
from fakeface.gan import checkpoints, sampling
from fakeface.gan.networks import Networks, check_shapes
from fakeface.gan.objective import declaration
from fakeface.gan.series import IMAGES_PER_SECOND
from fakeface.gan.step import GanState
from fakeface.gan.training import Block
from fakeface.images import contact_sheet, save_png
from fakeface.outcomes import Exit
from fakeface.randomness import latent_noise


def run_job(job: Job, folder: Path, context: Context) -> str:
    """Run one job to its end, from its last checkpoint if there is one. The caller holds the job's lock.

    Returns:
        The exit: finished, diverged, pruned, interrupted or crashed.

    Raises:
        UserError: the job cannot begin (on another stack than its checkpoint's, for example), or its journal cannot
            be written.
        torch.OutOfMemoryError: the GPU's memory did not suffice. The job resumes from its last checkpoint.
    """
    with Journal(folder / "journal.jsonl") as journal:
        session = Session(job, folder, journal, context)
        session.check_stack()
        try:
            session.open()
            session.train()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            if place := user_modules.place_of(error):
                words = f"{place}: {words}"
            return session.close(Exit.CRASHED, evidence=words, traceback=traceback.format_exc())
        if session.diverged_at is not None:
            words = f"a loss or weight was no longer finite at step {session.diverged_at}"
            return session.close(Exit.DIVERGED, evidence=words, onset=session.diverged_at)
        if session.step < session.total_steps:
            why = context.cancelled()
            if why is not None:
                return session.close(Exit.PRUNED, evidence=why, onset=session.step)
            words = f"stopped after step {session.step} of {session.total_steps}"
            return session.close(Exit.INTERRUPTED, evidence=words)
        return session.close(Exit.FINISHED, evidence=f"took all {session.total_steps} steps")


def job_record(job: Job, images: ImageSet, total_steps: int) -> dict[str, Any]:
    """The fields of the `job` record, the journal's first."""
    data = {
        "name": images.name, "source": images.source, "digest": images.digest, "count": len(images.images),
        "image_size": images.images.shape[1], "channels": images.images.shape[3], "code": job.data_code,
    }  # fmt: skip
    return {
        "instance": uuid.uuid4().hex,
        "identity": job.identity,
        "seed": job.seed,
        "settings": job.changed,
        "resolved": job.resolved,
        "data": data,
        "code": job.code,
        "config": job.config.training().model_dump(mode="json"),
        "total_steps": total_steps,
        "objective": declaration(job.config).record(),
        "claims": job.claims,
    }


def name_job(job: Job, journal: Journal, history: History) -> None:
    """Journal the run, group, profile and `--set` under which a plan has the job, unless the journal has them."""
    naming = job.naming()
    if not any(all(known.get(key) == value for key, value in naming.items()) for known in history.names):
        history.apply(journal.append("named", **naming, description=job.description))


class Session:
    """One process's run of one job."""

    def __init__(self, job: Job, folder: Path, journal: Journal, context: Context) -> None:
        self.job, self.folder, self.journal, self.context = job, folder, journal, context
        self.history = histories.load(journal.path)
        self.images = context.images(job)
        self.total_steps = training.total_steps(job.config, len(self.images.images))
        self.schedule = Schedule.of(job, self.total_steps)
        self.checkpoint, self.problems = usable_checkpoint(folder, self.history)
        self.stack = stack(context.device)
        before = self.history.sessions[-1]["stack"] if self.checkpoint else self.stack
        self.stack_changes = stack_changes(before, self.stack)
        self.state: GanState
        self.diverged_at: int | None = None

    @property
    def step(self) -> int:
        """The current step or, if training diverged, the step at which it did."""
        if self.diverged_at is not None:
            return self.diverged_at
        return self.state.step if hasattr(self, "state") else self.history.last_step

    # -- beginning and end ---------------------------------------------------------------------------------------

    def check_stack(self) -> None:
        """Raises UserError if the job would resume on another stack without `allow_inexact`."""
        if self.stack_changes and not self.context.allow_inexact:
            threads = self.history.sessions[-1]["stack"].get("threads")
            raise UserError(
                f"{self.job.name}: begun on another stack ({'; '.join(self.stack_changes)}), so resuming it here would "
                f"not give the same bits. Resume it there with --threads {threads}, or pass --allow-inexact for a new "
                "MLflow run here."
            )

    def open(self) -> None:
        """Write the header if it is missing, restore the checkpoint, and journal the session."""
        if not self.history.job:
            self._append("job", **job_record(self.job, self.images, self.total_steps))
        name_job(self.job, self.journal, self.history)
        self.state = training.way_of(self.job.config).begin(self.job, self.context.device)
        if self.checkpoint is None:
            check_shapes(Networks(self.state.generator, self.state.discriminator), self.job.config)
        else:
            checkpoints.restore(self.state, self.checkpoint)
        for problem in self.problems:
            self._append("note", text=f"{problem}; resumed from step {self.state.step}")
        git = store_diff(self.context.git, self.folder)
        self._append("session", from_step=self.state.step, stack=self.stack, git=git)
        if self.stack_changes:
            words = f"resumed after step {self.state.step} on another stack: {self.stack_changes[0]}"
            self._append("branch", step=self.state.step + 1, reason=words)
        self.journal.sync()

    def close(self, exit_: str, *, evidence: str, onset: int | None = None, traceback: str = "") -> str:
        """Journal the outcome."""
        fields = outcome_fields(
            self.history, exit_, evidence=evidence, steps=self.step, onset=onset, traceback=traceback
        )
        fields["weights_sha256"] = self._weights_sha256()
        fields["generator"] = generator_file(self.folder, self.step).name if exit_ == Exit.FINISHED else None
        self._append("outcome", **fields)
        self.journal.sync()
        if exit_ in (Exit.FINISHED, Exit.DIVERGED):
            for older in checkpoint_files(self.folder)[1:]:
                older.unlink()
        return exit_

    def _weights_sha256(self) -> str | None:
        """None without weights, or if they diverged: they then depend on when the divergence was noticed."""
        if self.diverged_at is not None or not hasattr(self, "state"):
            return None
        return checkpoints.weights_sha256(*self.state.networks)

    # -- the loop ------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the remaining steps. Everything measured is in the journal, whatever ends the training."""
        if self.state.step == 0:
            self._pause(0)
        else:
            self._report_past_diagnoses()
        blocks = training.way_of(self.job.config).take_steps(
            self.job,
            self.images,
            self.state,
            self.context.device,
            pauses=self.schedule,
            stop=self._stopping,
        )
        for block in blocks:
            self._record(block)
            if block.diverged_at is not None:
                self.diverged_at = block.diverged_at
                self._grid(block.diverged_at)
                return
            self._pause(self.state.step)
        if self._stopping() and not self.schedule.is_checkpoint(self.state.step):
            self.save()

    def _stopping(self) -> bool:
        return self.context.stop() or self.context.cancelled() is not None

    def _pause(self, step: int) -> None:
        if step in self.schedule.grids:
            self._grid(step)
            self._diagnose(step)
        if step in self.schedule.scores:
            self._score(step)
        if self.schedule.is_checkpoint(step):
            self.save()

    def save(self) -> None:
        """Save a checkpoint. The journal reaches the disk first, so it is never behind the checkpoint."""
        self.journal.sync()
        payload = checkpoints.capture(self.state) | {"identity": self.job.identity}
        checkpoints.save(checkpoint_of(self.folder), payload)

    def _record(self, block: Block) -> None:
        """Journal a block: each step's metrics, the probes, then speed and load."""
        measured = [(list(block.steps), block.metrics), (block.probe_steps, block.probes)]
        tables = [(steps, {k: v.tolist() for k, v in columns.items()}) for steps, columns in measured]
        difference = first_difference(self.history, tables)
        if difference is not None:  # the resume was not exact: supersede what was recorded from there on
            step, words = difference
            self._append("branch", step=step, reason=words)
        last = block.steps[-1]
        images = len(block.steps) * self.job.config.train.batch_size
        clocks = {IMAGES_PER_SECOND: images / block.seconds, **system_load(self.context.device)}
        tables.append(([last], {name: [value] for name, value in clocks.items()}))
        for steps, columns in tables:
            self._append_metrics(steps, columns)
        self._progress(
            "training", {name: float(values[-1]) for name, values in block.metrics.items()} | clocks
        )

    def _append_metrics(self, steps: list[int], values: dict[str, list[float]]) -> None:
        """Journal metrics at the steps that the journal lacks."""
        before = self.history.value_at
        new = [i for i, step in enumerate(steps) if any(before(n, step) is None for n in values)]
        if new:
            columns = {name: [column[i] for i in new] for name, column in values.items()}
            self._append("metrics", steps=[steps[i] for i in new], values=columns)

    # -- at a pause ----------------------------------------------------------------------------------------------

    def _samples(self, stream: str, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        z = latent_noise(stream, self.job.seed, 0, count, self.job.config.network.latent_dim)
        return sampling.generate(self.state.sampler, z)

    def _grid(self, step: int) -> None:
        """Draw the grid, from noise that is the same at each step and in each run with this seed."""
        size = self.job.config.samples.grid_size
        sheet = contact_sheet(self._samples("samples", size * size), size)
        file = self.folder / "samples" / f"{step:06d}.png"
        pixels = hashlib.sha256(sheet.tobytes()).hexdigest()
        before = self.history.image_at(step)
        if before is not None and before["sha256"] != pixels:
            self._append(
                "note", text=f"the samples at step {step} came out differently; the first ones are kept"
            )
        elif before is None or not file.exists():
            file.parent.mkdir(exist_ok=True)
            save_png(file, sheet)
        if before is None:
            self._append("image", key="samples", step=step, file=f"samples/{file.name}", sha256=pixels)

    def _diagnose(self, step: int) -> None:
        record = self.history.diagnosis_at(step)
        if record is None:
            samples = self._samples("diagnosis", DIAGNOSIS_SAMPLES)
            diagnosis = diagnose_samples(samples, real_statistics_of(self.images))
            values = {name: float(value) for name, value in diagnosis.values.items()}
            record = self._append(
                "diagnosis", step=step, label=diagnosis.label, evidence=diagnosis.evidence, values=values
            )
        self._report_diagnosis(record)

    def _report_past_diagnoses(self) -> None:
        """Report the diagnoses up to the checkpoint, so that a study sees all of them, in order."""
        for record in sorted(self.history.diagnoses, key=lambda record: int(record["step"])):
            if record["step"] <= self.state.step:
                self._report_diagnosis(record)

    def _report_diagnosis(self, record: Record) -> None:
        self.context.on_progress(
            Progress(self.job, record["step"], self.total_steps, "diagnosed", record["values"])
        )

    def _score(self, step: int) -> None:
        """Keep G's weights, so that another protocol can score them later, and score them now."""
        protocols = self.job.scores_at(step, self.total_steps)
        before = {
            kind: self.history.score_at(kind, step, protocol.identity) for kind, protocol in protocols.items()
        }
        if None in before.values() or not generator_file(self.folder, step).is_file():
            keep(self.folder, step, self.state.sampler, self.job.identity)
        self._progress("scoring", {})
        scores = self.context.scorer(self.job).score(
            self.state.sampler,
            protocols,
            seed=self.job.seed,
            latent_dim=self.job.config.network.latent_dim,
        )
        for kind, values in scores.items():
            record = before[kind]
            known = record["values"] if record is not None else values
            if known.keys() != values.keys() or not all(same(known[k], v) for k, v in values.items()):
                words = f"the score at step {step} came out as {values}; the first, {known}, is kept"
                self._append("note", text=words)
            if record is None:
                self._append(kind, step=step, values=values, **protocols[kind].record())

    def _append(self, kind: str, **fields: Any) -> Record:
        record = self.journal.append(kind, **fields)
        self.history.apply(record)
        return record

    def _progress(self, phase: str, metrics: Mapping[str, float]) -> None:
        self.context.on_progress(Progress(self.job, self.state.step, self.total_steps, phase, metrics))
