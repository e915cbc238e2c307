"""Two trainings side by side: the settings, data and code that differ, and what came of each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablations.code.reached import code_changes
from ablations.jobs.listing import outcome_row
from ablations.jobs.plan import Job
from ablations.jobs.status import state_of
from ablations.store import IDENTITY_DIGITS, Store, is_running
from ablations.store.history import History, exit_of
from fakeface.errors import UserError

_STORED = re.compile(r"(?:.*-)?([0-9a-f]{6,64})")
"""An identity or its beginning, or the name of a job's folder, which ends in it."""


@dataclass(frozen=True)
class Training:
    """One training with some seeds: a run of the specification, or what a store holds."""

    name: str
    settings: Mapping[str, Any]
    """As they take effect."""
    data: Mapping[str, str]
    """Name and digest of the images."""
    code: Mapping[str, str]
    results: Mapping[int, dict[str, Any]]
    """How the job of each seed went: an `outcome_row` with the score and the folder."""


def planned_training(jobs: Sequence[Job], store: Store) -> Training:
    """The training of a run's jobs. Raises UserError if nothing is known of it, since its data are not prepared."""
    states = [(job, state_of(job, store)) for job in jobs]
    first = jobs[0]
    if first.resolved is None or first.data_digest is None:
        known = next((state.history for _, state in states if state.history and state.history.job), None)
        if known is None:
            raise UserError(f"{first.name}: its data are not prepared yet; `ablate data prepare` does that")
        settings, data, code = known.job["resolved"], known.job["data"], known.job["code"]
    else:
        settings, code = first.resolved, first.code
        data = {"name": first.config.data.name, "digest": first.data_digest}
    results = {job.seed: _result(state.history, state.exit, job.protocol.identity) for job, state in states}
    return Training(first.run if len(jobs) > 1 else first.name, settings, _named(data), code, results)


def stored_training(name: str, store: Store) -> Training | None:
    """What a store holds under an identity, its beginning or the name of a folder, with all seeds that it has; None if
    the name is none of these.

    Raises:
        UserError: several trainings begin so.
    """
    match = _STORED.fullmatch(name)
    if match is None:
        return None
    digits = match[1][:IDENTITY_DIGITS]
    found = [folder for folder in store.job_folders() if folder.name.rpartition("-")[2].startswith(digits)]
    if len(found) > 1:
        raise UserError(f"{name}: {len(found)} jobs of the store begin so; give more digits of the identity")
    return _recorded(store.history(found[0]), store) if found else None


def earlier_training(jobs: Sequence[Job], store: Store) -> Training | None:
    """The newest training that the store has under the name of these jobs and that is another one than theirs."""
    now = {job.identity for job in jobs if job.data_digest is not None}
    others = [
        history
        for job in jobs
        for history in store.named(job.run, job.profile, job.seed, job.overrides)
        if history.job and history.job["identity"] not in now
    ]
    newest = max(others, key=lambda history: int(history.job["time"]), default=None)
    return None if newest is None else _recorded(newest, store)


def _recorded(history: History, store: Store) -> Training:
    """A recorded training, with the seeds whose jobs differ in nothing else."""
    if not history.job:
        raise UserError(history.unreadable or f"{history.path}: says nothing of a training")
    alike = [other for other in map(store.history, store.job_folders()) if _key(other) == _key(history)]
    results = {
        other.job["seed"]: _result(other, exit_of(other, running=is_running(other.folder)), None)
        for other in sorted(alike, key=lambda other: int(other.job["seed"]))
    }
    run = history.names[0]["run"] if history.names else history.folder.name
    name = f"{run} ({history.job['identity'][:IDENTITY_DIGITS]})"
    return Training(name, history.job["resolved"], _named(history.job["data"]), history.job["code"], results)


def _key(history: History) -> Any:
    job = history.job
    return job and (job["resolved"], job["data"]["digest"], job["code"])


def _named(data: Mapping[str, Any]) -> dict[str, str]:
    return {"name": data["name"], "digest": data["digest"]}


def _result(history: History | None, exit_: str, protocol: str | None) -> dict[str, Any]:
    score = history.last_evaluation(protocol) if history else None
    return {
        **outcome_row(history, exit_),
        "metric": score["metric"] if score else None,
        "num_samples": score["details"].get("num_samples") if score else None,
        "protocol": score["protocol"] if score else None,
        "value": score["values"].get(score["metric"]) if score else None,
        "folder": str(history.folder) if history else None,
    }


def comparison(a: Training, b: Training) -> dict[str, Any]:
    """What differs from `a` to `b`, and the results of each seed, side by side."""
    names = sorted(a.settings.keys() | b.settings.keys())
    return {
        "a": a.name,
        "b": b.name,
        "settings": {
            name: [a.settings.get(name), b.settings.get(name)]
            for name in names
            if a.settings.get(name) != b.settings.get(name)
        },
        "data": None if a.data == b.data else [a.data, b.data],
        "code": code_changes(b.code, a.code),
        "seeds": [
            {"seed": seed, "a": a.results.get(seed), "b": b.results.get(seed)}
            for seed in sorted(a.results.keys() | b.results.keys())
        ],
    }
