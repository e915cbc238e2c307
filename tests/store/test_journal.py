"""The journal: nothing intact is lost, whatever happens to the file."""

import errno
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablations.jobs.outcome import outcome_fields
from ablations.store import history, journal
from ablations.store.journal import Journal
from fakeface.errors import UserError


def write(path: Path, count: int) -> None:
    with Journal(path) as log:
        for step in range(1, count + 1):
            log.append("metrics", steps=[step], values={"Loss_D": [step / 7]})


def test_what_was_appended_is_read_back_in_order_with_one_time_each(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    write(path, 5)
    records = journal.read(path).records
    assert [r["values"]["Loss_D"][0] for r in records] == [s / 7 for s in range(1, 6)]
    assert all(isinstance(r["time"], int) for r in records)


def test_reading_goes_on_from_an_offset(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    first = journal.read(path)
    write(path, 2)
    assert len(journal.read(path, first.offsets[-1]).records) == 2
    assert len(journal.read(path).records) == 5


def test_nan_and_infinity_survive(tmp_path: Path):
    with Journal(tmp_path / "j") as log:
        log.append("metrics", steps=[1, 2], values={"Loss_G": [math.nan, math.inf]})
    values = journal.read(tmp_path / "j").records[0]["values"]["Loss_G"]
    assert math.isnan(values[0])
    assert values[1] == math.inf


def test_every_float_and_a_file_name_that_is_not_utf_8_come_back_as_they_were(tmp_path: Path):
    random = np.random.default_rng(0)
    values = random.integers(0, 2**64, 20_000, np.uint64).view(np.float64).tolist()
    name = os.fsdecode(b"/faces/\xff")
    with Journal(tmp_path / "j") as log:
        log.append("metrics", steps=list(range(len(values))), values={"Loss_D": values})
        log.append("note", text=name)
    metrics, note = journal.read(tmp_path / "j").records
    np.testing.assert_array_equal(metrics["values"]["Loss_D"], values)
    assert note["text"] == name


def test_a_torn_last_line_is_seen_then_cut_off_and_noted(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    write(path, 3)
    os.truncate(path, path.stat().st_size - 5)
    reading = journal.read(path)
    assert (len(reading.records), reading.torn, reading.damaged) == (2, True, [])
    write(path, 1)
    kinds = [r["kind"] for r in journal.read(path).records]
    assert kinds == ["metrics", "metrics", "note", "metrics"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_line_that_no_damage_touched_is_still_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    path = tmp_path_factory.mktemp("journal") / "j"
    write(path, 8)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    body = bytearray(whole)
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(1, 255)), max_size=6))
    for place, mask in flips:
        body[place] ^= mask
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(body))))
    path.write_bytes(bytes(body[:cut]))
    intact, position = [], 0
    for line in lines:
        end = position + len(line)
        if bytes(body[position:end]) == line and end <= len(body[:cut]):
            intact.append(journal.decode(line))
        position = end
    reading = journal.read(path)
    # A flipped newline joins two lines: the joined line is damaged, its neighbours must be there.
    joined = {place for place, _ in flips if whole[place : place + 1] == b"\n"}
    if not joined:
        assert [r for r in intact if r not in reading.records] == []
    assert all(record in [journal.decode(line) for line in lines] for record in reading.records)
    with Journal(path) as log:
        log.append("note", text="goes on")
    after = journal.read(path)
    assert after.records[-1]["text"] == "goes on"
    assert [r for r in reading.records if r not in after.records] == []
    history.load(path)


def test_a_full_disk_is_one_clear_error_and_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "journal.jsonl"
    write(path, 2)
    log = Journal(path)

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, line: bytes) -> int:
            self.file.write(line[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str):
            return getattr(self.file, name)

    monkeypatch.setattr(log, "_file", Full(log._file))
    with pytest.raises(UserError, match=r"journal\.jsonl: cannot write the journal: No space left"):
        log.append("note", text="x")
    reading = journal.read(path)
    assert (len(reading.records), reading.torn) == (2, False)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the journal"):
        Journal(tmp_path / "file" / "journal.jsonl")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_one_clear_error_and_never_waits(tmp_path: Path, make):
    path = tmp_path / "journal.jsonl"
    make(path)
    for use in (journal.read, Journal):
        with pytest.raises(UserError, match=r"journal\.jsonl: cannot .* the journal: is a folder, a pipe"):
            use(path)


def test_the_first_record_of_a_step_counts(tmp_path: Path):
    path = tmp_path / "j"
    with Journal(path) as log:
        log.append("metrics", steps=[1, 2], values={"Loss_D": [0.5, 0.4]})
        log.append("metrics", steps=[2, 3], values={"Loss_D": [9.0, 0.3]})
    series = history.load(path).series["Loss_D"]
    assert (list(series.steps), list(series.values)) == ([1, 2, 3], [0.5, 0.4, 0.3])


def test_a_branch_supersedes_what_was_recorded_from_its_step_on(tmp_path: Path):
    path = tmp_path / "j"
    with Journal(path) as log:
        log.append("metrics", steps=[1, 2, 3], values={"Loss_D": [0.5, 0.4, 0.3]})
        log.append("image", key="samples", step=3, file="a.png", sha256="x")
        log.append("branch", step=2, reason="another stack")
        log.append("metrics", steps=[2], values={"Loss_D": [0.45]})
    read = history.load(path)
    assert list(read.series["Loss_D"].values) == [0.5, 0.45]
    assert read.images == []


def test_a_session_without_an_outcome_was_interrupted(tmp_path: Path):
    path = tmp_path / "j"
    with Journal(path) as log:
        log.append("session", from_step=0, stack={})
        log.append("outcome", **outcome_fields(history.load(path), "finished", evidence="", steps=5))
        log.append("session", from_step=5, stack={})
    assert history.exit_of(history.load(path), running=False) == "interrupted"
    assert history.exit_of(history.load(path), running=True) == "running"
    assert history.exit_of(history.load(tmp_path / "none"), running=False) == "new"
