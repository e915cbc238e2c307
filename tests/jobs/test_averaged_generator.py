"""A job with a moving average of G: its samples, its kept generator and its audit are those of the average."""

from pathlib import Path

import torch

from ablations.store import generator_file
from fakeface.gan import checkpoints


def test_the_kept_generator_is_the_average_and_the_audit_agrees(ablate, tmp_path: Path):
    ablate("run", "--run", "baseline", "--set", "train.ema_decay=0.5", "--no-mirror", "--threads", "1")
    (folder,) = (tmp_path / "results" / "jobs").iterdir()
    end = checkpoints.load(folder / "checkpoint.pt")
    kept = checkpoints.load(generator_file(folder, 24))["generator"]
    assert all(torch.equal(tensor, end["average"][name]) for name, tensor in kept.items())
    assert not all(torch.equal(tensor, end["generator"][name]) for name, tensor in kept.items())
    ablate("audit", "baseline", "--set", "train.ema_decay=0.5", "--threads", "1")
