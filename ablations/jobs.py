"""One job from start to outcome: trains, journals, draws grids, scores, checkpoints, and resumes exactly.

At the same step the order is: metrics, grid, diagnosis, score, checkpoint. A job that is killed between any two of
them goes on from its last checkpoint and takes every later step again; what the journal has already is compared with
what comes out now, not written twice.
"""

import hashlib
import math
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablations import history as histories
from ablations.context import Context, Progress
from ablations.journal import Journal
from ablations.machine import EXACTNESS, stack, store_diff, system_load
from ablations.plan import Job
from ablations.schedule import Schedule
from fakeface import checkpoints, training
from fakeface.data import ImageSet, training_indices
from fakeface.errors import UserError
from fakeface.evaluation import diagnose_dynamics, diagnose_samples, onset_of
from fakeface.images import contact_sheet, save_png
from fakeface.randomness import latent_noise
from fakeface.training import Block, GanState, RealImages

DIAGNOSIS_SAMPLES = 256
"""Images behind each diagnosis: enough for its thresholds, and a fraction of a second to make."""

CLOCK_METRICS = ("images_per_second", "system/")
"""Beginnings of the names of what differs between two exact runs: clocks, speed and load."""


def run_job(job: Job, folder: Path, context: Context) -> str:
    """Bring one job to its end, from wherever its journal and checkpoint are. The caller holds the job's lock.

    Returns:
        The exit: finished, diverged, interrupted or crashed.

    Raises:
        UserError: the job was not begun (another stack than its checkpoint's, say) or its journal cannot be written.
    """
    with Journal(folder / "journal.jsonl") as journal:
        session = Session(job, folder, journal, context)
        session.open()
        try:
            session.train()
        except Exception as error:
            words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            return session.close("crashed", evidence=words, traceback=traceback.format_exc())
        if session.diverged_at is not None:
            words = f"a loss or weight was no longer finite at step {session.diverged_at}"
            return session.close("diverged", evidence=words, onset=session.diverged_at)
        if session.state.step < session.total_steps:
            words = f"stopped after step {session.state.step} of {session.total_steps}"
            return session.close("interrupted", evidence=words)
        return session.close("finished", evidence=f"took all {session.total_steps} steps")


def real_images(job: Job, images: ImageSet, device: torch.device) -> RealImages:
    """The training set as the job sees it."""
    return RealImages(
        images.images,
        training_indices(len(images.images), job.config.data.limit),
        scaling=job.config.data.scaling,
        batch_size=job.config.train.batch_size,
        seed=job.seed,
        device=device,
    )


class Session:
    """One process's work on one job."""

    def __init__(self, job: Job, folder: Path, journal: Journal, context: Context) -> None:
        self.job, self.folder, self.journal, self.context = job, folder, journal, context
        self.history = histories.load(journal.path)
        self.images = context.images(job)
        self.total_steps = job.total_steps(self.images)
        self.schedule = Schedule.of(job.config, self.total_steps)
        self.state: GanState
        self.diverged_at: int | None = None

    # -- beginning and end ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Write the header where it is missing, restore the checkpoint, and say that a process begins."""
        self.state = training.create(self.job.config, self.job.seed, self.context.device)
        now = stack(self.context.device)
        payload, problems = checkpoints.load_latest(self.checkpoint)
        before = self.history.sessions[-1]["stack"] if self.history.sessions else None
        changed = _stack_changes(before, now) if payload is not None and before is not None else []
        if changed and not self.context.allow_inexact:
            raise UserError(
                f"{self.job.name}: begun on another stack ({'; '.join(changed)}), so going on would not give the same "
                f"bits. Go on there, or pass --allow-inexact to go on here under a new MLflow run."
            )
        if not self.history.job:
            self._append("job", **self.job.header(self.images, self.total_steps))
        self.write_name()
        if payload is not None:
            checkpoints.restore(self.state, payload)
        for problem in problems:
            self._append("note", text=f"{problem}; went back to step {self.state.step}")
        git = store_diff(self.context.git, self.folder)
        self._append("session", from_step=self.state.step, stack=now, git=git)
        if changed:
            self._branch(
                self.state.step + 1, f"went on after step {self.state.step} on another stack: {changed[0]}"
            )
        self.journal.sync()

    def write_name(self) -> None:
        """Record under which name, group and profile the plan asks for this training, where that is new."""
        naming = self.job.naming()
        last = self.history.names[-1] if self.history.names else {}
        if any(last.get(key) != value for key, value in naming.items()):
            self._append("named", **naming)

    def close(self, exit_: str, *, evidence: str, onset: int | None = None, traceback: str = "") -> str:
        """Write the outcome."""
        samples, dynamics = self._samples_outcome(), self._dynamics_outcome()
        self._append(
            "outcome",
            exit=exit_,
            samples=samples[0],
            dynamics=dynamics[0],
            onset={"exit": onset, "samples": samples[1], "dynamics": dynamics[1]},
            evidence={"exit": evidence, "samples": samples[2], "dynamics": dynamics[2]},
            steps=self.state.step,
            weights_sha256=checkpoints.weights_sha256(self.state.generator, self.state.discriminator),
            generator=self._generator_file(self.state.step).name if exit_ == "finished" else None,
            traceback=traceback,
        )
        self.journal.sync()
        if exit_ in ("finished", "diverged"):
            checkpoints.previous_of(self.checkpoint).unlink(missing_ok=True)
        return exit_

    def _samples_outcome(self) -> tuple[str | None, int | None, str]:
        labels = [(d["step"], d["label"]) for d in self.history.diagnoses]
        if not labels:
            return None, None, "no samples were drawn"
        return labels[-1][1], onset_of(labels), self.history.diagnoses[-1]["evidence"]

    def _dynamics_outcome(self) -> tuple[str | None, int | None, str]:
        if "update_ratio_G" not in self.history.series:
            return None, None, f"fewer than {training.PROBE_EVERY} steps were taken"
        series = {name: (s.steps, s.values) for name, s in self.history.series.items()}
        dynamics = diagnose_dynamics(series)
        return dynamics.label, dynamics.onset, dynamics.evidence

    # -- the loop ------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the steps that are left. Whatever stops it, what was measured is in the journal."""
        config, context = self.job.config, self.context
        real = real_images(self.job, self.images, context.device)
        if self.state.step == 0:
            self._pause(0)
        blocks = training.train(
            config, self.state, real, self.total_steps, pauses=self.schedule.pauses, stop=context.stop
        )
        for block in blocks:
            self._record(block)
            if block.diverged_at is not None:
                self.diverged_at = block.diverged_at
                self._grid(self.state.step)
                self._diagnose(self.state.step)
                return
            self._pause(self.state.step)
        if context.stop() and self.state.step not in self.schedule.checkpoints:
            self.save()

    def _pause(self, step: int) -> None:
        if step in self.schedule.grids:
            self._grid(step)
            self._diagnose(step)
        if step in self.schedule.evaluations:
            self._evaluate(step)
        if step in self.schedule.checkpoints:
            self.save()

    def save(self) -> None:
        """Checkpoint the state. The journal reaches the disk first, so it is never behind the checkpoint."""
        self.journal.sync()
        checkpoints.save(self.checkpoint, checkpoints.capture(self.state))

    def _record(self, block: Block) -> None:
        """Journal a block: first what was measured at each step, then probes, then clocks and load."""
        self._measured(list(block.steps), {k: v.tolist() for k, v in block.metrics.items()})
        if block.probe_steps:
            self._measured(block.probe_steps, {k: v.tolist() for k, v in block.probes.items()})
        last = block.steps[-1]
        images = len(block.steps) * self.job.config.train.batch_size
        clocks = {"images_per_second": images / block.seconds, **system_load(self.context.device)}
        self._measured([last], {name: [value] for name, value in clocks.items()})
        self._progress(
            "training", {name: float(values[-1]) for name, values in block.metrics.items()} | clocks
        )

    def _measured(self, steps: list[int], values: dict[str, list[float]]) -> None:
        """Journal metrics at the steps that have none yet; compare those that have.

        The first record stands. Where it differs from what came out now, the resume was not exact: what was
        recorded from that step on is superseded, and the mirror starts a new run.
        """
        for index, step in enumerate(steps):
            for name, column in values.items():
                before = self._before(name, step)
                if before is not None and not _same(before, column[index]):
                    self._branch(step, f"{name} at step {step} came out as {column[index]!r}, not {before!r}")
        new = [i for i, step in enumerate(steps) if any(self._before(n, step) is None for n in values)]
        if new:
            columns = {name: [column[i] for i in new] for name, column in values.items()}
            self._append("metrics", steps=[steps[i] for i in new], values=columns)

    def _before(self, name: str, step: int) -> float | None:
        series = None if name.startswith(CLOCK_METRICS) else self.history.series.get(name)
        return series.at(step) if series else None

    # -- at a pause ----------------------------------------------------------------------------------------------

    def _samples(self, stream: str, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        z = latent_noise(stream, self.job.seed, 0, count, self.job.config.network.latent_dim)
        return training.generate(self.state.generator, z)

    def _grid(self, step: int) -> None:
        """The picture grid, on noise that is the same at each step and for each run with this seed."""
        size = self.job.config.samples.grid_size
        sheet = contact_sheet(self._samples("samples", size * size), size)
        file = self.folder / "samples" / f"{step:06d}.png"
        pixels = hashlib.sha256(sheet.tobytes()).hexdigest()
        before = self.history.image_at(step)
        if before is not None and before["sha256"] != pixels:
            self._branch(step, f"the samples at step {step} came out differently")
            before = None
        if before is None or not file.exists():
            file.parent.mkdir(exist_ok=True)
            save_png(file, sheet)
        if before is None:
            self._append("image", key="samples", step=step, file=f"samples/{file.name}", sha256=pixels)

    def _diagnose(self, step: int) -> None:
        if self.history.diagnosis_at(step) is None:
            real = self.context.scorer(self.job).real
            samples = self._samples("diagnosis", DIAGNOSIS_SAMPLES)
            diagnosis = diagnose_samples(samples, real, diverged=self.diverged_at is not None)
            values = {name: float(value) for name, value in diagnosis.values.items()}
            self._append(
                "diagnosis", step=step, label=diagnosis.label, evidence=diagnosis.evidence, values=values
            )

    def _evaluate(self, step: int) -> None:
        """Keep G's weights, so that another protocol can score them later, and score them."""
        kept = self._generator_file(step)
        if not kept.exists() or self.history.evaluation_at(step, self.job.protocol_identity) is None:
            payload = {"generator": self.state.generator.state_dict(), "step": step}
            checkpoints.save(kept, payload)
            checkpoints.previous_of(kept).unlink(missing_ok=True)
        self._progress("scoring", {})
        values = self.context.scorer(self.job).score(self.state.generator, self.job)
        before = self.history.evaluation_at(step, self.job.protocol_identity)
        if before is not None and not all(_same(before["values"][k], v) for k, v in values.items()):
            self._branch(step, f"the score at step {step} came out as {values}, not {before['values']}")
            before = None
        if before is None:
            self._append("evaluation", step=step, values=values, **self.job.protocol_record())

    # -- small things --------------------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _generator_file(self, step: int) -> Path:
        return self.folder / f"generator-{step:06d}.pt"

    def _branch(self, step: int, reason: str) -> None:
        self._append("branch", step=step, reason=reason)

    def _append(self, kind: str, **fields: Any) -> None:
        self.history.apply(self.journal.append(kind, **fields))

    def _progress(self, phase: str, metrics: Mapping[str, float]) -> None:
        self.context.on_progress(Progress(self.job, self.state.step, self.total_steps, phase, metrics))


def _same(a: float, b: float) -> bool:
    """Equal, NaN included."""
    return a == b or (math.isnan(a) and math.isnan(b))


def _stack_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        f"{key}: {before.get(key)} then, {now[key]} now" for key in EXACTNESS if before.get(key) != now[key]
    ]
