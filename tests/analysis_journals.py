"""Journals of jobs whose outcomes, losses and scores a test chooses, for the tests of `analysis`.

Records have the fields that the product writes: those of a plan's job, of its protocol and of an outcome.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ablations.jobs.components import resolved_settings
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.plan import Job, Protocol
from ablations.jobs.session import job_record
from ablations.spec import RunConfig
from ablations.store import history
from ablations.store.journal import Journal
from analysis.frames.jobs import Selected
from fakeface.config import TrainingConfig
from fakeface.data import ImageSet
from fakeface.evaluation.measures import MEASURES, Estimate
from fakeface.gan.objective import declaration
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.scores import ScoreKind

METRIC = "fd_test"
IMAGES = ImageSet(np.zeros((20, 32, 32, 3), np.uint8), "dd", "synthetic", "built in", ())
JOB = Job(
    run="ignored", group="g", profile="quick", experiment="e", seed=0, config=RunConfig(), data_digest=IMAGES.digest,
    resolved=resolved_settings(RunConfig().training(), len(IMAGES.images)),
    code={}, protocols={
        ScoreKind.FINAL: Protocol({"metric": METRIC, "num_samples": 2000}, "aa"),
        ScoreKind.CURVE: Protocol({"metric": f"{METRIC}_n500", "num_samples": 500}, "cc"),
    },
)  # fmt: skip
PROTOCOL = JOB.protocols[ScoreKind.FINAL].record()
CURVE = JOB.protocols[ScoreKind.CURVE].record()
STACK = {"python": "3.11", "torch": "2", "device": "cpu", "threads": 2, "cpu": "a cpu"}


def score(**found: Estimate | float) -> dict[str, float]:
    """The numbers of a score by the names under which they are journaled, from the measures' keys."""
    values: dict[str, float] = {}
    for key, one in found.items():
        record, estimate = MEASURES[key].under(METRIC), one if isinstance(one, Estimate) else Estimate(one)
        names = (record.name, record.standard_error, record.low, record.high)
        values |= {name: value for name, value in zip(names, estimate, strict=True) if value is not None}
    return values


@functools.cache
def _header() -> dict[str, Any]:
    return job_record(JOB, IMAGES, 0)


def begin(
    folder: Path,
    *,
    settings: dict[str, Any] | None = None,
    seed: int = 0,
    total_steps: int = 3,
    **objective: Any,
) -> Journal:
    """A job with one session, which uses the given settings and no others off their defaults; with the loss and penalty
    of `objective`.
    """
    journal = Journal(folder / "journal.jsonl")
    fields = {"settings": settings or {}, "seed": seed, "total_steps": total_steps}
    if objective:
        fields["objective"] = declaration(TrainingConfig(**objective)).record()
    journal.append("job", **_header() | fields)
    journal.append("named", **replace(JOB, seed=seed).naming())
    journal.append("session", from_step=0, stack=STACK, git={"commit": "c0ffee", "dirty": True})
    return journal


def score_along(journal: Journal, values: Mapping[int, float], **protocol: Any) -> None:
    """Scores along the run, by step; `protocol` changes fields of theirs."""
    for step, value in values.items():
        journal.append(ScoreKind.CURVE, step=step, values={CURVE["metric"]: value}, **(CURVE | protocol))


def losses(journal: Journal, steps: list[int], d: list[float], g: list[float]) -> None:
    journal.append("metrics", steps=steps, values={LOSS_D: d, LOSS_G: g})


def end(journal: Journal, exit_: str, samples: str | None, dynamics: str | None, steps: int) -> None:
    """The outcome with these words, each with its evidence."""
    fields = outcome_fields(history.load(journal.path), exit_, evidence="why exit", steps=steps)
    words = {"samples": samples, "dynamics": dynamics}
    evidence = {"exit": "why exit"} | {part: f"why {part}" for part in words}
    onset = {"exit": None, "samples": 1, "dynamics": 2}
    journal.append("outcome", **fields | words | {"evidence": evidence, "onset": onset})
    journal.close()


def train(
    folder: Path,
    d: list[float],
    g: list[float],
    *,
    exit_: str = "finished",
    planned: int = 60,
    **objective: Any,
) -> Selected:
    """A whole job with two grids, two scores along the run and one at its end, in a folder named `<run>-<seed>`."""
    journal = begin(folder, total_steps=planned, **objective)
    losses(journal, list(range(1, len(d) + 1)), d, g)
    (folder / "samples").mkdir()
    for step in (1, len(d)):
        Image.new("RGB", (16, 16), (step, 0, 0)).save(folder / "samples" / f"{step}.png")
        journal.append("image", key="samples", step=step, file=f"samples/{step}.png", sha256="")
        score_along(journal, {step: 100.0 / step})
    journal.append("evaluation", step=len(d), values={METRIC: 100.0 / len(d)}, **PROTOCOL)
    end(journal, exit_, "healthy", "balanced", len(d))
    run, seed = folder.name.split("-")
    return Selected(run, int(seed), folder)
