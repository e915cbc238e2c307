"""A run's files: sample grids for the page's step slider, diff, loss curve, traceback, data set."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.store import file_in
from ablations.store.history import History
from ablations.store.journal import Record
from ablations.tracking.content import MAX_DIGEST_CHARS
from fakeface.declaration import Declaration
from fakeface.gan.series import LOSS_D, LOSS_G

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from PIL.Image import Image


class Unreadable(Exception):
    """A file that the journal names is missing or damaged. The message says which, and why."""


def log_image(client: "MlflowClient", run_id: str, folder: Path, record: Record, sent: set[str]) -> None:
    """Log one grid, once. `sent`: names of the image files that the run holds.

    MLflow gives each image a random name, and a kill can leave half a pair (png, webp) or half a file. Files that
    exist are therefore written again under their names. Raises Unreadable, and MLflow's errors.
    """
    from PIL import Image

    try:
        with Image.open(file_in(folder, record["file"])) as image:
            image.load()
    except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three for damaged files
        raise Unreadable(f"{folder / record['file']}: {error}") from error
    name = image_name(record, sent)
    if name is None:
        key, step, time = record["key"], record["step"], record["time"]
        client.log_image(run_id, image, key=key, step=step, timestamp=time, synchronous=True)
    else:
        _log_image_again(client, run_id, image, name)


def _log_image_again(client: "MlflowClient", run_id: str, image: "Image", name: str) -> None:
    from mlflow.tracking.multimedia import compress_image_size

    with tempfile.TemporaryDirectory() as temporary:
        full = Path(temporary) / name
        small = Path(temporary) / f"{name.removesuffix('.png')}+compressed.webp"
        image.save(full)
        compress_image_size(image).save(small)
        for path in (full, small):
            client.log_artifact(run_id, str(path), "images")
    client.set_tag(run_id, "mlflow.loggedImages", "True", synchronous=True)


def image_names(client: "MlflowClient", run_id: str) -> set[str]:
    """Names of the image files that a run holds.

    `client.list_artifacts` also looks for models in the folder, which a server older than those refuses.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    place = client.get_run(run_id).info.artifact_uri
    return {
        Path(i.path).name
        for i in get_artifact_repository(place, client.tracking_uri).list_artifacts("images")
    }


def image_name(record: Record, names: set[str]) -> str | None:
    """The name, among those of a run's image files, of the grid in a journal record; None if it is not there."""
    prefix = f"{record['key'].replace('/', '~')}+step+{record['step']}+timestamp+{record['time']}+"
    return next((name for name in sorted(names) if name.startswith(prefix) and name.endswith(".png")), None)


def log_dataset(client: "MlflowClient", run_id: str, data: dict[str, Any]) -> None:
    """Log the training images as the run's dataset input. Logging them again changes nothing."""
    import numpy as np
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types.schema import Schema, TensorSpec

    size, channels = data["image_size"], data["channels"]
    source = CodeDatasetSource({"mlflow.source.name": str(data["source"])})
    schema = Schema([TensorSpec(np.dtype("uint8"), (-1, size, size, channels), name="images")])
    digest = str(data["digest"])[:MAX_DIGEST_CHARS]
    described = MetaDataset(source, str(data["name"]), digest, schema).to_dict()  # type: ignore[abstract]
    described["profile"] = json.dumps({"num_rows": data["count"]})
    tags = [InputTag("mlflow.data.context", "training")]
    client.log_inputs(run_id, [DatasetInput(dataset=Dataset(**described), tags=tags)])


def log_diff(client: "MlflowClient", run_id: str, folder: Path, session: Record) -> None:
    """Log the uncommitted changes, if there were any. Raises Unreadable, and MLflow's errors."""
    diff = (session.get("git") or {}).get("diff")
    if diff:
        client.log_text(run_id, _read(folder, diff).decode(errors="replace"), "git.diff")


def log_ending(client: "MlflowClient", run_id: str, history: History) -> None:
    """Log the traceback, the loss curve and the last grid. Raises Unreadable, and MLflow's errors."""
    outcome = history.outcome or {}
    if outcome.get("traceback"):
        client.log_text(run_id, outcome["traceback"], "traceback.txt")
    if LOSS_D in history.series:
        client.log_figure(run_id, loss_curve(history), "loss_curve.png")
    grids = [record for record in history.images if record["key"] == "samples"]
    if grids:
        last = max(grids, key=lambda record: int(record["step"]))
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / "final_grid.png"
            copy.write_bytes(_read(history.folder, last["file"]))
            client.log_artifact(run_id, str(copy))


def loss_curve(history: History) -> "Figure":
    """Both losses over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in (LOSS_D, LOSS_G):
        if name in history.series:
            axes.plot(history.series[name].steps, history.series[name].values, label=name, linewidth=1)
    axes.set(xlabel="step", ylabel=Declaration.of(history.job).with_unit("loss"), title=history.folder.name)
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


def _read(folder: Path, name: str) -> bytes:
    try:
        return file_in(folder, name).read_bytes()
    except OSError as error:
        raise Unreadable(f"{folder / name}: {error.strerror}") from error
