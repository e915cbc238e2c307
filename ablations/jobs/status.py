"""What the store holds for a job: done, to be scored again, resumable, running, new, or stale and why."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ablations.code.reached import code_changes, without_files
from ablations.jobs.facts import Protocol
from ablations.jobs.plan import Job
from ablations.store import Store, is_running, kept_steps
from ablations.store.history import History, exit_of
from fakeface.outcomes import COMPLETE, Exit
from fakeface.scores import ScoreKind


class Status(StrEnum):
    """What the store holds for a job."""

    DONE = "done"
    RE_SCORE = "re-score"
    """Trained, but not yet scored under the job's protocol."""
    RUNNING = Exit.RUNNING.value
    RESUMABLE = "resumable"
    NEW = Exit.NEW.value
    STALE = "stale"
    """The results under its name are those of another training."""
    UNKNOWN = Exit.UNKNOWN.value
    """Running or resumable: its lock, another user's or another machine's, does not say."""
    UNREADABLE = Exit.UNREADABLE.value
    """Its journal cannot be read."""
    DATA_MISSING = "data-missing"
    RERUN = "rerun"
    """What `--rerun` would replace."""


@dataclass(frozen=True)
class JobState:
    """The status of one job."""

    status: Status
    detail: str
    """Details of the status, for the user."""
    folder: Path | None
    """The folder of exactly this training; None before its first step. While its data are missing: `results_of`."""
    history: History | None
    step: int = 0
    """The step that it has reached, or from which it would resume."""

    @property
    def exit(self) -> str:
        """The `Exit`: the outcome's, or `running`, `interrupted`, `unknown` or `new`."""
        if self.history is None or self.status == Status.STALE:
            return Exit.NEW
        if self.status in (Status.UNKNOWN, Status.DATA_MISSING):
            return exit_of(self.history, running=is_running(self.history.folder))
        return exit_of(self.history, running=self.status == Status.RUNNING)


def state_of(job: Job, store: Store, *, locked: bool = False) -> JobState:
    """Look up a job. Reads its journal, changes nothing.

    Args:
        locked: whether the caller holds the job's lock, so that no other process runs it.
    """
    folder = results_of(job, store)
    if job.data_digest is None:
        history = store.history(folder) if folder else None
        newest = _newest_of_its_name(job, store)
        changed = data_changes(job, newest) if newest else []
        detail = "; ".join([*changed, store.find_data(job.config.data).why])
        return JobState(Status.DATA_MISSING, detail, folder, history)
    if folder is None:
        why = stale_because(job, store)
        return JobState(Status.STALE, why, None, None) if why else JobState(Status.NEW, job.note, None, None)
    history = store.history(folder)
    running = False if locked else is_running(folder)
    if history.unreadable:
        return JobState(Status.UNREADABLE, history.unreadable, folder, history)
    complete = exit_of(history, running=False) in COMPLETE
    lacking = complete and lacking_scores(job, history)
    if running and (lacking or not complete):  # a lock may outlive its process where another machine keeps it
        return JobState(Status.RUNNING, f"at step {history.last_step}", folder, history, history.last_step)
    if complete and history.outcome is not None:
        if lacking:
            return JobState(Status.RE_SCORE, "scored under another protocol so far", folder, history)
        damage = f"; {len(history.damaged)} damaged lines in its journal" if history.damaged else ""
        return JobState(Status.DONE, f"{history.outcome['exit']}{damage}", folder, history)
    if running is None:
        words = "running or interrupted: its lock, another user's or another machine's, does not say"
        return JobState(Status.UNKNOWN, words, folder, history, history.last_step)
    step = _resume_step(folder, history)
    return JobState(Status.RESUMABLE, _resuming_words(history, step), folder, history, step)


def results_of(job: Job, store: Store) -> Path | None:
    """The folder of a job's results; None before it begins.

    A job whose data cannot be looked up has no identity. It gets the newest folder of the same settings, seed, code and
    data settings, so that results stay readable without their data.
    """
    if job.data_digest is not None:
        return store.find(job.identity)
    data = job.config.data.model_dump(mode="json")
    alike = [
        history
        for history in map(store.history, store.job_folders())
        if same_but_data(job, history) and history.job["config"]["data"] == data
    ]
    newest = max(alike, key=lambda history: int(history.job["time"]), default=None)
    return newest.folder if newest else None


def same_but_data(job: Job, history: History) -> bool:
    """Whether settings, seed and code are the same. Ignores the pixels."""
    recorded = history.job
    if not recorded or recorded["seed"] != job.seed or recorded["settings"] != job.changed:
        return False
    return without_files(recorded["code"]) == without_files(job.code)


def lacking_scores(job: Job, history: History) -> dict[int, dict[ScoreKind, Protocol]]:
    """The scores that kept weights lack under the job's protocols, by step, ascending."""
    total = history.job["total_steps"]
    due = {step: job.scores_at(step, total) for step in kept_steps(history.folder)}
    lacking = {
        step: {
            kind: protocol
            for kind, protocol in protocols.items()
            if history.score_at(kind, step, protocol.identity) is None
        }
        for step, protocols in due.items()
    }
    return {step: protocols for step, protocols in lacking.items() if protocols}


def stale_because(job: Job, store: Store) -> str:
    """How the newest results under the job's name and `--set` differ from this training; empty if there are none."""
    newest = _newest_of_its_name(job, store)
    if newest is None:
        return ""
    return "; ".join(differences(job, newest)) or "trained under an identity of an older version"


def _newest_of_its_name(job: Job, store: Store) -> History | None:
    others = store.named(job.run, job.profile, job.seed, job.overrides)
    return max(others, key=lambda history: int(history.job["time"]), default=None)


def differences(job: Job, history: History) -> list[str]:
    """The differences between a job and a recorded one in words: settings, data, then code."""
    now = job.resolved or {}
    then = history.job.get("resolved", now)
    words = [
        f"{name}: {then.get(name, 'not set')} -> {now.get(name, 'not set')}"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]
    if job.data_digest != history.job["data"]["digest"]:
        words += data_changes(job, history) or ["the data changed"]
    return words + code_changes(job.code, history.job["code"])


def data_changes(job: Job, history: History) -> list[str]:
    """How the user's definitions that make its data differ from a recorded job's, in words."""
    data = history.job["data"]
    if data["name"] != job.config.data.name or "code" not in data:
        return []
    return code_changes(job.data_code, data["code"])


def _resuming_words(history: History, step: int) -> str:
    word = exit_of(history, running=False)
    if word == Exit.PRUNED and history.outcome is not None:
        word = f"pruned at step {history.outcome['steps']}"
        if step == history.outcome["steps"]:
            return f"{word}; resumes there"
    return f"{word}; resumes from step {step}" if step else f"{word}; starts again from step 0"


def _resume_step(folder: Path, history: History) -> int:
    from ablations.jobs.resuming import usable_checkpoint  # late: only torch reads a checkpoint

    payload, _ = usable_checkpoint(folder, history)
    return int(payload["step"]) if payload else 0
