"""Small jobs as training leaves them, written with the product's own records, and what MLflow holds of them."""

import functools
import math
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ablations.code.reached import code_digests
from ablations.jobs.checkout import store_diff
from ablations.jobs.components import resolved_settings
from ablations.jobs.machine import stack
from ablations.jobs.outcome import outcome_fields
from ablations.jobs.plan import Job as PlannedJob
from ablations.jobs.plan import Protocol
from ablations.jobs.session import job_record
from ablations.spec import RunConfig
from ablations.spec.models import TrackingConfig
from ablations.store import Store, history, journal
from ablations.store.journal import Journal
from ablations.tracking import run_ids, server, shipped
from ablations.tracking.content import Facts, allowed_name
from fakeface.data import ImageSet
from fakeface.gan import checkpoints
from fakeface.gan.networks import NETWORKS
from fakeface.gan.networks.dcgan import Generator
from fakeface.gan.series import (
    ACCURACY_FAKE,
    ACCURACY_REAL,
    D_G_Z_BEFORE,
    D_X,
    IMAGES_PER_SECOND,
    LOSS_D,
    LOSS_G,
    UPDATE_RATIO,
)  # fmt: skip
from fakeface.images import save_png
from fakeface.outcomes import Exit
from fakeface.scores import ScoreKind

if TYPE_CHECKING:
    from mlflow.entities import Run

STEPS = 30
IMAGE_STEPS = (1, 2, 4, 8, 12, 16, 23, 30)
VALUES: dict[str, Callable[[int], float]] = {
    LOSS_D: lambda step: math.exp(-step / 10),
    LOSS_G: lambda step: 1 + math.exp(-step / 10),
    D_X: lambda step: 0.6 + step / 1_000,
    D_G_Z_BEFORE: lambda step: 0.4 - step / 1_000,
    **dict.fromkeys((ACCURACY_REAL, ACCURACY_FAKE), lambda _: 0.7),
    **dict.fromkeys(UPDATE_RATIO.values(), lambda _: 2e-3),
    IMAGES_PER_SECOND: lambda step: 500.0 + step,
    "system/cpu_utilization_percentage": lambda step: 50.0 + step,
}
"""Each metric of a job, and its value at a step."""
METRIC = "fd_efficientnet_lite0"
POINTS = len(VALUES) * STEPS + len(IMAGE_STEPS) + 4
"""Metric values of a whole job, with its diagnoses, three scores along the run and one at its end."""
EXPERIMENT = "report"
CONFIG = RunConfig.model_validate(
    {
        "data": {"image_size": 32, "channels": 1},
        "network": {"latent_dim": 8, "width": 4},
        "train": {"steps": STEPS},
    }
)
NETWORK_CODE = code_digests([NETWORKS.definition(CONFIG.network.name)])
IMAGES = ImageSet(np.zeros((96, 32, 32, 1), np.uint8), "d" * 64, "synthetic", "rendered", ())
GIT = {"commit": "a" * 40, "dirty": True, "diff": "--- a\n+++ b\n"}
Row = tuple[str, int, int, float]
"""Metric, step, time, value; NaN as None would compare, so it is the string "nan"."""


class Job:
    """Writes one job's folder, record by record. `identity`: makes it another training than its run and seed do."""

    def __init__(
        self, store: Store, run: str = "baseline", seed: int = 0, *,
        identity: str = "", log_model: bool = False, **named: Any,
    ) -> None:  # fmt: skip
        named = {"group": "report", "profile": "quick", "experiment": EXPERIMENT} | named
        self.planned = PlannedJob(
            run=run,
            seed=seed,
            config=CONFIG.model_copy(update={"tracking": TrackingConfig(log_model=log_model)}),
            data_digest=IMAGES.digest,
            resolved=resolved_settings(CONFIG.training(), len(IMAGES.images)),
            code={**NETWORK_CODE, "fakeface/gan/step.py:gan_step": identity or run},
            protocols={
                ScoreKind.FINAL: Protocol({"metric": METRIC, "num_samples": 48}, "p" * 64),
                ScoreKind.CURVE: Protocol({"metric": f"{METRIC}_n16", "num_samples": 16}, "c" * 64),
            },
            **named,
        )
        self.folder = store.folder_for(run, seed, self.planned.identity)
        self.journal = Journal(self.folder / "journal.jsonl")
        self.journal.append("job", **job_record(self.planned, IMAGES, STEPS))
        self.name()

    def name(self, **fields: Any) -> None:
        """A plan names the job."""
        named = replace(self.planned, **fields).naming()
        self.journal.append("named", **named, description=f"How {named['run']} fares.")

    def session(self, from_step: int = 0) -> None:
        """A process begins."""
        git = store_diff(GIT, self.folder)
        self.journal.append("session", from_step=from_step, stack=stack(torch.device("cpu")), git=git)

    def steps(self, first: int, last: int, *, level: float = 1.0) -> None:
        """One block of steps, first to last inclusive, with its grids."""
        steps = list(range(first, last + 1))
        values = {name: [level * value(step) for step in steps] for name, value in VALUES.items()}
        self.journal.append("metrics", steps=steps, values=values)
        for step in IMAGE_STEPS:
            if first <= step <= last:
                self.image(step)

    def image(self, step: int) -> None:
        """A grid, brighter with each step, and its diagnosis."""
        file = self.folder / "samples" / f"{step:06d}.png"
        file.parent.mkdir(exist_ok=True)
        save_png(file, np.random.default_rng(step).integers(0, 8 * step + 8, (66, 130, 3), dtype=np.uint8))
        self.journal.append("image", key="samples", step=step, file=f"samples/{file.name}", sha256="f" * 64)
        values = {"spectrum_distance": 1 / step}
        self.journal.append("diagnosis", step=step, label="noise", evidence="flat", values=values)

    def evaluate(self, step: int, distance: float | None = None) -> None:
        """A score, along the run or at its end."""
        for kind, protocol in self.planned.protocols.items():
            if kind is ScoreKind.CURVE or step == STEPS:
                values = {protocol.details["metric"]: 4_000.0 - step if distance is None else distance}
                self.journal.append(kind, step=step, values=values, **protocol.record())

    def outcome(self, exit_: str = Exit.FINISHED, *, generator: bool = True, traceback: str = "") -> None:
        """The job ends."""
        past = history.load(self.journal.path)
        fields = outcome_fields(past, exit_, evidence="as told", steps=STEPS, traceback=traceback)
        fields["weights_sha256"] = "e" * 64
        if generator:
            torch.manual_seed(self.planned.seed)
            network = Generator(image_size=32, latent_dim=8, width=4, channels=1)
            fields["generator"] = "generator-000030.pt"
            payload = {"generator": network.state_dict(), "step": STEPS}
            checkpoints.save(self.folder / "generator-000030.pt", payload)
        self.journal.append("outcome", **fields)

    def whole(self, exit_: str = Exit.FINISHED, *, level: float = 1.0, **fields: Any) -> "Job":
        """A job from its session to its outcome."""
        self.session()
        for first in (1, 11, 21):
            self.steps(first, first + 9, level=level)
            self.evaluate(first + 9)
        self.outcome(exit_, **fields)
        return self


@functools.cache
def _schema() -> bytes:
    """A database as `prepare` creates it, in some ten seconds: once for all tests."""
    with tempfile.TemporaryDirectory() as root:
        store = Store(Path(root))
        server.prepare(store, store.tracking_uri)
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
    for record in past.evaluations + past.curve + past.diagnoses:
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


def run_id_of(store: Store, job: Job, uri: str | None = None) -> str:
    """Of the job's run, at the store's own URI unless another is given."""
    return run_ids(store, uri or store.tracking_uri)[job.folder.name]


def run_of(store: Store, job: Job, uri: str | None = None) -> "Run":
    """The job's run in MLflow."""
    return server.connect(uri or store.tracking_uri).get_run(run_id_of(store, job, uri))


def note_as_shipped(store: Store, uri: str, job: Job) -> str:
    """Note that the job has a run, without a server. Returns the run's id."""
    facts = Facts()
    for record in journal.read(job.journal.path).records:
        facts.apply(record)
    noted = shipped.Shipped(experiment_id="1", run_id=uuid.uuid4().hex, facts=facts)
    shipped.save(store, uri, job.folder.name, noted)
    return noted.run_id


def check_mirrored(store: Store, job: Job, uri: str | None = None) -> None:
    """The mirror holds exactly the journal's points and images."""
    run_id = run_id_of(store, job, uri)
    uri = uri or store.tracking_uri
    assert mirror_rows(uri, run_id) == journal_rows(job.folder)
    images = history.load(job.journal.path).images
    assert image_steps(uri, run_id) == sorted(record["step"] for record in images)


def _comparable(value: float) -> Any:
    return "nan" if math.isnan(value) else value
