"""Jobs whose locks do not say whether a process is running them, and stores of another user."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys

import pytest

from ablations.store import job_lock
from tests.cli.conftest import Place


def test_the_job_of_another_user_may_be_running(trained: Place, monkeypatch: pytest.MonkeyPatch):
    path, opened = trained.job("sgd") / "journal.jsonl", os.open

    def refuse(path: object, *arguments: object, **options: object) -> int:
        if str(path).endswith("/lock"):  # tests may run as root, who can open everything
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *arguments, **options)  # type: ignore[arg-type, call-overload]

    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"kind":"outcome"' not in line))
    monkeypatch.setattr(os, "open", refuse)
    exits = {row["run"]: row["exit"] for row in trained.json("status")}
    assert exits == dict.fromkeys(exits, "finished") | {"sgd": "unknown"}
    assert "unknown" in trained("status").stdout
    assert "unknown: running or interrupted" in trained("plan").stdout


def test_a_job_whose_lock_is_stuck_is_refused_and_not_waited_for(
    trained: Place, monkeypatch: pytest.MonkeyPatch
):
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    (trained.job("sgd") / "lock").write_text("1\nanother-machine\n")
    monkeypatch.setattr(fcntl, "flock", flock)
    again = ("run", "--no-mirror", "--run", "sgd", "--set", "evaluation.num_samples=40")
    assert "remove the file" in trained(*again, check=2).stdout


def test_a_finished_job_whose_lock_stayed_is_finished(trained: Place):
    with job_lock(trained.job("sgd")):
        exits = {row["run"]: (row["state"], row["exit"]) for row in trained.json("status")}
        assert exits == dict.fromkeys(exits, ("done", "finished"))
        assert "Nothing to do" in trained("run", "--no-mirror", "--run", "sgd").stdout


OTHER_UID = 65534
WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
"""Root is then a user like any other to the files that are not root's."""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can give a store to another user, and needs setpriv to drop its rights",
)
@pytest.mark.slow
def test_a_second_user_reads_a_running_job_and_is_refused_in_words_where_the_store_is_not_theirs(
    trained: Place,
):
    def as_other(*arguments: str) -> tuple[int, str]:
        command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-m", "ablations.cli.app", *arguments]
        done = subprocess.run(command, cwd=trained.folder, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def exit_of_sgd() -> str:
        status, said = as_other("status")
        assert status == 0
        return next(line.split()[2] for line in said.splitlines() if line.startswith("sgd"))

    job, store = trained.job("sgd"), trained.folder / "results"
    lines = (job / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (job / "journal.jsonl").write_bytes(b"".join(line for line in lines if b'"kind":"outcome"' not in line))
    for path in (store, *store.rglob("*")):
        os.chown(path, OTHER_UID, OTHER_UID)
    with job_lock(job):
        assert exit_of_sgd() == "running"
        (job / "lock").chmod(0o600)
        assert exit_of_sgd() == "unknown"
        assert "unknown: running or interrupted" in as_other("plan")[1]
    for command, words in {"run --no-mirror": "the store is read-only", "report": "cannot write"}.items():
        status, said = as_other(*command.split())
        assert status == 2
        assert words in said
    store.chmod(0o700)
    status, said = as_other("status")
    assert status == 2
    assert "is not readable" in said
