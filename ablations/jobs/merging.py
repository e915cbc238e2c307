"""Bringing another store's jobs, studies and looks at claims into a store. Identities say which trainings are the same.

The other store is only read. What comes is copied to `<store>/merging/` first and appears with one rename, so that
after a kill both stores are whole, and the same command completes the merge. Of a training that both have, the one
that is further on counts; if that is the other one, this store's is set aside, as `--rerun` does. The state of the
mirror and prepared data stay behind: `ablate sync` ships the jobs, and `ablate data prepare` prepares the data.
"""

import filecmp
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from filelock import Timeout

from ablations.jobs.resuming import usable_checkpoint
from ablations.store import IDENTITY_DIGITS, Store, check_no_links, is_running, job_lock, journal
from ablations.store.exported import complete
from ablations.store.history import History, exit_of
from ablations.store.inside import real_folders
from ablations.store.journal import Journal
from fakeface.errors import UserError
from fakeface.outcomes import COMPLETE

RUNNING = "a process is working on it, or may be: merge again when it has ended"


class Fate(StrEnum):
    """What became of a job, a study or the looks at a claim of the other store."""

    ADDED = "added"
    REPLACED = "replaced"
    """It is further on than this store's, which is set aside."""
    COMPLETED = "completed"
    """This store's got names, scores or looks that it lacked."""
    KEPT = "kept"
    """This store has all of it."""
    LEFT = "left"
    """It was not brought; `why` says the reason."""


@dataclass(frozen=True)
class Merged:
    """One job or study of the other store, or its looks at one claim."""

    name: str
    """Of its folder."""
    fate: Fate
    why: str = ""


def merge(store: Store, other: Store) -> Iterator[Merged]:
    """Bring all jobs, studies and looks of `other` into `store`, one at a time. What cannot come is `LEFT`.

    Raises:
        UserError: `other` is no store, is this one or holds links to elsewhere; another process merges; or the disk
            refuses.
    """
    _check_other(store, other)
    store.prepare()
    store.merging.mkdir(exist_ok=True)
    check_no_links(store.merging)
    try:
        lock = job_lock(store.merging).acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{store.root}: another process is merging into this store; wait until it ends"
        ) from None
    with lock:
        for bring, folders in (
            (partial(_bring_job, other), other.job_folders()),
            (_bring_study, other.study_folders()),
            (_bring_looks, other.look_folders()),
        ):
            for folder in folders:
                try:
                    merged = bring(store, folder)
                except Timeout:
                    merged = Merged(folder.name, Fate.LEFT, RUNNING)
                except (UserError, OSError) as error:
                    merged = Merged(folder.name, Fate.LEFT, str(error))
                if merged is not None:
                    yield merged
        shutil.rmtree(store.merging)


def _check_other(store: Store, other: Store) -> None:
    if not other.jobs.is_dir():
        raise UserError(
            f"{other.root}: no store: it has no folder `jobs`; name the folder that another --store made"
        )
    parts = [(getattr(store, part), getattr(other, part)) for part in ("root", "jobs", "studies", "looks")]
    for mine, theirs in parts:
        if theirs.exists() and theirs.resolve() == mine.resolve():
            raise UserError(f"{theirs}: is this store itself; name another one")
    for folder in (other.jobs, other.studies, other.looks):
        if folder.is_symlink():
            raise UserError(f"{folder}: a link; name the store that it leads to")


def _bring_job(other: Store, store: Store, folder: Path) -> Merged | None:
    """None if the job never began."""
    if not os.path.lexists(folder / "journal.jsonl"):
        return None
    before = _state(folder)
    theirs = other.history(folder)
    identity = theirs.job.get("identity", "")
    if theirs.unreadable or folder.name.rpartition("-")[2] != identity[:IDENTITY_DIGITS]:
        raise UserError(theirs.unreadable or f"{folder}: its journal is not of the job that the name says")
    place = store.find(identity)
    if place is None:
        _staged_job(store, other, folder, before).rename(store.jobs / folder.name)
        return Merged(folder.name, Fate.ADDED)
    check_no_links(place)
    with job_lock(place).acquire(timeout=0):
        ours = store.history(place)
        if ours.unreadable or ours.job.get("identity", identity) != identity:
            raise UserError(ours.unreadable or f"{place}: another training has this name")
        if _reached(ours) >= _reached(theirs):
            return _completed(ours, theirs)
        staged = _staged_job(store, other, folder, before)
        _add(staged, "named", [name for name in ours.names if not _has(theirs.names, name)])
        store.set_aside(place)
        for notes in real_folders(store.mirror):  # of the job that is now aside: how far it was shipped
            (notes / f"{folder.name}.json").unlink(missing_ok=True)
        staged.rename(store.jobs / folder.name)
    return Merged(folder.name, Fate.REPLACED)


def _reached(history: History) -> tuple[bool, int]:
    """How far a job is: whether it is complete, and the step that it would resume from."""
    payload, _ = usable_checkpoint(history.folder, history)
    return exit_of(history, running=False) in COMPLETE, int(payload["step"]) if payload else 0


def _completed(ours: History, theirs: History) -> Merged:
    """Add what this store's job lacks: names and, if the weights are the same, scores. The caller holds its lock."""
    same = _weights(ours) is not None and _weights(ours) == _weights(theirs)
    names = [name for name in theirs.names if not _has(ours.names, name)]
    known = {(score["step"], score["protocol"]) for score in ours.evaluations}
    scores = [one for one in theirs.evaluations if same and (one["step"], one["protocol"]) not in known]
    _add(ours.folder, "named", names)
    _add(ours.folder, "evaluation", scores)
    other = _weights(ours) and _weights(theirs) and not same
    why = "finished in both, with other weights (another stack); this store's are kept" if other else ""
    return Merged(theirs.folder.name, Fate.COMPLETED if names or scores else Fate.KEPT, why)


def _weights(history: History) -> str | None:
    """The digest of a complete job's weights."""
    complete = exit_of(history, running=False) in COMPLETE
    return history.outcome["weights_sha256"] if complete and history.outcome is not None else None


def _has(records: list[dict[str, object]], record: dict[str, object]) -> bool:
    return _content(record) in map(_content, records)


def _content(record: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in record.items() if key not in ("kind", "time")}


def _add(folder: Path, kind: str, records: list[dict[str, object]]) -> None:
    if records:
        with Journal(folder / "journal.jsonl") as file:
            for record in records:
                file.append(kind, **_content(record))
            file.sync()


def _bring_study(store: Store, folder: Path) -> Merged:
    before, place = _state(folder), store.studies / folder.name
    if place.exists():
        names = [str(path.relative_to(folder)) for path, _, _ in before]
        match, _, _ = filecmp.cmpfiles(folder, place, names, shallow=False)
        if len(match) < len(names):
            raise UserError("both stores have this study, with other trials; this store's is kept")
        return Merged(folder.name, Fate.KEPT)
    store.studies.mkdir(exist_ok=True)
    _staged(store, folder, before).rename(place)
    return Merged(folder.name, Fate.ADDED)


def _bring_looks(store: Store, folder: Path) -> Merged:
    """Looks at a claim that were taken in either store were taken."""
    before, place = _state(folder), store.looks_at(folder.name.rpartition("-")[2])
    if place is None:
        store.looks.mkdir(exist_ok=True)
        _staged(store, folder, before).rename(store.looks / folder.name)
        return Merged(folder.name, Fate.ADDED)
    check_no_links(place)
    with job_lock(place).acquire(timeout=0):
        ours, theirs = (journal.read(one / "journal.jsonl").records for one in (place, folder))
        lacking = [record for record in theirs if not _has(ours, record)]
        for kind in dict.fromkeys(record["kind"] for record in lacking):
            _add(place, kind, [record for record in lacking if record["kind"] == kind])
    return Merged(folder.name, Fate.COMPLETED if lacking else Fate.KEPT)


_State = list[tuple[Path, int, int]]


def _state(folder: Path) -> _State:
    """The files of a folder, each with size and time. Raises UserError if a process works there, or there are links."""
    if is_running(folder) is not False:
        raise UserError(RUNNING)
    check_no_links(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"]
    return [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def _staged_job(store: Store, other: Store, folder: Path, before: _State) -> Path:
    """`_staged`, with the parts that an export keeps apart put back into the journal."""
    staged = _staged(store, folder, before)
    if other.recorded:
        path = staged / "journal.jsonl"
        records = journal.read(path).records
        for record in records:
            complete(record, other.recorded)
        path.write_bytes(b"".join(map(journal.encode, records)))
    return staged


def _staged(store: Store, folder: Path, before: _State) -> Path:
    """A copy, in this store, of a folder whose state is still the one of `before`.

    Raises:
        UserError: it is not, or it cannot be copied.
    """
    staged = store.merging / folder.name
    if staged.exists():  # left by a kill
        shutil.rmtree(staged)
    try:
        shutil.copytree(folder, staged, symlinks=True, ignore=shutil.ignore_patterns("lock", "*.tmp"))
    except shutil.Error as error:
        raise UserError(f"{folder}: cannot be copied: {error.args[0][0][-1]}") from error
    check_no_links(staged)
    if _state(folder) != before:
        raise UserError("it changed while it was copied; merge again")
    return staged
