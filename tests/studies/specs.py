"""A specification with studies, and the jobs of trials where nothing is trained."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna

from ablations.jobs.plan import Protocol
from ablations.spec import Run, StudySpec, load_spec
from ablations.studies.sampling import open_study

STEPS = 100
_SPEC = """\
profiles:
  quick: {train: {steps: 100}, study: {trials: 6, seeds: 2, edges: 12}}
runs:
  sgd: {optimizer: sgd}
studies:
  one:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
    enqueue: [{optimizer.lr: 2e-4}]
    pruner: median
  careful:
    base: sgd
    space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}
  mixed:
    base: sgd
    space:
      optimizer.name: {choices: [sgd, adam]}
      optimizer.betas: {choices: [[0.5, 0.999], [0.9, 0.999]]}
      optimizer.lr: {low: 1e-5, high: 1, log: true}
      train.batch_size: {low: 8, high: 64}
"""


def study_of(folder: Path, name: str) -> StudySpec:
    (folder / "runs.yaml").write_text(_SPEC)
    return load_spec(folder / "runs.yaml").study(name)


def opened(study: StudySpec, storage: optuna.storages.BaseStorage | None = None) -> optuna.Study:
    return open_study(study.name, study, storage or optuna.storages.InMemoryStorage(), STEPS)


def make_job(run: Run, seed: int, *, curve: bool = False) -> Any:
    """In a job's place."""
    return SimpleNamespace(
        run=run.name,
        seed=seed,
        lr=run.config.optimizer.lr,
        protocol=Protocol({}, "p"),
        total_steps=STEPS,
        curve=curve,
    )
