"""Checkpoints: exact, atomic, and never trusted when damaged."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ablations.jobs.resuming import usable_checkpoint
from ablations.store.history import History, Series
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from tests.gan.test_training import digest, run, tiny


def history_of(steps: list[int]) -> History:
    """A journal that one session wrote, with a loss at each of some steps."""
    history = History(Path("journal.jsonl"), sessions=[{"stack": {}}])
    history.series["Loss_D"] = Series(steps, [0.0] * len(steps), [0] * len(steps))
    return history


def test_the_one_before_is_kept_and_used_when_the_newest_is_damaged(tmp_path: Path):
    for step in (1, 2):
        checkpoints.save(tmp_path / "checkpoint.pt", {"step": step})
    os.truncate(tmp_path / "checkpoint.pt", (tmp_path / "checkpoint.pt").stat().st_size - 1)
    payload, problems = usable_checkpoint(tmp_path, history_of([1, 2]))
    assert payload == {"step": 1}
    assert len(problems) == 1
    assert "checkpoint.pt: damaged" in problems[0]


def test_without_a_whole_one_there_is_none(tmp_path: Path):
    assert usable_checkpoint(tmp_path, history_of([1])) == (None, [])


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(path, {"step": 1})
    path.rename(checkpoints.previous_of(path))
    assert usable_checkpoint(tmp_path, history_of([1]))[0] == {"step": 1}


@pytest.mark.parametrize("steps", [[], [1], [1, 3, 4], [2, 3, 4]], ids=str)
def test_a_checkpoint_ahead_of_the_journal_is_not_used(tmp_path: Path, steps: list[int]):
    checkpoints.save(tmp_path / "checkpoint.pt", {"step": 4})
    payload, problems = usable_checkpoint(tmp_path, history_of(steps))
    assert payload is None
    assert "ahead of the journal" in problems[0]


def test_a_checkpoint_of_an_unknown_stack_is_not_used(tmp_path: Path):
    checkpoints.save(tmp_path / "checkpoint.pt", {"step": 1})
    history = history_of([1])
    history.sessions = []
    assert usable_checkpoint(tmp_path, history)[0] is None


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_never_loaded_as_something_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    path = tmp_path_factory.mktemp("checkpoint") / "c.pt"
    checkpoints.save(path, {"step": 7, "weight": torch.arange(5.0)})
    body = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        path.write_bytes(bytes(body[: data.draw(st.integers(0, len(body) - 1))]))
    else:
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(body))
    with pytest.raises(checkpoints.DamagedCheckpoint):
        checkpoints.load(path)


def test_a_checkpoint_that_holds_code_is_not_run(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "pwned"),))

    checkpoints.save(tmp_path / "c.pt", {"x": Evil()})
    with pytest.raises(UserError, match=r"c\.pt"):
        checkpoints.load(tmp_path / "c.pt")
    assert not (tmp_path / "pwned").exists()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path):
    path = tmp_path / "missing" / "c.pt"
    with pytest.raises(UserError, match="cannot write the checkpoint"):
        checkpoints.save(path, {"step": 1})


def test_the_weights_digest_sees_every_weight():
    state, _ = run(tiny(), 1)
    before = digest(state)
    with torch.no_grad():
        state.discriminator.state_dict()["layers.0.weight"][-1, -1, -1, -1] += 1e-6
    assert digest(state) != before
