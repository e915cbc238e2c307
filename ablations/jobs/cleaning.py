"""What can be removed from a store, and why. Includes finished results only on request."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from filelock import Timeout

from ablations.jobs.plan import Job, plan_in
from ablations.jobs.resuming import checkpoint_files
from ablations.jobs.status import same_but_data
from ablations.spec import load_spec
from ablations.spec.run_names import fits
from ablations.spec.yaml_tree import read_yaml
from ablations.store import Store, is_running, job_lock
from ablations.store.history import History, exit_of
from ablations.store.journal import Record
from fakeface.errors import UserError
from fakeface.files import os_errors
from fakeface.outcomes import COMPLETE

_LAST = {"journal.jsonl": 1, "lock": 2}
"""What is removed last of a job's folder, in this order."""


@dataclass(frozen=True)
class Removable:
    """A file or folder that can be removed."""

    path: Path
    why: str
    bytes: int


@dataclass(frozen=True)
class Needs:
    """The trainings that a specification, or a study of the store, leads to. All others are stale."""

    jobs: Sequence[Job]
    """Every job that the specification plans, also under each `--set` that the store's trainings were planned with."""
    unknown: Set[tuple[str | None, Sequence[str]]]
    """Profiles with `--set` values of trainings, which the specification does not accept now."""
    studies: Set[str]
    """Names of the studies of the specification and of the store."""
    trained: Set[str]
    """Folders of the trainings that a study of the store reports."""

    def include(self, history: History) -> bool:
        """Whether a training is needed, or may be."""
        return (
            history.job["identity"] in self._identities
            or history.folder.name in self.trained
            or any(same_but_data(job, history) for job in self.jobs if job.data_digest is None)
            or any(name["group"] in self.studies for name in history.names)
            # Without `overrides`, it was named by a version that did not record them.
            or any("overrides" not in name or _planned_with(name) in self.unknown for name in history.names)
        )

    @cached_property
    def _identities(self) -> set[str]:
        return {job.identity for job in self.jobs if job.data_digest is not None}


def needs_of(spec_file: Path, store: Store, overrides: Sequence[str], trained: Set[str]) -> Needs:
    """What a specification leads to: all runs and studies, under all profiles, with all seeds of the file or the store.

    Args:
        overrides: `--set` values; jobs with them are added to those without.
        trained: folders of the trainings that a study of the store reports.

    Raises:
        UserError: the specification has errors under some profile, or with `overrides`.
    """
    histories = [history for history in map(store.history, store.job_folders()) if history.job]
    seeds = {history.job["seed"] for history in histories}
    studies = {folder.name.rpartition("-")[0] for folder in store.study_folders()}
    jobs: list[Job] = []

    def add(profile: str | None, settings: Sequence[str]) -> None:
        spec = load_spec(spec_file, profile=profile, overrides=settings)
        spec = replace(spec, seeds=tuple(sorted({*spec.seeds, *seeds})))
        jobs.extend(plan_in(store, spec, spec.runs))
        studies.update(study.name for study in spec.studies)

    profiles: list[str | None] = [*read_yaml(spec_file, []).get("profiles").fields()]
    known = {(profile, settings) for profile in profiles or [None] for settings in ((), tuple(overrides))}
    for profile, settings in known:
        add(profile, settings)
    unknown = set()
    names = [name for history in histories for name in history.names if name.get("overrides")]
    for planned_with in {_planned_with(name) for name in names} - known:
        try:
            add(*planned_with)
        except UserError:
            unknown.add(planned_with)
    return Needs(jobs, unknown, studies, trained)


def _planned_with(name: Record) -> tuple[str | None, tuple[str, ...]]:
    """Profile and `--set` values of a `named` record."""
    return name["profile"] or None, tuple(name["overrides"])


def removable(
    store: Store, *, needs: Needs | None, within: Callable[[History], bool], aside: bool, remove: bool
) -> Iterator[Removable]:
    """Leftovers of kills, checkpoints of finished jobs and, on request, results.

    Args:
        needs: the results that stay. None: all do.
        within: selects the jobs to consider.
        aside: include what `--rerun` replaced.
        remove: remove each entry, under its job's lock, before it is yielded.

    Raises:
        UserError: the disk refuses.
    """
    for folder in store.job_folders():
        with _unused(folder, lock=remove) as unused:
            if unused and within(history := store.history(folder)):
                yield from _each(_removable_of(folder, history, needs), remove=remove)
    if store.merging.is_dir() and not store.merging.is_symlink():
        with _unused(store.merging, lock=remove) as unused:
            if unused:
                yield from _each([_entry(store.merging, "left by a merge that was killed")], remove=remove)
    if aside:
        yield from _each(archived(store, within), remove=remove)


@contextmanager
def _unused(folder: Path, *, lock: bool) -> Iterator[bool]:
    """Whether no process works in a folder. With `lock`, none begins to during the block."""
    if not lock:
        yield is_running(folder) is False
        return
    with ExitStack() as held:
        with os_errors(folder, "lock it"):
            try:
                held.enter_context(job_lock(folder).acquire(timeout=0))
            except Timeout:
                unused = False
            else:
                unused = True
        yield unused


def _removable_of(folder: Path, history: History, needs: Needs | None) -> list[Removable]:
    """The job's whole folder, or what can be removed from it."""
    if needs is not None and history.job and not needs.include(history):
        return [_entry(folder, "no run of the specification uses it any more")]
    found = [_entry(path, "left by a kill") for path in sorted(folder.rglob("*.tmp"))]
    if exit_of(history, running=False) in COMPLETE:
        why = "the job is done; its results and kept weights stay"
        found += [_entry(path, why) for path in checkpoint_files(folder)]
    return found


def archived(store: Store, within: Callable[[History], bool]) -> list[Removable]:
    """The results that `--rerun` replaced."""
    return [
        _entry(folder, "replaced by --rerun")
        for folder in store.aside_folders()
        if within(store.history(folder))
    ]


def _each(entries: Sequence[Removable], *, remove: bool) -> Iterator[Removable]:
    for entry in entries:
        if remove:
            with os_errors(entry.path, "remove it"):
                _remove(entry.path)
        yield entry


def _remove(path: Path) -> None:
    """Remove a file or a folder, a job's journal and lock last: if this is killed, the next `clean` completes it."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for inner in sorted(path.iterdir(), key=lambda inner: _LAST.get(inner.name, 0)):
        _remove(inner)
    path.rmdir()


def _entry(path: Path, why: str) -> Removable:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return Removable(path, why, sum(file.stat().st_size for file in files))


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
                or any(fits(name["run"], pattern) for pattern in runs)
            )
            for name in history.names
        )

    return is_selected
