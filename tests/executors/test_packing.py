"""Several jobs on one GPU: how many its memory holds, and what happens when it does not."""

import pytest

from ablations.executors._packing import Packing
from ablations.store import Store
from tests.conftest import TINY_SPEC
from tests.processes import ablate

ALONE = """
import fcntl
from pathlib import Path

import torch

from fakeface.gan.optimizers import OPTIMIZERS

MEMORY = Path(__file__).with_name("memory").open("a")


class Hungry(torch.optim.SGD):
    def step(self, closure=None):
        try:
            fcntl.flock(MEMORY, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.") from None
        return super().step(closure)


@OPTIMIZERS.register("hungry")
def hungry(parameters, *, lr):
    return Hungry(parameters, lr=lr)
"""
"""The memory of a device that one process at a time can have."""


def test_a_gpu_has_one_job_until_one_has_reported_its_memory_and_then_as_many_as_fit():
    packing = Packing({"cuda:0": 80_000.0, "cuda:1": 10_000.0})
    assert packing.fits("cuda:0") == 1
    packing.measured(2_000.0)
    assert packing.fits("cuda:0") == 26, "each takes 1.2 times 2,000 MB and 600 MB for its process"
    packing.measured(1_000.0)
    assert packing.fits("cuda:0") == 26, "the largest counts"
    packing.measured(30_000.0)
    assert (packing.fits("cuda:0"), packing.fits("cuda:1")) == (2, 1)


def test_a_gpu_whose_memory_ran_out_takes_fewer_and_no_other_one_does():
    packing = Packing({"cuda:0": 80_000.0, "cuda:1": 80_000.0})
    packing.ran_out("cuda:0", 4)
    assert (packing.limit("cuda:0"), packing.limit("cuda:1")) == (3, None)
    packing.ran_out("cuda:0", 4)  # another of the four
    assert packing.limit("cuda:0") == 3
    packing.ran_out("cuda:0", 1)
    assert packing.limit("cuda:0") == 1


@pytest.mark.slow
def test_jobs_that_do_not_fit_side_by_side_are_run_one_after_the_other(tmp_path):
    (tmp_path / "hungry.py").write_text(ALONE)
    (tmp_path / "runs.yaml").write_text(f"imports: [hungry.py]\n{TINY_SPEC}")
    where = ("--run", "baseline", "--seeds", "0,1", "--no-mirror", "--set", "optimizer.name=hungry")
    ablate(tmp_path, "run", *where, "--executor", "local", "--jobs", "2")
    histories = [
        Store(tmp_path / "results").history(folder) for folder in Store(tmp_path / "results").job_folders()
    ]
    assert [history.outcome["exit"] for history in histories] == ["finished", "finished"]
    assert sorted(len(history.sessions) for history in histories) == [1, 2], "one began again"
