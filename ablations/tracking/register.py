"""The best generator of a group as a registered model, which MLflow loads and serves by its name."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ablations.store import Store
from ablations.store.journal import Record
from ablations.tracking import server, shipped
from ablations.tracking.content import allowed_name
from ablations.tracking.model import FAILED
from ablations.tracking.refusals import in_words
from ablations.tracking.views import Group, ShownRun, groups_of
from fakeface.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "best"


@dataclass(frozen=True)
class Registered:
    """A version of a registered model."""

    uri: str
    """`models:/<name>@best`."""
    version: str
    group: str
    run: str
    metric: str
    distance: float


def register_best(store: Store, uri: str, name: str) -> Registered:
    """Register the generator with the lowest distance in the newest group, with the alias `best`.

    Compares runs whose distance has the protocol and the data of the group's newest one. A generator that is registered
    under the name already keeps its version.

    Raises:
        UserError: no run has both a generator in MLflow and a distance, or MLflow refuses.
    """
    noted = {one.run_id: one for one in shipped.runs(store, uri).values()}
    with server.settings():
        try:
            client = server.connect(uri)
            for group in groups_of(map(ShownRun.of, noted.values())):
                found = list(_candidates(client, group, noted))
                if found:
                    distance, run, metric = min(found, key=lambda one: one[0])
                    version = _version_of(client, name, run.id, noted[run.id].model)
                    client.set_registered_model_alias(name, ALIAS, version)
                    run_name = f"{run.run}-s{run.seed}"
                    return Registered(
                        f"models:/{name}@{ALIAS}", version, group.title, run_name, metric, distance
                    )
        except Exception as error:  # of MLflow, the network or the database
            raise UserError(f"{name}: cannot be registered: {in_words(error, uri)}") from error
    raise UserError(
        f"{name}: nothing to register: no run has both a generator in MLflow (tracking.log_model) and a distance"
    )


def _candidates(
    client: "MlflowClient", group: Group, noted: dict[str, shipped.Shipped]
) -> Iterator[tuple[float, ShownRun, str]]:
    """Distance, run and metric of the runs with a generator, as far as they compare with the newest."""
    ready = [run for run in group.current if _has_model(noted[run.id]) and noted[run.id].facts.final]
    if not ready:
        return
    newest = _protocol(noted[max(ready, key=lambda run: run.begun).id])
    for run in ready:
        final: Record = noted[run.id].facts.final
        value = client.get_run(run.id).data.metrics.get(allowed_name(final["metric"]), math.nan)
        if _protocol(noted[run.id]) == newest and math.isfinite(value):
            yield value, run, final["metric"]


def _has_model(one: shipped.Shipped) -> bool:
    return bool(one.model) and not one.model.startswith(FAILED)


def _protocol(one: shipped.Shipped) -> tuple[object, ...]:
    return one.facts.final["metric"], one.facts.final["protocol"], one.facts.job.get("data", {}).get("digest")


def _version_of(client: "MlflowClient", name: str, run_id: str, model_id: str) -> str:
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it exists
        client.create_registered_model(name)
    known = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if known:
        return str(known[0].version)
    source = client.get_logged_model(model_id).artifact_location
    return str(client.create_model_version(name, source, run_id=run_id, model_id=model_id).version)
