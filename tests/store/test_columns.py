"""Columns beside a journal: what they say is what it says, and where they do not fit, it is read itself."""

import math
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ablations.store.columns import columns_of
from ablations.store.history import _REST, History, compact, load
from ablations.store.journal import Journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with all that may be in one: NaN, a branch, a damaged line, blocks of unlike lengths."""
    path = tmp_path / "job" / "journal.jsonl"
    with Journal(path) as journal:
        journal.append("job", identity="0" * 64, seed=3)
        journal.append("named", run="sgd", group="report", profile="quick")
        journal.append("session", from_step=0)
        journal.append("metrics", steps=[1, 2], values={"Loss_D": [0.1, 0.2], "Loss_G": [1.5, math.nan]})
        journal.append("note", text="to be damaged")
        journal.append("metrics", steps=[3], values={"Loss_D": [0.3]})
        journal.append("evaluation", step=3, protocol="p", metric="fd", values={"fd": math.nan})
        journal.append("branch", step=3, reason="another stack")
        journal.append("metrics", steps=[3, 4], values={"Loss_D": [0.4, math.inf]})
        journal.append("outcome", exit="finished", steps=4)
    body = path.read_bytes()
    path.write_bytes(body.replace(b"to be damaged", b"to be DAMAGED"))
    return path


def said(history: History) -> str:
    """All of it; as text, since NaN equals nothing."""
    return repr(asdict(history))


def by_journal(path: Path) -> History:
    """The history without the columns' help."""
    columns_of(path).unlink(missing_ok=True)
    return load(path)


def test_columns_say_what_the_journal_says(path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = by_journal(path)
    compact(whole)
    monkeypatch.setattr("ablations.store.journal.read", None)  # so that nothing but the columns can be read
    assert said(load(path)) == said(whole)
    assert whole.damaged_lines == [5]


def test_a_job_goes_on_from_columns_as_from_its_journal(path: Path):
    further = {"kind": "metrics", "time": 1, "steps": [5], "values": {"Loss_D": [0.5], "Loss_G": [0.6]}}
    histories = [by_journal(path)]
    compact(histories[0])
    histories.append(load(path))
    for history in histories:
        history.apply(further)
    assert said(histories[0]) == said(histories[1])


def test_columns_keep_all_that_a_history_has():
    elsewhere = {"path", "series", "running_elsewhere"}
    assert {field.name for field in fields(History)} == {*_REST, *elsewhere}, "and raise VERSION"


def test_a_journal_that_went_on_is_read_itself(path: Path):
    compact(by_journal(path))
    with Journal(path) as journal:
        journal.append("evaluation", step=4, protocol="q", metric="fd", values={"fd": 3.0})
    assert [one["protocol"] for one in load(path).evaluations] == ["q"]


def test_a_disk_that_refuses_costs_no_result(path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    whole = by_journal(path)
    compact(whole)
    assert not columns_of(path).exists()
    assert said(load(path)) == said(whole)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_columns_change_nothing_that_is_read(path: Path, tmp_path: Path, data: st.DataObject):
    whole = by_journal(path)
    compact(whole)
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(path.parent, copy)
    victim = columns_of(copy / "journal.jsonl")
    body = bytearray(victim.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    victim.write_bytes(bytes(body[: data.draw(st.integers(0, len(body)))]))
    found = load(copy / "journal.jsonl")
    assert said(found).replace(str(copy), "") == said(whole).replace(str(path.parent), "")
