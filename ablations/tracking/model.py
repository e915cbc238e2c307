"""The trained generator as an MLflow model: exported (pt2), no pickle, generates images when loaded back."""

import importlib.metadata
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.code.reached import changed_since
from ablations.store import Outside, file_in
from ablations.tracking.content import Facts, run_name
from ablations.tracking.refusals import in_words
from fakeface.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from torch import nn

FAILED = "failed: "
"""Prefix of the reason that is noted in place of a model's id."""


def log_generator(client: "MlflowClient", experiment: str, run_id: str, folder: Path, facts: Facts) -> str:
    """Log the generator once. Returns the model's id, or `failed: ` and a reason that a retry would not change.

    Completes a model that a kill left unfinished, under its id. Raises MLflow's errors.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    check_network(facts.job)
    outcome = facts.outcome or {}
    model = _find_or_create(client, experiment, run_id, folder, facts)
    if model.status == LoggedModelStatus.READY:
        return str(model.model_id)
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary) / "model"
        try:
            _export(file_in(folder, outcome["generator"]), facts.job["config"], local, model, run_id)
        except Exception as error:  # torch.export has no error class of its own
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | Outside):
                raise  # a full disk, for example, may have space the next time
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            return FAILED + in_words(error)
        client.log_model_artifacts(model.model_id, str(local))
    outputs = client.get_run(run_id).outputs
    if model.model_id not in [o.model_id for o in (outputs.model_outputs if outputs else [])]:
        step = int(outcome.get("steps") or 0)
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=step)])
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    return str(model.model_id)


def check_network(job: Mapping[str, Any]) -> None:
    """Check that the network of a `job` record is the one that was trained.

    Raises:
        UserError: it is in a user's file that this process did not load, or its code has changed since: other code
            might take the same weights and generate other images.
    """
    from fakeface.gan.networks import NETWORKS

    name = job["config"]["network"]["name"]
    if name not in NETWORKS:
        words = f"its network {name!r} is in no module that this command imports"
        raise UserError(f"{words}; `ablate sync --spec PATH` loads those of a specification")
    if changes := changed_since(NETWORKS.definition(name), job["code"]):
        words = f"its network {name!r} is not the one that was trained ({'; '.join(changes)})"
        raise UserError(f"{words}; `ablate sync` exports it once that code is back")


def load_generator(path: Path, config: dict[str, Any]) -> "nn.Module":
    """The generator of a weights file, built from its training config, in evaluation mode, on the CPU.

    Raises FileNotFoundError, `checkpoints.DamagedCheckpoint`, or pydantic's error for unknown settings.
    """
    from fakeface.config import TrainingConfig
    from fakeface.gan import checkpoints
    from fakeface.gan.networks import NETWORKS

    payload = checkpoints.load(path)
    settings = TrainingConfig.model_validate(config)
    generator: nn.Module = NETWORKS.build(settings.network.name, settings.network.options, settings).generator
    generator.load_state_dict(payload["generator"])
    return generator.eval()


def _find_or_create(
    client: "MlflowClient", experiment: str, run_id: str, folder: Path, facts: Facts
) -> "LoggedModel":
    found = client.search_logged_models([experiment], f"source_run_id = '{run_id}'")
    if found:
        return found[0]
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", f"generator-{run_name(facts, folder.name)}").strip("_")
    tags = {"weights_sha256": str((facts.outcome or {}).get("weights_sha256", ""))}
    return client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=tags)


def _export(weights: Path, config: dict[str, Any], local: Path, model: "LoggedModel", run_id: str) -> None:
    """Write the model's folder. The example has two latent vectors, since a batch of one would become fixed."""
    import mlflow.pytorch
    import numpy as np
    from mlflow.models import Model

    latent_dim = config["network"]["latent_dim"]
    mlflow.pytorch.save_model(
        load_generator(weights, config),
        str(local),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            run_id=run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        ),
        input_example=np.zeros((2, latent_dim), dtype=np.float32),
        serialization_format="pt2",
        pip_requirements=[f"{name}=={_public_version(name)}" for name in ("torch", "numpy")],
    )


def _public_version(package: str) -> str:
    return importlib.metadata.version(package).partition("+")[0]
