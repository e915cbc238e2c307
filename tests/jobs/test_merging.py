"""Merging stores: which job stays, what comes, and what a kill leaves."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ablations.jobs.merging import Fate, merge
from ablations.jobs.session import job_record
from ablations.store import Store, history, job_lock
from ablations.store.journal import Journal
from ablations.store.looks import Design, Looks, TakenLook
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from tests.analysis_journals import IMAGES, JOB, PROTOCOL, STACK, losses
from tests.commands import run_command


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    """This store, and another one."""
    found = Store(tmp_path / "mine"), Store(tmp_path / "theirs")
    for store in found:
        store.prepare()
    return found


def train(
    store: Store, seed: int, *, exit_: str = "finished", steps: int = 5, weights: str = "w", **naming: str
) -> Path:
    """A job with an outcome; one that is not complete has a checkpoint at its last step."""
    job = replace(JOB, seed=seed, run="baseline", **naming)
    folder = store.jobs / f"baseline-s{seed}-{job.identity[:12]}"
    with Journal(folder / "journal.jsonl") as journal:
        journal.append("job", **job_record(job, IMAGES, 5))
        journal.append("named", **job.naming())
        journal.append("session", from_step=0, stack=STACK, git={})
        losses(journal, list(range(1, steps + 1)), [0.5] * steps, [0.5] * steps)
        words = dict.fromkeys(("exit", "samples", "dynamics"))
        outcome = {"exit": exit_, "samples": None, "dynamics": None, "onset": words, "steps": steps}
        evidence = dict.fromkeys(words, "")
        journal.append("outcome", **outcome, evidence=evidence, weights_sha256=weights)
    (folder / "samples").mkdir()
    (folder / "samples/000000.png").write_bytes(weights.encode())
    if exit_ != "finished":
        state = dict.fromkeys(checkpoints.STATE)
        checkpoints.save(folder / "checkpoint.pt", state | {"step": steps, "identity": job.identity})
    return folder


def fates(mine: Store, theirs: Store) -> dict[str, str]:
    return {merged.name.split("-")[1]: merged.fate for merged in merge(mine, theirs)}


def content(store: Store) -> dict[str, bytes]:
    """Every file but locks."""
    files = [path for path in sorted(store.root.rglob("*")) if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in files}


def test_a_new_job_comes_whole_and_the_other_store_stays_as_it_is(stores: tuple[Store, Store]):
    mine, theirs = stores
    train(mine, 0)
    folder = train(theirs, 1)
    (folder / "left.tmp").touch()
    before = content(theirs)
    assert fates(mine, theirs) == {"s1": Fate.ADDED}
    assert content(theirs) == before
    assert not (theirs.jobs / folder.name / "lock").exists()
    brought = {name for name in content(mine) if folder.name in name}
    assert brought == {f"jobs/{folder.name}/journal.jsonl", f"jobs/{folder.name}/samples/000000.png"}
    assert not mine.merging.exists()
    assert fates(mine, theirs) == {"s1": Fate.KEPT}, "merging twice brings nothing twice"


@pytest.mark.parametrize(
    ("ours", "others", "fate"),
    [
        ({}, {}, Fate.KEPT),
        ({}, {"exit_": "interrupted", "steps": 3}, Fate.KEPT),
        ({"exit_": "interrupted", "steps": 3}, {}, Fate.REPLACED),
        ({"exit_": "interrupted", "steps": 2}, {"exit_": "crashed", "steps": 3}, Fate.REPLACED),
        ({"exit_": "pruned", "steps": 3}, {"exit_": "interrupted", "steps": 3}, Fate.KEPT),
        ({"exit_": "diverged"}, {}, Fate.KEPT),
        ({"weights": "a"}, {"weights": "b"}, Fate.KEPT),
    ],
)
def test_of_a_training_in_both_the_one_further_on_stays(stores: tuple[Store, Store], ours, others, fate):
    mine, theirs = stores
    train(mine, 0, **ours)
    folder = train(theirs, 0, **others)
    note = mine.mirror / "own" / f"{folder.name}.json"
    note.parent.mkdir(parents=True)
    note.touch()
    before = content(mine)
    assert fates(mine, theirs) == {"s0": fate}
    assert note.exists() == (fate == Fate.KEPT), "a job that was replaced is shipped again"
    if fate == Fate.KEPT:
        assert content(mine) == before
    else:
        assert history.job_history(mine.jobs / folder.name).last_step == others.get("steps", 5)
        (aside,) = mine.aside_folders()
        assert history.job_history(aside).last_step == ours["steps"], "what is replaced is not lost"


def test_names_and_scores_that_are_lacking_come_too(stores: tuple[Store, Store]):
    mine, theirs = stores
    place = train(mine, 0, group="here")
    folder = train(theirs, 0, group="there")
    with Journal(folder / "journal.jsonl") as journal:
        journal.append("evaluation", step=5, values={"fd_test": 1.0}, **PROTOCOL)
    assert fates(mine, theirs) == {"s0": Fate.COMPLETED}
    merged = history.job_history(place)
    assert [name["group"] for name in merged.names] == ["here", "there"]
    assert [score["values"] for score in merged.evaluations] == [{"fd_test": 1.0}]
    assert fates(mine, theirs) == {"s0": Fate.KEPT}


def test_a_replaced_job_keeps_its_names(stores: tuple[Store, Store]):
    mine, theirs = stores
    place = train(mine, 0, exit_="interrupted", steps=2, group="here")
    train(theirs, 0, group="there")
    assert fates(mine, theirs) == {"s0": Fate.REPLACED}
    assert [name["group"] for name in history.job_history(place).names] == ["there", "here"]


def test_scores_of_other_weights_do_not_come(stores: tuple[Store, Store]):
    mine, theirs = stores
    place = train(mine, 0, weights="a")
    with Journal(train(theirs, 0, weights="b") / "journal.jsonl") as journal:
        journal.append("evaluation", step=5, values={"fd_test": 1.0}, **PROTOCOL)
    (merged,) = merge(mine, theirs)
    assert merged.why == "finished in both, with other weights (another stack); this store's are kept"
    assert history.job_history(place).evaluations == []


@pytest.mark.parametrize("running", ["here", "there"])
def test_a_running_job_is_left_and_the_others_come(stores: tuple[Store, Store], running: str):
    mine, theirs = stores
    place = train(mine, 0, exit_="interrupted", steps=2)
    folder = train(theirs, 0)
    train(theirs, 1)
    with job_lock(place if running == "here" else folder):
        assert fates(mine, theirs) == {"s0": Fate.LEFT, "s1": Fate.ADDED}
    assert fates(mine, theirs) == {"s0": Fate.REPLACED, "s1": Fate.KEPT}


def test_what_is_no_whole_job_is_left_with_the_reason(stores: tuple[Store, Store], tmp_path: Path):
    mine, theirs = stores
    train(theirs, 0).joinpath("link").symlink_to(tmp_path)
    renamed = train(theirs, 1)
    renamed.rename(renamed.with_name("baseline-s1-0123456789ab"))
    os.mkfifo(train(theirs, 2) / "pipe")
    (theirs.jobs / "baseline-s3-0123456789ab").mkdir()
    found = {merged.name.split("-")[1]: merged for merged in merge(mine, theirs)}
    assert {name: merged.fate for name, merged in found.items()} == dict.fromkeys(
        ("s0", "s1", "s2"), Fate.LEFT
    )
    assert "a link" in found["s0"].why
    assert "not of the job that the name says" in found["s1"].why
    assert "a pipe" in found["s2"].why
    assert [*mine.job_folders()] == []


class Killed(BaseException):
    """Ends a merge where a kill would."""


@pytest.mark.parametrize("moment", range(10))
def test_a_kill_leaves_both_stores_whole_and_the_same_merge_completes(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch, moment: int
):
    mine, theirs = stores
    train(mine, 0, exit_="interrupted", steps=2, group="here")
    train(theirs, 0)
    train(theirs, 1)
    before, calls = content(theirs), []

    def dying(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*arguments: object, **options: object) -> object:
            calls.append(call)
            if len(calls) == moment + 1:
                raise Killed
            return call(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", dying(shutil.copyfile))
        patch.setattr(Path, "rename", dying(Path.rename))
        patch.setattr(Journal, "append", dying(Journal.append))
        patch.setattr(shutil, "rmtree", dying(shutil.rmtree))
        try:
            list(merge(mine, theirs))
        except Killed:
            pass
        else:
            assert moment == 9, "the others are those of a kill"
    assert content(theirs) == before
    jobs = [history.job_history(folder) for folder in [*mine.job_folders(), *mine.aside_folders()]]
    assert all(job.outcome and not job.damaged_lines for job in jobs)
    assert jobs
    fates(mine, theirs)
    merged = {job.job["seed"]: job for job in map(history.job_history, mine.job_folders())}
    assert {seed: job.last_step for seed, job in merged.items()} == {0: 5, 1: 5}
    assert next(map(history.job_history, mine.aside_folders())).last_step == 2
    assert not mine.merging.exists()


def test_a_study_comes_unless_both_have_it_with_other_trials(stores: tuple[Store, Store]):
    mine, theirs = stores
    for name in ("new-1", "same-1", "other-1"):
        (theirs.studies / name).mkdir(parents=True)
        (theirs.studies / name / "study.json").write_text(name)
    (mine.studies).mkdir()
    for name in ("same-1", "other-1"):
        shutil.copytree(theirs.studies / name, mine.studies / name)
    (mine.studies / "other-1/study.json").write_text("mine")
    found = {merged.name: merged for merged in merge(mine, theirs)}
    assert {name: merged.fate for name, merged in found.items()} == {
        "new-1": Fate.ADDED, "same-1": Fate.KEPT, "other-1": Fate.LEFT,
    }  # fmt: skip
    assert (mine.studies / "new-1/study.json").read_text() == "new-1"
    assert (mine.studies / "other-1/study.json").read_text() == "mine"


def test_looks_at_claims_that_were_taken_in_either_store_were_taken(stores: tuple[Store, Store]):
    mine, theirs = stores
    both, only = "ab" * 32, "cd" * 32
    looks = [TakenLook((0, 1), 0.95, "undecided"), TakenLook((0, 1, 2), 0.95, "supported")]
    for store, taken in ((mine, looks[:1]), (theirs, looks)):
        for look in taken:
            Looks.find(store, "it", both).add_look("it", look)
    Looks.find(theirs, "other", only).add_design("other", Design((0, 1, 2), (3,), (0.95,)))
    found = {merged.name.split("-")[0]: merged.fate for merged in merge(mine, theirs)}
    assert found == {"it": Fate.COMPLETED, "other": Fate.ADDED}
    assert Looks.find(mine, "it", both).taken == looks
    assert len(Looks.find(mine, "other", only).designs) == 1
    assert {merged.fate for merged in merge(mine, theirs)} == {Fate.KEPT}


def test_what_is_no_other_store_is_refused(stores: tuple[Store, Store], tmp_path: Path):
    mine, theirs = stores
    train(theirs, 0)
    alias, linked = Store(tmp_path / "alias"), Store(tmp_path / "linked")
    alias.root.symlink_to(mine.root)
    linked.root.mkdir()
    linked.jobs.symlink_to(theirs.jobs)
    for other, why in ((mine, "this store itself"), (alias, "this store itself"), (linked, "a link")):
        with pytest.raises(UserError, match=why):
            list(merge(mine, other))
    with pytest.raises(UserError, match="no store"):
        list(merge(mine, Store(tmp_path / "nowhere")))
    assert not (tmp_path / "nowhere").exists()


def test_the_command_says_what_came_and_ends_with_1_if_something_did_not(
    stores: tuple[Store, Store], tmp_path: Path
):
    _, theirs = stores
    folder = train(theirs, 0)
    other = train(theirs, 1)
    with job_lock(other):
        out = run_command(tmp_path, "merge", "theirs", "--store", "mine", check=1).stdout
    assert out.splitlines() == [
        f"added  {folder.name}",
        f"left  {other.name}: a process is working on it, or may be: merge again when it has ended",
        "1 added, 1 left",
    ]
    assert run_command(tmp_path, "merge", "theirs", "--store", "mine").stdout.endswith("1 added, 1 kept\n")
    refused = run_command(tmp_path, "merge", "mine", "--store", "mine", check=2)
    assert len(refused.stderr.splitlines()) == 1
