"""The folder that holds all: archiving jobs."""

from pathlib import Path

import pytest

from ablations.store import Store, job_lock
from fakeface.errors import UserError


def test_archive_moves_all_jobs_or_none(tmp_path: Path):
    store = Store(tmp_path)
    for name in ("a", "b"):
        folder = store.folder_for(name, 0, name * 64)
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").touch()
    with job_lock(store.find("b" * 64)), pytest.raises(UserError, match="another process is running it"):
        store.archive(["a" * 64, "b" * 64])
    assert len(list(store.job_folders())) == 2
    first = store.archive(["a" * 64, "b" * 64])
    store.folder_for("a", 0, "a" * 64).mkdir()
    again = store.archive(["a" * 64])
    assert len({*first, *again}) == 3
    assert list(store.job_folders()) == []
