"""What a job runs on, and a disk that refuses."""

import os
import shutil
from pathlib import Path

import pytest

from ablations.jobs import cleaning
from ablations.jobs.machine import usable_cores
from fakeface.errors import UserError


def test_usable_cores_are_those_of_this_process():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_cleaning_a_read_only_store_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(UserError, match="cannot remove it: Read-only file system"):
        cleaning.remove([cleaning.Removable(tmp_path, "", 0)])
