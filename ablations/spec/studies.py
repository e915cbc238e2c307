"""Studies of a specification: what is searched, and from which run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ablations.spec.layers import SettingPath, unknown, value_at
from ablations.spec.models import MAX_STUDY_SEEDS, Dimension, StudyEntry, StudySize
from ablations.spec.runs import OTHER_IMAGES, Run, setting
from ablations.spec.yaml_tree import Node, Place, Problem, SpecError, plain_node
from fakeface.config import TrainingConfig

Params = Mapping[str, Any]
"""Searched values by dotted path, as the sampler draws them."""

DEFAULT_SIZE = {"trials": 30, "seeds": 2, "steps": None, "confirm": 3, "edges": 6, "searches": 1}
_LR, _MOMENTUM = "lr", "momentum"
_FIXED = {
    ".".join(path): "cannot be searched: scores on other images do not compare" for path in OTHER_IMAGES
} | {
    f"train.{name}": "cannot be searched: trainings of other lengths do not compare; give the study's `steps`"
    for name in ("steps", "epochs", "times")
}


_KINDS = 4
"""Of seeds: for the search, the confirmation, and each edge."""


def search_name(study: str, search: int) -> str:
    """The name under which a study's independent searches, counted from 0, are kept: `sgd-lr`, `sgd-lr-2`, ..."""
    return f"{study}-{search + 1}" if search else study


@dataclass(frozen=True, eq=False)
class StudySpec:
    """A search over settings of one run, at the size that the profile gives it."""

    name: str
    base: Run
    entry: StudyEntry
    trials: int
    seeds: int
    steps: int | None
    confirm: int
    edges: int
    searches: int
    places: Mapping[str, Place] = field(repr=False)
    """Where each searched setting was written."""
    search: int = 0
    """Which of its independent searches this is."""

    @property
    def search_names(self) -> list[str]:
        """The names of its searches."""
        return [search_name(self.name, search) for search in range(self.searches)]

    def independent(self) -> "list[StudySpec]":
        """Each of its searches as a study: this one, and others that share no seed with it and look for no edges."""
        others = [
            replace(
                self,
                name=name,
                entry=self.entry.model_copy(update={"sampler_seed": self.entry.sampler_seed + search}),
                edges=0,
                search=search,
            )
            for search, name in list(enumerate(self.search_names))[1:]
        ]
        return [self, *others]

    @property
    def space(self) -> Mapping[str, Dimension]:
        return self.entry.space

    @property
    def search_seeds(self) -> range:
        """Seeds of each setting of the search."""
        return self._seeds(0, self.seeds)

    @property
    def confirm_seeds(self) -> range:
        """Seeds that confirm a setting."""
        return self._seeds(1, self.confirm)

    def edge_seeds(self, side: Literal["lower", "upper"]) -> range:
        """Seeds of the trainings that locate an edge, one each."""
        return self._seeds(2 if side == "lower" else 3, self.edges)

    def _seeds(self, kind: int, count: int) -> range:
        """Some of the seeds of one kind, which neither another kind nor another search uses."""
        first = (_KINDS * self.search + kind) * MAX_STUDY_SEEDS
        return range(first, first + count)

    def settings(self, params: Params) -> dict[str, Any]:
        """The settings that searched values come to, by dotted path: an effective rate becomes the rate itself."""
        values: dict[str, Any] = {}
        for path, value in params.items():
            dimension = self.space[path]
            if dimension.effective:
                value *= 1 - self._momentum(path, params)
            values[path] = value
        return values

    def run(self, params: Params, name: str) -> Run:
        """The base run with these searched values. Raises SpecError if they are invalid together."""
        return self.changed(self.base, name, self.settings(params))

    def choices(self) -> list[Run]:
        """The base run, and one with each choice of each setting: together they name all components."""
        singly = [{path: choice} for path, dimension in self.space.items() for choice in dimension.choices]
        return [self.run(params, self.name) for params in [{}, *singly]]

    def changed(self, run: Run, name: str, settings: Mapping[str, Any]) -> Run:
        """A run with these settings, by dotted path, and this study's length. Raises SpecError as `run` does."""
        length = {} if self.steps is None else {"train.steps": self.steps}
        nodes: dict[SettingPath, Node] = {}
        for path, value in {**settings, **length}.items():
            place = self.places.get(path, self.places[next(iter(self.space))]).at(path)
            nodes |= setting(path, plain_node(value, place), place, [])
        return run.variant(name, self.name, nodes)

    def integer(self, path: str) -> bool:
        """Whether the setting is an integer."""
        config = self.run({path: self.space[path].low}, self.name).config
        return isinstance(value_at(config, tuple(path.split("."))), int)

    def _momentum(self, path: str, params: Params) -> float:
        """The momentum of the optimizer whose learning rate is `path`."""
        searched, optimizer = params.get(path.removesuffix(_LR) + _MOMENTUM), self.base.config.optimizer
        network = path.split(".")[1]
        if searched is None and network in ("G", "D"):
            searched = getattr(optimizer, network).momentum
        if searched is None:
            searched = params.get(f"optimizer.{_MOMENTUM}", optimizer.momentum)
        return float(searched)


def read_studies(
    root: Node,
    entries: Mapping[str, StudyEntry],
    runs: Sequence[Run],
    size: StudySize,
    problems: list[Problem],
) -> list[StudySpec]:
    """The studies of a file that has been validated; adds what does not fit its runs or settings to `problems`."""
    by_name = {run.name: run for run in runs}
    studies = []
    for name, entry in entries.items():
        node = root.get("studies").get(name)
        if name in by_name:
            problems.append(Problem(node.key, f"a run is called {name!r} too; use distinct names"))
        if entry.base not in by_name:
            problems.append(Problem(node.get("base").place, unknown("run", entry.base, list(by_name))))
            continue
        known = [*by_name, *(other for other in entries if other != name)]
        if entry.reference is not None and entry.reference not in known:
            place = node.get("reference").place
            problems.append(Problem(place, unknown("run or study", entry.reference, known)))
        before = len(problems)
        _check_space(node.get("space"), entry, problems)
        if len(problems) > before:
            continue
        space = node.get("space").fields()
        spent = {
            key: next((v for v in (getattr(size, key), getattr(entry, key)) if v is not None), default)
            for key, default in DEFAULT_SIZE.items()
        }
        places = {path: dimension.key for path, dimension in space.items()}
        study = StudySpec(name, by_name[entry.base], entry, **spent, places=places)  # type: ignore[arg-type]
        _check_enqueued(node.get("enqueue"), study, problems)
        if len(entry.enqueue) > study.trials:
            words = f"enqueues {len(entry.enqueue)} settings, and tries only {study.trials}"
            problems.append(Problem(node.get("enqueue").place, words))
        if taken := {*study.search_names[1:]} & {*by_name, *entries}:
            words = f"its search {min(taken)!r} has the name of another run or study; rename one of them"
            problems.append(Problem(node.key, words))
        studies.append(study)
    return studies


def _check_space(space: Node, entry: StudyEntry, problems: list[Problem]) -> None:
    for path, dimension in entry.space.items():
        node = space.get(path)
        before = len(problems)
        if path.split(".")[0] not in TrainingConfig.model_fields:
            words = "can be searched only where it decides what is learned: " + ", ".join(
                TrainingConfig.model_fields
            )
            problems.append(Problem(node.key, words))
            continue
        if path in _FIXED:
            problems.append(Problem(node.key, _FIXED[path]))
        _check_dimension(path, dimension, node, problems)
        if len(problems) == before:
            for value in node.get("choices").items() or [node.get("low"), node.get("high")]:
                setting(path, replace(value, key=node.key), node.key, problems)


def _check_dimension(path: str, dimension: Dimension, node: Node, problems: list[Problem]) -> None:
    """Add contradictions within a dimension to `problems`."""
    ranged = dimension.low is not None or dimension.high is not None
    if ranged == bool(dimension.choices):
        problems.append(Problem(node.key, "give `low` and `high`, or `choices`"))
    elif ranged and (dimension.low is None or dimension.high is None):
        problems.append(Problem(node.key, "give both `low` and `high`"))
    elif dimension.low is not None and dimension.high is not None:
        if not dimension.low < dimension.high:
            problems.append(Problem(node.get("high").place, f"must be > low ({dimension.low:g})"))
        elif dimension.log and dimension.low <= 0:
            problems.append(Problem(node.get("low").place, "must be > 0 to be searched by its logarithm"))
    elif dimension.log or dimension.effective:
        word = "log" if dimension.log else "effective"
        problems.append(Problem(node.get(word).key, "is for a range, not for choices"))
    if dimension.effective and not path.endswith(f".{_LR}"):
        problems.append(Problem(node.get("effective").key, "is for a learning rate"))


def _check_enqueued(listed: Node, study: StudySpec, problems: list[Problem]) -> None:
    before = len(problems)
    for params, node in zip(study.entry.enqueue, listed.items(), strict=True):
        for path, value in params.items():
            if path not in study.space:
                words = unknown("searched setting", path, list(study.space))
                problems.append(Problem(node.get(path).key, words))
            elif words := _outside(study.space[path], value):
                problems.append(Problem(node.get(path).place, words))
        if lacking := [path for path in study.space if path not in params]:
            problems.append(Problem(node.place, f"lacks {lacking[0]}"))
    if len(problems) == before:
        for params in study.entry.enqueue:
            try:
                study.run(params, study.name)
            except SpecError as error:
                problems += error.problems


def _outside(dimension: Dimension, value: Any) -> str:
    """Why a value is not of this dimension; empty if it is."""
    if dimension.choices:
        return (
            "" if value in dimension.choices else f"must be one of {', '.join(map(str, dimension.choices))}"
        )
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "must be a number"
    low, high = dimension.bounds
    return "" if low <= value <= high else f"must be from {low:g} to {high:g}, as the space says"
