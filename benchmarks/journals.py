"""Loading finished runs from their journals, against pandas' naive reading of the same lines."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import analysis
from ablations.store import Store
from ablations.store.journal import Journal
from benchmarks.ratio import Ratio, compare
from fakeface.config import TrainingConfig
from fakeface.gan.series import STEP_SERIES

BLOCK = 100
"""Steps in a record, as in a training."""


def bench_loading(runs: int, steps: int, pairs: int) -> Ratio:
    """`analysis.load` and its table of metrics, against `json.loads` and one frame a record."""
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        store.prepare()
        folders = [_finished(store, seed, steps) for seed in range(runs)]

        def ours() -> None:
            rows = len(analysis.load(store.root).metrics)
            assert rows == runs * steps * 10, rows

        def naive() -> None:
            frames = []
            for folder in folders:
                for line in (folder / "journal.jsonl").read_text().splitlines():
                    record = json.loads(line.partition(" ")[2])
                    if record["kind"] == "metrics":
                        frames.append(pd.DataFrame({"step": record["steps"], **record["values"]}))
            rows = len(pd.concat(frames).melt("step"))
            assert rows == runs * steps * 10, rows

        case = f"loading {runs} runs x {steps:,} steps x 10 metrics"
        return compare(case, ours, "json.loads and a frame a record", naive, pairs)


def begin(journal: Journal, seed: int, total_steps: int) -> None:
    """The first records of a job."""
    data = {"name": "noise", "source": "", "digest": "0" * 64, "count": 1, "image_size": 32, "channels": 3}
    journal.append(
        "job", instance=f"bench{seed}", identity=f"{seed:064x}", seed=seed, settings={}, code={}, data=data,
        config=TrainingConfig().model_dump(mode="json"), total_steps=total_steps,
    )  # fmt: skip
    journal.append("named", run="bench", group="bench", profile="", experiment="bench", config={})
    journal.append("session", from_step=0, stack={}, git={})


def _finished(store: Store, seed: int, steps: int) -> Path:
    """The folder of a job with ten metrics at each step."""
    folder = store.jobs / f"bench-s{seed}-{seed:012x}"
    random = np.random.default_rng(seed)
    with Journal(folder / "journal.jsonl") as journal:
        begin(journal, seed, steps)
        for first in range(1, steps + 1, BLOCK):
            block = list(range(first, min(first + BLOCK, steps + 1)))
            values = {
                name: random.normal(size=len(block)).tolist() for name in (*STEP_SERIES, "images_per_second")
            }
            journal.append("metrics", steps=block, values=values)
    return folder
