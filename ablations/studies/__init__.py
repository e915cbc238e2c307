"""Optuna studies of trainings. No other package imports Optuna.

A study asks a sampler for settings, trains them as ordinary jobs in an executor's slots, and reports their values to
the sampler. A failure counts with a finite worst value; it is never left out.

    storage.py     Optuna: where the trials are kept
    sampling.py    Optuna: the next setting, pruner, importance
    results.py     a job's journal -> its result
    trials.py      one setting: seed after seed, pruned once hopeless
    window.py      the edge between what works and what does not, from binary outcomes
    edges.py       the trainings that locate the edges of a learning rate's window
    scheduler.py   keeps an executor's slots busy with such tasks
    runner.py      a whole study: search, edges, confirmation
    comparison.py  a study beside the study or run that it is compared with
    record.py      study.json: what the report and MLflow show
    dashboard.py   Optuna's dashboard, for reading

<store>/studies/<study>-<digest>/    optuna.journal, study.json, lock
"""
