"""Checkpoints: exact, atomic, and never trusted when damaged."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ablations.jobs.kept import keep, kept_weights
from ablations.jobs.resuming import checkpoint_files, usable_checkpoint
from ablations.store import generator_file, kept_steps
from ablations.store.history import History, Series
from fakeface.errors import UserError
from fakeface.gan import checkpoints
from tests.gan.test_training import digest, run, tiny


def history_of(steps: list[int]) -> History:
    """A journal that one session wrote, with a loss at each of some steps."""
    history = History(Path("journal.jsonl"), sessions=[{"stack": {}}])
    history.series["Loss_D"] = Series(steps, [0.0] * len(steps), [0] * len(steps))
    return history


def state(step: int, **more: object) -> dict:
    return {**dict.fromkeys(checkpoints.STATE), "step": step, **more}


def test_the_one_before_is_kept_and_used_when_the_newest_is_damaged(tmp_path: Path):
    for step in (1, 2):
        checkpoints.save(tmp_path / "checkpoint.pt", state(step))
    os.truncate(tmp_path / "checkpoint.pt", (tmp_path / "checkpoint.pt").stat().st_size - 1)
    payload, problems = usable_checkpoint(tmp_path, history_of([1, 2]))
    assert payload == state(1)
    assert len(problems) == 1
    assert "checkpoint.pt: damaged" in problems[0]


def test_without_a_whole_one_there_is_none(tmp_path: Path):
    assert usable_checkpoint(tmp_path, history_of([1])) == (None, [])


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path):
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(path, state(1))
    path.rename(checkpoints.previous_of(path))
    assert usable_checkpoint(tmp_path, history_of([1]))[0] == state(1)


@pytest.mark.parametrize("steps", [[], [1], [1, 3, 4], [2, 3, 4]], ids=str)
def test_a_checkpoint_ahead_of_the_journal_is_not_used(tmp_path: Path, steps: list[int]):
    checkpoints.save(tmp_path / "checkpoint.pt", state(4))
    payload, problems = usable_checkpoint(tmp_path, history_of(steps))
    assert payload is None
    assert "ahead of the journal" in problems[0]


def test_a_checkpoint_of_an_unknown_stack_is_not_used(tmp_path: Path):
    checkpoints.save(tmp_path / "checkpoint.pt", state(1))
    history = history_of([1])
    history.sessions = []
    assert usable_checkpoint(tmp_path, history)[0] is None


OTHERS = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a generator": lambda path: checkpoints.save(path, {"step": 2, "generator": {}}),
    "a tensor": lambda path: checkpoints.save(path, torch.zeros(1)),  # type: ignore[arg-type]
    "another training": lambda path: checkpoints.save(path, state(2, identity="b")),
}
"""What may have a checkpoint's name."""


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_no_checkpoint_of_this_training_is_not_used(tmp_path: Path, other: str):
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(checkpoints.previous_of(path), state(1, identity="a"))
    OTHERS[other](path)
    history = history_of([1, 2])
    history.job = {"identity": "a"}
    payload, problems = usable_checkpoint(tmp_path, history)
    assert payload == state(1, identity="a")
    assert len(problems) == 1 and str(path) in problems[0]


def test_only_regular_files_of_the_name_are_checkpoints(tmp_path: Path):
    checkpoints.save(tmp_path / "checkpoint.pt", state(1))
    checkpoints.save(tmp_path / "checkpoint-copy.pt", state(1))
    checkpoints.previous_of(tmp_path / "checkpoint.pt").mkdir()
    assert checkpoint_files(tmp_path) == [tmp_path / "checkpoint.pt"]


def test_a_folder_in_the_place_of_a_checkpoint_is_not_moved(tmp_path: Path):
    (tmp_path / "checkpoint.pt").mkdir()
    with pytest.raises(UserError, match="a folder or device is in the place"):
        checkpoints.save(tmp_path / "checkpoint.pt", state(1))
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_only_files_with_the_name_and_contents_of_a_kept_generator_count(tmp_path: Path):
    network = torch.nn.Linear(2, 1)
    for step in (12, 24):
        keep(tmp_path, step, network, "a")
    (tmp_path / "generator-000024-2.pt").write_bytes(b"a copy")
    (tmp_path / "generator-000036.pt").mkdir()
    assert kept_steps(tmp_path) == [12, 24]
    assert torch.equal(kept_weights(tmp_path, 24, network, "a")["weight"], network.weight)
    for like, identity in ((torch.nn.Linear(3, 1), "a"), (network, "b")):
        with pytest.raises(checkpoints.DamagedCheckpoint, match="not this job's generator at step 24"):
            kept_weights(tmp_path, 24, like, identity)
    generator_file(tmp_path, 12).replace(generator_file(tmp_path, 24))
    with pytest.raises(checkpoints.DamagedCheckpoint, match="not this job's generator at step 24"):
        kept_weights(tmp_path, 24, network, "a")


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


@pytest.mark.parametrize("left", [0, 1])
def test_a_checkpoint_is_restored_where_gpus_are_gone(monkeypatch: pytest.MonkeyPatch, left: int):
    trained, _ = run(tiny(), 1)
    states = [torch.zeros(4), torch.ones(4)]
    restored = {}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: left)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: restored.update({device: state}))
    checkpoints.restore(trained, checkpoints.capture(trained) | {"rng_cuda": states})
    assert restored == dict(enumerate(states[:left]))


def test_the_weights_digest_sees_every_weight():
    state, _ = run(tiny(), 1)
    before = digest(state)
    with torch.no_grad():
        state.discriminator.state_dict()["layers.0.weight"][-1, -1, -1, -1] += 1e-6
    assert digest(state) != before
