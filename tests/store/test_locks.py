"""Whether a job is running, where the lock cannot be opened, and on file systems without `flock`."""

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ablations.jobs.outcome import outcome_fields
from ablations.store import Store, is_running, job_lock
from ablations.store.history import exit_of, job_history
from ablations.store.journal import Journal
from ablations.store.locks import lock_of
from ablations.tracking import server
from fakeface import data
from fakeface.config import DataConfig
from fakeface.errors import UserError
from fakeface.locks import wait_for, why_refused, why_stuck

DEAD = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes `flock` fail."""

    def refuse(number: int) -> None:
        def flock(*_: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)

    return refuse


def test_a_lock_tells_whether_the_job_is_running(tmp_path: Path):
    assert is_running(tmp_path) is False
    with job_lock(tmp_path):
        (tmp_path / "lock").chmod(0o444)  # whoever may read it may ask
        assert is_running(tmp_path) is True
        assert why_stuck(lock_of(tmp_path)) == ""
    assert is_running(tmp_path) is False


def test_asking_creates_nothing_and_follows_no_link(tmp_path: Path):
    target = tmp_path / "target"
    (tmp_path / "job").mkdir()
    assert is_running(tmp_path / "job") is False
    assert list((tmp_path / "job").iterdir()) == []
    (tmp_path / "job" / "lock").symlink_to(target)
    assert is_running(tmp_path / "job") is None
    assert not target.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_refused_locks(number: int, tmp_path: Path, without_flock: Callable[[int], None]):
    (tmp_path / "lock").touch()
    without_flock(number)
    assert is_running(tmp_path) is None
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        job_lock(tmp_path).acquire(timeout=0)
    assert "put the store on another disk" in why_refused(raised.value)


@pytest.mark.parametrize(
    ("marker", "running"),
    [(f"{DEAD.stdout.strip()}\nHOST\n", False), ("1\nanother-machine\n", None), ("", None)],
    ids=["a dead process", "another machine", "empty"],
)
def test_a_marker_left_behind_where_there_is_no_flock(
    marker: str, running: bool | None, tmp_path: Path, without_flock: Callable[[int], None]
):
    without_flock(errno.ENOSYS)
    with job_lock(tmp_path):
        made = (tmp_path / "lock").read_text()
        assert is_running(tmp_path) is None
    assert is_running(tmp_path) is False
    (tmp_path / "lock").write_text(marker.replace("HOST", made.splitlines()[1]))
    assert is_running(tmp_path) is running
    assert bool(why_stuck(lock_of(tmp_path))) is (running is None)


def prepare_mirror(root: Path) -> None:
    store = Store(root)
    server.prepare(store, store.tracking_uri)


def prepare_data(root: Path) -> None:
    data.prepare(DataConfig(name="synthetic", count=4, image_size=32), root / "data", workers=1)


@pytest.fixture(params=[prepare_mirror, prepare_data])
def preparing(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[], None], Path]:
    """What prepares a part of a store, and the lock under which it does."""
    folders = {prepare_mirror: tmp_path / "mirror", prepare_data: tmp_path / "data"}
    folder = folders[request.param]
    folder.mkdir()
    if request.param is prepare_mirror:
        return lambda: prepare_mirror(tmp_path), folder / "prepare.lock"
    prepare_data(tmp_path)
    (lock,) = folder.glob("*.lock")
    lock.unlink()
    for path in (folder / lock.stem).iterdir():
        path.unlink()
    return lambda: prepare_data(tmp_path), lock


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_lock_of_a_mirror_or_a_data_set_is_named_where_it_cannot_be_had(
    number: int, preparing: tuple[Callable[[], None], Path], without_flock: Callable[[int], None]
):
    prepare, lock = preparing
    lock.write_text("1\nanother-machine\n")
    without_flock(number)
    remedy = "remove the file" if number == errno.ENOSYS else "put the store on another disk"
    with pytest.raises(UserError, match=remedy) as raised:
        prepare()
    assert str(raised.value).startswith(f"{lock}: ")


def test_a_lock_of_a_stuck_process_is_not_waited_for_without_end(tmp_path: Path):
    with job_lock(tmp_path), pytest.raises(UserError, match="end it if it is stuck"):
        wait_for(lock_of(tmp_path), 0)
    with wait_for(lock_of(tmp_path), 0):
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


def test_a_job_whose_lock_does_not_say_is_unknown_until_it_ended(tmp_path: Path):
    with Journal(tmp_path / "journal.jsonl") as journal:
        assert exit_of(job_history(tmp_path), running=None) == "new"
        journal.append("session", from_step=0, stack={}, git={})
        assert exit_of(job_history(tmp_path), running=None) == "unknown"
        journal.append("outcome", **outcome_fields(job_history(tmp_path), "finished", evidence="", steps=1))
        assert exit_of(job_history(tmp_path), running=None) == "finished"
