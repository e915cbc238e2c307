"""A store from somebody else: what its records and folders name outside it reaches neither MLflow nor the report."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from ablations.store import Store
from ablations.store.history import job_history
from ablations.tracking import MirrorProcess, server, sync
from ablations.tracking.loop import pending
from ablations.tracking.reading import read_runs
from analysis.frames.jobs import Selected, load
from fakeface.errors import UserError
from tests.tracking_jobs import IMAGE_STEPS, Job, new_store, run_id_of


def uploaded(uri: str, run_id: str, path: str = "") -> dict[str, str]:
    """Every artifact of a run, with its text."""
    client, found = server.connect(uri), {}
    for file in client.list_artifacts(run_id, path):
        if file.is_dir:
            found |= uploaded(uri, run_id, file.path)
        else:
            found[file.path] = (
                Path(client.download_artifacts(run_id, file.path)).read_bytes().decode("latin-1")
            )
    return found


@pytest.mark.parametrize("how", ["path", "link"])
def test_no_file_outside_the_folder_is_uploaded_or_embedded(how: str, tmp_path: Path) -> None:
    store = new_store(tmp_path / "store")
    job = Job(store)
    secret = tmp_path / "secret"
    secret.write_bytes(b"SECRET")
    picture = tmp_path / "picture.png"
    job.name()
    job.session()
    job.steps(1, 9)
    picture.write_bytes((job.folder / "samples/000004.png").read_bytes() + b"SECRET")
    names = {"picture": str(picture), "diff": str(secret)}
    if how == "link":
        names = {"picture": "samples/9.png", "diff": "x.patch"}
        (job.folder / names["picture"]).symlink_to(picture)
        (job.folder / names["diff"]).symlink_to(secret)
    job.journal.append(
        "session", from_step=2, stack={}, git={"commit": "c", "dirty": True, "diff": names["diff"]}
    )
    job.journal.append("image", key="samples", step=99, file=names["picture"], sha256="0")
    job.outcome(generator=False)
    report = sync(store, store.tracking_uri)
    assert len(report.problems[job.folder.name]) == 3  # the diff, the grid, and the grid as the last one
    assert "SECRET" not in "".join(uploaded(store.tracking_uri, run_id_of(store, job)).values())
    frames = load([Selected("baseline", 0, job.folder)], job_history)
    assert [*frames.images["step"]] == [step for step in IMAGE_STEPS if step <= 9]


def test_a_journal_that_cannot_be_read_is_named_and_the_others_are_shipped(tmp_path: Path) -> None:
    store = new_store(tmp_path / "store")
    job, other = Job(store).whole(), Job(store, "sgd").whole()
    job.journal.path.unlink()
    job.journal.path.mkdir()
    report = sync(store, store.tracking_uri)
    assert list(report.errors) == [job.folder.name]
    assert report.errors[job.folder.name].startswith(f"{job.journal.path}: cannot read the journal: ")
    assert not report.pending
    assert run_id_of(store, other)


def test_a_journal_or_a_figure_that_is_a_link_is_not_uploaded(tmp_path: Path) -> None:
    store = new_store(tmp_path / "store")
    job = Job(store).whole()
    outside = tmp_path / "journal"
    job.journal.path.rename(outside)
    job.journal.path.symlink_to(outside)
    study = store.studies / "rates-1"
    study.mkdir(parents=True)
    (study / "study.json").symlink_to(outside)
    report = sync(store, store.tracking_uri)
    assert "no file of this folder" in str(report.errors[job.folder.name])
    assert "journal.jsonl" not in uploaded(store.tracking_uri, run_id_of(store, job))
    assert not (set(report.errors) - {job.folder.name})


def test_a_job_folder_that_is_a_link_is_no_job(tmp_path: Path) -> None:
    mine = Job(new_store(tmp_path / "mine")).whole()
    store = Store(new_store(tmp_path / "store").root)
    store.jobs.mkdir(exist_ok=True)
    (store.jobs / mine.folder.name).symlink_to(mine.folder)
    assert sync(store, store.tracking_uri).complete
    assert not server.connect(store.tracking_uri).search_runs(["0", "1"])


def test_a_lock_left_behind_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "not here")

    store = new_store(tmp_path / "store")
    folder = store.mirror_of(store.tracking_uri)
    folder.mkdir(parents=True)
    (folder / "lock").write_text("1\nanother-machine\n")
    monkeypatch.setattr(fcntl, "flock", flock)
    assert "remove the file" in str(sync(store, store.tracking_uri).errors)


def test_a_pipe_in_place_of_a_note_a_log_or_the_database_is_not_waited_for(tmp_path: Path) -> None:
    store = new_store(tmp_path / "store")
    job = Job(store).whole()
    assert sync(store, store.tracking_uri).complete
    notes = store.mirror_of(store.tracking_uri)
    note = notes / f"{job.folder.name}.json"
    note.unlink()
    os.mkfifo(note)
    assert pending(store, store.tracking_uri)
    assert sync(store, store.tracking_uri).complete
    assert note.is_file()
    os.mkfifo(store.mirror / "mirror.log")
    with MirrorProcess(store, store.tracking_uri) as mirror:
        assert not mirror.last_problem()
    database = tmp_path / "pipe.db"
    os.mkfifo(database)
    uri = f"sqlite:///{database}"
    assert "not a file" in str(sync(store, uri).errors)
    with pytest.raises(UserError, match="no such database"):
        read_runs(uri, "report", tmp_path)
