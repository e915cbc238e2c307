"""What `ablate clean` may remove: nothing that the specification, a study or another `--set` leads to, or that runs."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from ablations.jobs import cleaning
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.plan import Job, make_plan
from ablations.jobs.session import job_record, name_job
from ablations.jobs.status import Status, state_of
from ablations.spec import load_spec
from ablations.store import Store, history, job_lock
from ablations.store.journal import Journal
from ablations.studies.record import trained_folders
from fakeface import data
from fakeface.errors import UserError
from fakeface.outcomes import Exit
from tests.conftest import TINY_SPEC
from tests.study_records import result, study, trial

SPEC = (
    TINY_SPEC
    + """\
studies:
  rates: {base: sgd, space: {optimizer.lr: {low: 1e-5, high: 1, log: true}}}
"""
)


class World:
    """A specification, a store with prepared data, and finished jobs that were trained by nothing."""

    def __init__(self, folder: Path) -> None:
        self.spec, self.store = folder / "runs.yaml", Store(folder / "results")
        self.spec.write_text(SPEC)
        self.store.prepare()
        data.prepare(load_spec(self.spec).runs[0].config.data, self.store.data)

    def job(self, run: str, *overrides: str) -> Job:
        """The job of a run, or of the study `rates` with a learning rate of its own."""
        spec = load_spec(self.spec, overrides=overrides)
        runs = [one for one in spec.runs if one.name == run]
        if not runs:
            searched = spec.study("rates")
            runs = [searched.run({"optimizer.lr": 0.0123}, run)]
        (job,) = make_plan(spec, runs, lambda config: self.store.find_data(config).images)
        return job

    def finished(self, job: Job) -> Path:
        """The folder of a job that is done."""
        images = self.store.find_data(job.config.data).images
        assert images is not None and job.total_steps is not None
        folder = self.store.folder_for(job.run, job.seed, job.identity)
        with Journal(folder / "journal.jsonl") as journal:
            journal.append("job", **job_record(job, images, job.total_steps))
            name_job(job, journal, history.load(journal.path))
            known = history.load(journal.path)
            journal.append("outcome", **outcome_fields(known, Exit.FINISHED, evidence="", steps=24))
        return folder

    def stale(self, *overrides: str, remove: bool = False) -> list[Path]:
        """The folders that `clean --stale` lists, or removes."""
        trained = trained_folders(self.store.study_folders())
        needs = cleaning.needs_of(self.spec, self.store, overrides, trained)
        return self.removable(needs, remove=remove)

    def removable(self, needs: cleaning.Needs | None = None, *, aside: bool = False, remove: bool = False):
        found = cleaning.removable(self.store, needs=needs, within=lambda _: True, aside=aside, remove=remove)
        return [entry.path for entry in found]

    def edit(self, before: str, after: str) -> None:
        text = self.spec.read_text()
        assert before in text
        self.spec.write_text(text.replace(before, after))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def old(job: Job) -> Job:
    """The same job before its code changed."""
    return replace(job, code={"fakeface/gan/step.py:gan_step": "0"})


def test_only_what_no_run_leads_to_is_stale(world: World):
    kept = world.finished(world.job("baseline"))
    before = world.finished(old(world.job("sgd")))
    assert world.stale() == [before]
    world.edit("  baseline: {}", "  baseline: {init: dcgan}")
    assert world.stale() == [kept, before]
    assert world.stale(remove=True) == [kept, before]
    assert list(world.store.job_folders()) == []


@pytest.mark.parametrize("now", [(), ("optimizer.lr=2e-2",)])
def test_variants_by_set_are_trainings_of_their_own(world: World, now: Sequence[str]):
    first = world.finished(world.job("sgd", "optimizer.lr=1e-2"))
    second = world.finished(world.job("sgd", "optimizer.lr=2e-2"))
    world.finished(world.job("sgd"))
    assert world.stale(*now) == []
    assert state_of(world.job("sgd", "optimizer.lr=3e-2"), world.store).status == Status.NEW
    world.edit("sgd: {extends: baseline, optimizer: sgd}", "sgd: {extends: baseline, optimizer: adam}")
    assert set(world.stale(*now)) > {first, second}, "the run is another one under each of them"
    assert state_of(world.job("sgd", "optimizer.lr=1e-2"), world.store).status == Status.STALE


def test_what_was_set_stays_while_the_file_does_not_accept_it(world: World):
    folder = world.finished(world.job("sgd", "optimizer.lr=1e-2"))
    plain = world.finished(world.job("baseline"))
    world.edit("train: {steps: 24", "train: {steps: 23")
    world.edit("profiles:\n  quick:", "profiles:\n  other:")
    assert world.stale() == [plain]
    world.edit("train: {steps: 23", "train: {steps: 24")
    world.edit("  other:", "  quick:")
    world.edit("sgd: {extends: baseline, ", "sgd: {extends: baseline, init: dcgan, ")
    assert world.stale() == [folder]


def test_the_trainings_of_a_study_stay_with_the_study(world: World):
    folder = world.finished(world.job("rates-t0"))
    world.finished(old(world.job("rates-t1")))
    assert world.stale() == [], "a study of the file"
    world.edit("  rates: ", "  speeds: ")
    (world.store.studies / "rates-0123456789ab").mkdir(parents=True)
    assert world.stale() == [], "a study of the store, which has no record yet"
    (world.store.studies / "rates-0123456789ab").rmdir()
    other = world.store.studies / "other-0123456789ab"
    other.mkdir()
    used = result("works", 300.0).model_copy(update={"folder": folder.name})
    study([trial(0, 0.01, [used])]).write(other)
    (rest,) = world.stale()
    assert rest != folder, "a record names it"
    shutil.rmtree(other)
    assert len(world.stale()) == 2


def test_what_runs_is_neither_listed_nor_removed(world: World):
    folder = world.finished(old(world.job("sgd")))
    with job_lock(folder):
        assert world.stale() == []
        assert world.stale(remove=True) == []
    assert world.stale() == [folder]


def test_what_a_killed_merge_left_is_removed_unless_a_merge_runs(world: World):
    (world.store.merging / "sgd-s0-0123456789ab").mkdir(parents=True)
    with job_lock(world.store.merging):
        assert world.removable() == world.removable(remove=True) == []
    assert world.removable() == world.removable(remove=True) == [world.store.merging]
    assert not world.store.merging.exists()


def test_each_job_is_locked_from_the_look_to_the_removal(world: World, monkeypatch: pytest.MonkeyPatch):
    folder = world.finished(old(world.job("sgd")))
    remove, held = cleaning._remove, []

    def look(path: Path) -> None:
        with pytest.raises(TimeoutError):
            FileLock(folder / "lock", timeout=0).acquire()
        held.append(path)
        remove(path)

    monkeypatch.setattr(cleaning, "_remove", look)
    assert world.stale(remove=True) == [folder]
    assert held[0] == folder and held[-2:] == [folder / "journal.jsonl", folder / "lock"]


def test_a_removal_that_is_killed_is_completed_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch):
    folder = world.finished(old(world.job("sgd")))
    (folder / "samples").mkdir()
    for name in ("generator-000024.pt", "samples/000024.png"):
        (folder / name).touch()
    unlink, left = Path.unlink, len(list(folder.rglob("*")))

    def unlink_one(path: Path, *, missing_ok: bool = False) -> None:
        if len(list(folder.rglob("*"))) < left:
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(Path, "unlink", unlink_one)
        world.stale(remove=True)
    assert world.stale() == [folder]
    assert world.stale(remove=True) == [folder]
    assert not folder.exists()


def test_other_files_in_the_store_are_no_error_and_links_lead_nowhere(world: World, tmp_path: Path):
    for place in (world.store.aside, world.store.jobs, world.store.studies):
        place.mkdir(exist_ok=True)
        (place / ".DS_Store").write_bytes(b"")
    (tmp_path / "private.tmp").write_text("mine")
    (world.store.jobs / "link").symlink_to(tmp_path)
    assert world.removable(aside=True, remove=True) == []
    assert world.stale(remove=True) == []
    assert (tmp_path / "private.tmp").exists()


def test_a_read_only_store_is_one_error(world: World, monkeypatch: pytest.MonkeyPatch):
    world.finished(old(world.job("sgd")))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UserError, match="cannot remove it: Read-only file system"):
        world.stale(remove=True)
