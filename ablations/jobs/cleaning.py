"""What can be removed from a store, and why. Includes finished results only on request."""

import fnmatch
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablations.jobs.plan import Job, make_plan
from ablations.jobs.status import same_but_data
from ablations.spec import load_spec
from ablations.spec.yaml_tree import read_yaml
from ablations.store import Store, is_running
from ablations.store.history import History, exit_of
from fakeface.files import os_errors
from fakeface.outcomes import COMPLETE


@dataclass(frozen=True)
class Removable:
    """A file or folder that can be removed."""

    path: Path
    why: str
    bytes: int


def removable(
    store: Store,
    *,
    planned: Sequence[Job] | None,
    within: Callable[[History], bool],
    aside: bool,
) -> list[Removable]:
    """List leftovers of kills, checkpoints of finished jobs and, on request, results.

    Args:
        planned: all jobs that the specification may need: results of others can be removed. None: no results can.
        within: selects the jobs to consider.
        aside: include what `--rerun` replaced.
    """
    found = archived(store, within) if aside else []
    for folder in store.job_folders():
        history = store.history(folder)
        if is_running(folder) or not within(history):
            continue
        if planned is not None and history.job and not _is_planned(history, planned):
            found.append(_entry(folder, "no run of the specification uses it any more"))
            continue
        found += [_entry(path, "left by a kill") for path in sorted(folder.rglob("*.tmp"))]
        if exit_of(history, running=False) in COMPLETE:
            why = "the job is done; its results and kept weights stay"
            found += [_entry(path, why) for path in sorted(folder.glob("checkpoint*.pt"))]
    return found


def archived(store: Store, within: Callable[[History], bool]) -> list[Removable]:
    """The results that `--rerun` replaced."""
    folders = sorted(store.aside.iterdir()) if store.aside.is_dir() else []
    return [_entry(path, "replaced by --rerun") for path in folders if within(store.history(path))]


def remove(entries: Sequence[Removable]) -> None:
    """Delete the entries. Raises UserError if the disk refuses."""
    for entry in entries:
        with os_errors(entry.path, "remove it"):
            if entry.path.is_dir():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)


def _is_planned(history: History, planned: Sequence[Job]) -> bool:
    """Whether these are a planned job's results. Ignores the pixels of a job whose data cannot be looked up."""
    return any(
        history.job["identity"] == job.identity
        if job.data_digest is not None
        else same_but_data(job, history)
        for job in planned
        if job.seed == history.job["seed"]
    )


def _entry(path: Path, why: str) -> Removable:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return Removable(path, why, sum(file.stat().st_size for file in files))


def all_jobs(spec_file: Path, store: Store, overrides: Sequence[str]) -> list[Job]:
    """Every job of a specification: all runs, under all profiles, with all seeds of the file or the store.

    Args:
        overrides: `--set` values; jobs with them are added to those without.
    """
    recorded = {history.job["seed"] for history in map(store.history, store.job_folders()) if history.job}
    profiles: list[str | None] = [*read_yaml(spec_file, []).get("profiles").fields()]
    jobs: list[Job] = []
    for profile in profiles or [None]:
        for settings in [(), overrides] if overrides else [()]:
            spec = load_spec(spec_file, profile=profile, overrides=settings)
            spec = replace(spec, seeds=tuple(sorted({*spec.seeds, *recorded})))
            jobs += make_plan(spec, spec.runs, lambda config: store.find_data(config).images)
    return jobs


def selected(
    profile: str | None, groups: Sequence[str], runs: Sequence[str], seeds: Sequence[int] | None
) -> Callable[[History], bool]:
    """A function that says whether a job was recorded under these selectors; without selectors, every job was."""

    def is_selected(history: History) -> bool:
        if seeds is not None and history.job.get("seed") not in seeds:
            return False
        if profile is None and not groups and not runs:
            return True
        return any(
            profile in (None, name["profile"])
            and (
                not (groups or runs)
                or name["group"] in groups
                or any(fnmatch.fnmatchcase(name["run"], pattern) for pattern in runs)
            )
            for name in history.names
        )

    return is_selected
