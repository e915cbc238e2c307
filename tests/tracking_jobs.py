"""Small jobs as training leaves them, written by hand, and what MLflow holds of them, read back."""

import functools
import math
import shutil
import sqlite3
import tempfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ablations.store import Store, history
from ablations.store.journal import Journal
from ablations.tracking import prepare, run_ids, server
from ablations.tracking.content import allowed_name
from fakeface.config import EvaluationConfig, TrainingConfig
from fakeface.gan import checkpoints
from fakeface.gan.networks import Generator

STEPS = 30
IMAGE_STEPS = (1, 2, 4, 8, 12, 16, 23, 30)
LOSSES = (
    "Loss_D",
    "Loss_G",
    "D(x)",
    "D(G(z))_before",
    "images_per_second",
    "system/cpu_utilization_percentage",
)
EXPERIMENT = "report"
TRAINING = TrainingConfig.model_validate(
    {
        "data": {"image_size": 32, "channels": 1},
        "network": {"latent_dim": 8, "width": 4},
        "train": {"steps": STEPS},
    }
)
Row = tuple[str, int, int, float]
"""Metric, step, time, value; NaN as None would compare, so it is the string "nan"."""


class Job:
    """Writes one job's folder, record by record. `identity`: where it is not run and seed that decide it."""

    def __init__(self, store: Store, run: str = "baseline", seed: int = 0, **named: Any) -> None:
        self.run, self.seed = run, seed
        text = named.pop("identity", f"{run}{seed}")
        self.identity = (text.encode().hex() + "0" * 64)[:64]
        self.folder = store.folder_for(run, seed, self.identity)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.folder / "journal.jsonl")
        self.config = TRAINING.model_dump(mode="json") | {
            "evaluation": EvaluationConfig().model_dump(mode="json"),
            "tracking": {"log_model": named.pop("log_model", False)},
        }
        self.named = {"run": run, "group": "report", "profile": "quick", "experiment": EXPERIMENT} | named
        self._begin()

    def _begin(self) -> None:
        data = {"name": "synthetic", "source": "rendered", "digest": "d" * 64, "count": 20_000}
        self.journal.append(
            "job",
            instance=uuid.uuid4().hex,
            identity=self.identity,
            seed=self.seed,
            settings={"train.steps": STEPS},
            data=data | {"image_size": 32, "channels": 1},
            code={"fakeface/training.py:gan_step": "c" * 64},
            config=TRAINING.model_dump(mode="json"),
            total_steps=STEPS,
        )
        self.name(**self.named)

    def name(self, **fields: Any) -> None:
        """A plan asks for the job."""
        self.journal.append("named", config=self.config, **(self.named | fields))

    def session(self, from_step: int = 0, *, dirty: bool = True) -> None:
        """A process begins."""
        if dirty:
            (self.folder / "git.diff").write_text("--- a\n+++ b\n")
        git = {"commit": "a" * 40, "dirty": dirty, "diff": "git.diff" if dirty else None}
        stack = {"python": "3.11.2", "torch": torch.__version__}
        fields = {"from_step": from_step, "pid": 1, "device": "cpu", "threads": 2, "stack": stack, "git": git}
        self.journal.append("session", **fields)

    def steps(self, first: int, last: int, *, level: float = 1.0) -> None:
        """One block of steps, first to last inclusive, with its grids."""
        numbers = list(range(first, last + 1))
        values = {name: [level * math.exp(-k / 10) + i for k in numbers] for i, name in enumerate(LOSSES)}
        self.journal.append("metrics", steps=numbers, values=values)
        for step in IMAGE_STEPS:
            if first <= step <= last:
                self.image(step)

    def image(self, step: int) -> None:
        """A grid in which the step can be told: brighter with each."""
        file = self.folder / "samples" / f"{step:06d}.png"
        file.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(step).integers(0, 8 * step + 8, (66, 130, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
        self.journal.append("image", key="samples", step=step, file=f"samples/{file.name}")
        self.journal.append(
            "diagnosis", step=step, label="noise", evidence="flat", values={"spectrum_distance": 1 / step}
        )

    def evaluate(self, step: int, score: float = 4_000.0) -> None:
        values = {"fd_efficientnet_lite0": score - step}
        self.journal.append(
            "evaluation", step=step, protocol="p" * 64, metric="fd_efficientnet_lite0", values=values
        )

    def outcome(self, exit: str = "finished", *, generator: bool = True, **fields: Any) -> None:
        """The job ends."""
        if generator:
            torch.manual_seed(self.seed)
            network = Generator(image_size=32, latent_dim=8, width=4, channels=1)
            checkpoints.save(
                self.folder / "generator-000030.pt", {"generator": network.state_dict(), "step": STEPS}
            )
            fields["generator"] = "generator-000030.pt"
        self.journal.append(
            "outcome",
            exit=exit,
            samples="noise",
            dynamics="balanced",
            onset={"samples": 4},
            evidence={"samples": "a flat spectrum"},
            steps=STEPS,
            weights_sha256="e" * 64,
            **fields,
        )

    def whole(self, exit: str = "finished", *, level: float = 1.0, **fields: Any) -> "Job":
        """A job from its session to its outcome."""
        self.session()
        for first in (1, 11, 21):
            self.steps(first, first + 9, level=level)
            self.evaluate(first + 9)
        self.outcome(exit, **fields)
        return self


@functools.cache
def _schema() -> bytes:
    """A database as `prepare` makes it: some ten seconds, so once for all tests."""
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        prepare(store, store.tracking_uri)
        return (store.root / "mlflow.db").read_bytes()


def new_store(root: Path) -> Store:
    """An empty store whose mirror has its schema."""
    store = Store(root)
    store.prepare()
    (store.root / "mlflow.db").write_bytes(_schema())
    return store


def wipe_mirror(store: Store) -> None:
    """Delete the database and all files of MLflow's, as a user might."""
    for path in store.root.glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(store.artifacts)


def journal_rows(folder: Path, *, times: bool = True) -> list[Row]:
    """Every value that a journal's history holds, sorted, under the names that MLflow shows."""
    past = history.load(folder / "journal.jsonl")
    rows = [
        (name, step, time, value)
        for name, series in past.series.items()
        for step, time, value in zip(series.steps, series.times, series.values, strict=True)
    ]
    for record in past.evaluations + past.diagnoses:
        rows += [(name, record["step"], record["time"], value) for name, value in record["values"].items()]
    return sorted((allowed_name(n), s, t if times else 0, _comparable(v)) for n, s, t, v in rows)


def mirror_rows(uri: str, run_id: str) -> list[Row]:
    """Every metric row of a run, doubles included, sorted. Through the client for a server, else by SQL."""
    path = server.database(uri)
    if path is None:
        client = server.connect(uri)
        keys = client.get_run(run_id).data.metrics
        found = [m for key in keys for m in client.get_metric_history(run_id, key)]
        rows = [(m.key, m.step, m.timestamp, float(m.value)) for m in found]
    else:
        connection = sqlite3.connect(path)
        query = "select key, step, timestamp, value, is_nan from metrics where run_uuid = ?"
        rows = [
            (key, step, time, math.nan if is_nan else value)
            for key, step, time, value, is_nan in connection.execute(query, [run_id])
        ]
        connection.close()
    return sorted((n, s, t, _comparable(v)) for n, s, t, v in rows)


def image_steps(uri: str, run_id: str) -> list[int]:
    """The steps of a run's full-size grids, doubles included, sorted."""
    files = [info.path for info in server.connect(uri).list_artifacts(run_id, "images")]
    return sorted(int(file.split("+")[2]) for file in files if file.endswith(".png"))


def run_of(store: Store, uri: str, job: Job) -> str:
    return run_ids(store, uri)[job.folder.name]


def check_mirrored(store: Store, uri: str, job: Job) -> None:
    """The mirror holds exactly the journal's points and images."""
    run_id = run_of(store, uri, job)
    assert mirror_rows(uri, run_id) == journal_rows(job.folder)
    images = history.load(job.folder / "journal.jsonl").images
    assert image_steps(uri, run_id) == sorted(record["step"] for record in images)


def _comparable(value: float) -> Any:
    return "nan" if math.isnan(value) else value
