"""What several tests share: a tiny specification whose jobs take seconds, and commands that run in its folder."""

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fakeface  # noqa: F401 - first, since it sets how OpenMP's threads wait
from ablations.jobs import facts

# One thread a process: the tiny networks gain nothing from more, and tests that start processes do not compete.
os.environ.setdefault("OMP_NUM_THREADS", "1")
facts.FILE = None  # tests replace parts of the code, and what these say must not be remembered

TINY_SPEC = """\
name: tiny
profiles:
  quick:
    seeds: [0]
    data: {name: synthetic, count: 96, image_size: 32}
    network: {width: 4, latent_dim: 8}
    train: {steps: 24, batch_size: 8}
    evaluation: {num_samples: 48, num_reference: 48}
    samples: {num_grids: 8, grid_size: 2}
    checkpoint: {every_steps: 7}
    tracking: {log_model: false}
runs:
  baseline: {}
  weight-init: {extends: baseline, init: dcgan}
  sgd: {extends: baseline, optimizer: sgd}
  both: {extends: [weight-init, sgd]}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: a worker takes whole files, and the last one should be short."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """A command that a test runs in this process sets what would hold for the tests after it."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
    if printing := sys.modules.get("ablations.cli.printing"):
        printing.set_amount(quiet=False, verbose=False)


@pytest.fixture
def tiny_spec(tmp_path: Path) -> Path:
    path = tmp_path / "runs.yaml"
    path.write_text(TINY_SPEC)
    return path


@pytest.fixture
def ablate(tiny_spec: Path):
    """Runs `ablate` in this process, in a folder with the tiny specification."""
    from tests.commands import run_command  # late, since it imports all commands

    return functools.partial(run_command, tiny_spec.parent)
