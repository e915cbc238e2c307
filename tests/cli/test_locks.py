"""Jobs whose locks do not say whether a process is running them."""

import errno
import fcntl
import os

import pytest

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
