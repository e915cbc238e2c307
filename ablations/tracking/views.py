"""What MLflow's page shows of an experiment at once: saved views of its groups, and a description that links to them.

Without a view, the charts show ten runs, every metric by its name, and a table without outcomes. A view is a tag of the
experiment, in the format of the page's own "Save as new view". It selects runs by their tags, so runs that begin later
are in it too.
"""

import base64
import hashlib
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ablations.store import Store
from ablations.tracking import content
from ablations.tracking.content import SUPERSEDED, allowed_name
from ablations.tracking.shipped import Shipped
from fakeface.files import regular_file, whole_file
from fakeface.gan.series import LOSS_D, LOSS_G
from fakeface.scores import ScoreKind

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "mlflow.sharedViewState."
"""Prefix of the tags in which MLflow's page keeps views."""
DESCRIPTION = "mlflow.note.content"
MAX_CHARS = 5_000
"""Of a tag's value, in MLflow's databases."""
MAX_CHANGED = 4
"""Settings that differ between a view's runs and are columns of its table."""
_NOT_SETTINGS = ("seed", "total_steps", "tracking.", "evaluation.")
_WIDTHS = {"1": 82, "attributes.`Run Name`": 170, "runDateAndNestInfo": 120, "duration": 80}
"""Of the page's own columns. With 85 for each other one, outcome, distance and losses fit 1,280 pixels."""


@dataclass(frozen=True)
class ShownRun:
    """What a view needs to know of a run."""

    id: str
    experiment_id: str
    experiment: str
    run: str
    seed: int
    groups: tuple[str, ...]
    """`<profile>/<group>` of all names that plans gave it."""
    named: int
    """When the newest plan named it, in ms since 1970."""
    begun: int
    last_grid: int
    """Step of its last grid of samples."""
    params: Mapping[str, str]
    scores: Mapping[str, str]
    """Name of the distance by kind of score."""

    @classmethod
    def of(cls, shipped: Shipped) -> "ShownRun":
        facts = shipped.facts
        return cls(
            id=shipped.run_id,
            experiment_id=shipped.experiment_id,
            experiment=str(facts.first_name.get("experiment", "")),
            run=str(facts.name.get("run", "")),
            seed=int(facts.job.get("seed", 0)),
            groups=tuple(dict.fromkeys(name.rpartition("/")[0] for name in facts.names)),
            named=int(facts.name.get("time", 0)),
            begun=content.begun(facts),
            last_grid=facts.last_grid,
            params=content.params(facts),
            scores=dict(facts.scores),
        )


@dataclass(frozen=True)
class Group:
    """The runs of one group in one experiment."""

    experiment_id: str
    experiment: str
    name: str
    """`<profile>/<group>`, as in the tag `names`."""
    current: tuple[ShownRun, ...]
    """One a run's name and seed: of several, with other settings, the one that was named last."""
    outdated: tuple[ShownRun, ...]

    @property
    def title(self) -> str:
        """For people."""
        return self.name.removeprefix("None/").strip("/") or "runs"

    @property
    def key(self) -> str:
        """Of its view in addresses."""
        return allowed_name(self.title).replace("/", "-").replace(" ", "-")

    @property
    def mean_key(self) -> str:
        return f"{self.key}-mean"

    @property
    def has_seeds(self) -> bool:
        """Whether a run has several seeds."""
        return len({run.run for run in self.current}) < len(self.current)


def groups_of(runs: Iterable[ShownRun]) -> list[Group]:
    """The groups, the one with the newest training first."""
    found: dict[tuple[str, str], list[ShownRun]] = defaultdict(list)
    for run in runs:
        for name in run.groups:
            found[run.experiment_id, name].append(run)
    groups = []
    for (experiment_id, name), members in found.items():
        newest = {(run.run, run.seed): run for run in sorted(members, key=lambda run: (run.named, run.begun))}
        current = tuple(run for run in members if newest[run.run, run.seed] is run)
        outdated = tuple(run for run in members if newest[run.run, run.seed] is not run)
        groups.append(Group(experiment_id, members[0].experiment, name, current, outdated))
    return sorted(groups, key=lambda group: -max(run.begun for run in group.current))


def address(experiment_id: str, key: str, mode: str = "CHART") -> str:
    """The page's address of a view, behind the server's. `mode`: CHART or TABLE."""
    query = f"workflowType=machine_learning&compareRunsMode={mode}&viewStateShareKey={key}"
    return f"#/experiments/{experiment_id}/runs?{query}"


def tags_of(groups: list[Group]) -> dict[str, str]:
    """The tags of an experiment that hold the views of its groups."""
    tags: dict[str, str] = {}
    for group in groups:
        tags[TAG + group.key] = _view(group, group.title, _each_run(group))
        if group.has_seeds:
            tags[TAG + group.mean_key] = _view(group, f"{group.title}: mean over seeds", _means(group))
    return {name: value for name, value in tags.items() if len(value) <= MAX_CHARS}


def description_of(groups: list[Group]) -> str:
    """The experiment's description, whose first line the page shows folded, with links to the views."""
    links = []
    for group in groups:
        to = partial(address, group.experiment_id)
        more = [f"[table]({to(group.key, 'TABLE')})"]
        if group.has_seeds:
            more.insert(0, f"[mean over seeds]({to(group.mean_key)})")
        links.append(f"[{group.title}]({to(group.key)}) ({', '.join(more)})")
    return (
        f"Trainings of {groups[0].experiment}. Charts: {' · '.join(links)}\n\n"
        "Shipped by `ablate`. Each run is one training: a variant with one seed. Its tags `exit`, `samples` and "
        "`dynamics` say how it ended, and its description on what evidence. The same views are in the menu at the top "
        "right."
    )


def _view(group: Group, name: str, state: Mapping[str, Any]) -> str:
    """A view as the page stores it. It has the time of its oldest run, so that it is the same each time."""
    begun = min(run.begun for run in group.current)
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": name, "createdAt": begun, "updatedAt": begun, "state": f"deflate;{packed}"})


def _each_run(group: Group) -> dict[str, Any]:
    """Every training, by seed: the page shows the pictures of the first ten only, and so some of each run."""
    # The page shows grids of one step only: the last one, unless most runs are not there yet.
    steps = sorted((run.last_grid for run in group.current), reverse=True)
    samples = {
        "uuid": "samples", "type": "IMAGE", "metricSectionId": "samples", "imageKeys": ["samples"],
        "step": Counter(steps).most_common(1)[0][0], "showRunParams": False,
    }  # fmt: skip
    section = _section("samples", "Samples") | {"columns": 1, "cardHeight": 760}
    return _state(group, [samples], [section]) | {"orderByKey": "params.`seed`", "orderByAsc": True}


def _means(group: Group) -> dict[str, Any]:
    """The mean over the seeds of each run, with its range."""
    by_run = {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "tag", "groupByData": "run"}],
    }
    folded = {f"tag.run.{name}": False for name in sorted({run.run for run in group.current})}
    order = {"orderByKey": "attributes.start_time", "orderByAsc": True}
    return _state(group, [], []) | order | {"groupBy": by_run, "groupsExpanded": folded}


def _state(group: Group, charts: list[dict[str, Any]], sections: list[dict[str, Any]]) -> dict[str, Any]:
    """A view of the group's runs: distance and losses first, every other metric below, and a table with outcomes."""
    chosen = [f"tags.names LIKE '%|{group.name}/%'", f"tags.exit != '{SUPERSEDED}'"]
    if group.outdated:
        ids = ", ".join(sorted(repr(run.id) for run in group.outdated))
        chosen.append(f"attributes.run_id NOT IN ({ids})")
    final, curve = (_newest(group, kind) for kind in (ScoreKind.FINAL, ScoreKind.CURVE))
    lines = [allowed_name(name) for name in (curve or final, LOSS_D, LOSS_G) if name]
    columns = [
        *(f"tags.`{word}`" for word in ("exit", "samples", "dynamics")),
        *(f"metrics.`{allowed_name(name)}`" for name in (final, LOSS_D, LOSS_G) if name),
        *(f"params.`{name}`" for name in _changed(group)),
    ]
    return {
        "searchFilter": " and ".join(chosen),
        "runsHiddenMode": "SHOW_ALL",
        "selectedColumns": columns,
        "columnOrder": ["1", "attributes.`Run Name`", "runDateAndNestInfo", *columns, "duration"],
        "columnWidths": _WIDTHS | dict.fromkeys(columns, 85),
        "compareRunCharts": [*map(_line, lines), *charts],
        "compareRunSections": [
            _section("results", "Results"),
            *sections,
            _section("metrics", "Model metrics", generated=True),
            _section("system", "System metrics", generated=True),
        ],
        "isAccordionReordered": True,
    }


def _newest(group: Group, kind: ScoreKind) -> str | None:
    """The distance's name in the newest run that has one."""
    named = [run for run in sorted(group.current, key=lambda run: run.begun) if kind in run.scores]
    return named[-1].scores[kind] if named else None


def _changed(group: Group) -> list[str]:
    """The settings that differ between the group's runs, if they are few."""
    names = {name for run in group.current for name in run.params if not name.startswith(_NOT_SETTINGS)}
    found = sorted(n for n in names if len({run.params.get(n) for run in group.current}) > 1)
    return found if len(found) <= MAX_CHANGED else []


def _line(metric: str) -> dict[str, Any]:
    """A line chart, as the page makes them itself."""
    return {
        "uuid": metric, "type": "LINE", "metricSectionId": "results", "displayName": metric,
        "metricKey": metric, "selectedMetricKeys": [metric], "runsCountToCompare": 10,
        "deleted": False, "isGenerated": False, "lineSmoothness": 0, "range": {},
        "scaleType": "linear", "xAxisScaleType": "linear", "xAxisKey": "step", "selectedXAxisMetricKey": "",
        "yAxisKey": "metric", "yAxisExpressions": [], "ignoreOutliers": False,
        "useGlobalXaxisKey": True, "useGlobalLineSmoothing": True,
    }  # fmt: skip


def _section(uuid: str, name: str, *, generated: bool = False) -> dict[str, Any]:
    return {
        "uuid": uuid, "name": name, "display": True, "isReordered": False, "deleted": False, "isGenerated": generated
    }  # fmt: skip


# -- shipping ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Noted:
    """What an experiment was given."""

    digest: str
    description: str
    keys: tuple[str, ...]


_NOTES = TypeAdapter(dict[str, _Noted])


def noted_keys(store: Store, uri: str) -> set[tuple[str, str]]:
    """Experiment id and key of the views that were shipped. Reads files only."""
    return {(id_, key) for id_, noted in _load(store, uri).items() for key in noted.keys}


class ViewShipper:
    """Ships views and descriptions that changed. Keep one per process."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store, self.uri = store, uri
        self._runs: dict[str, ShownRun] = {}
        """By job folder, of every job that this process has seen."""
        self._done: dict[str, ShownRun] | None = None

    def seen(self, folder: str, shipped: Shipped) -> None:
        """Take note of a job that a pass looked at."""
        if shipped.run_id and shipped.facts.names:
            self._runs[folder] = ShownRun.of(shipped)

    def ship(self, client: "MlflowClient", abort: Callable[[], bool]) -> None:
        """Set what changed since the last time. Raises MLflow's errors."""
        folders = {folder.name for folder in self.store.job_folders()}
        runs = {name: run for name, run in self._runs.items() if name in folders}
        if runs == self._done:
            return
        notes = _load(self.store, self.uri)
        by_experiment: dict[str, list[Group]] = defaultdict(list)
        for group in groups_of(runs.values()):
            by_experiment[group.experiment_id].append(group)
        for experiment_id, groups in by_experiment.items():
            if abort():
                return
            tags, description = tags_of(groups), description_of(groups)
            ids = sorted(run.id for run in runs.values() if run.experiment_id == experiment_id)
            digest = hashlib.sha256(json.dumps([tags, description, ids]).encode()).hexdigest()
            before = notes.get(experiment_id, _Noted("", "", ()))
            if before.digest == digest:
                continue
            has = client.get_experiment(experiment_id).tags
            if has.get(DESCRIPTION) in (None, "", before.description):  # not one that a user wrote
                tags = tags | {DESCRIPTION: description[:MAX_CHARS]}
            for name, value in tags.items():
                if has.get(name) != value:
                    client.set_experiment_tag(experiment_id, name, value)
            keys = tuple(name.removeprefix(TAG) for name in tags if name.startswith(TAG))
            notes[experiment_id] = _Noted(digest, tags.get(DESCRIPTION, before.description), keys)
            _save(self.store, self.uri, notes)
        self._done = runs


def _load(store: Store, uri: str) -> dict[str, _Noted]:
    """What was shipped. A missing or damaged note reads as nothing."""
    try:
        with regular_file(store.mirror_of(uri) / "views") as file:
            return _NOTES.validate_json(file.read())
    except (OSError, ValueError):
        return {}


def _save(store: Store, uri: str, notes: Mapping[str, _Noted]) -> None:
    with whole_file(store.mirror_of(uri) / "views") as file:
        file.write(_NOTES.dump_json(dict(notes)))
