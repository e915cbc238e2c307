"""Optuna studies of trainings. No other room imports optuna.

A study's owner asks a sampler for settings, hands out trainings (ordinary jobs, with identities) to an executor, and
tells the sampler what came of them. Failure is what is studied: it is told as a finite worst value, never left out.

    results.py    a job's journal -> its regime and value
    sampling.py   Optuna: storage, the next setting, importance
    trials.py     one setting: seed after seed, cut short where hopeless
    edges.py      where the window of a learning rate begins and ends
    scheduler.py  keeps an executor's slots at work
    runner.py     search, edges, confirmation
    record.py     study.json: what the report and MLflow show

<store>/studies/<study>-<digest>/    optuna.journal, study.json, lock
"""

from ablations.studies.runner import Setting, StudyRunner
from ablations.studies.scheduler import TaskScheduler

__all__ = ["Setting", "StudyRunner", "TaskScheduler"]
