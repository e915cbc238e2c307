"""`runs.yaml` -> a validated specification: the runs, each with its settings, group and seeds.

Layers of settings, lowest first: the documented defaults, the file's `defaults`, the chosen profile, the
runs that a run extends, the run's own, its grid factors, the command's `--set`. The names of components are
checked when a plan is made; `Run.problem` lets that check point into the file too.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ablations.settings_tree import Layer, SettingPath, expand, layer_of, merge, nest, unknown, validate
from ablations.spec_models import (
    CheckpointConfig,
    ProfileEntry,
    RunConfig,
    SamplesConfig,
    SpecFile,
    TrackingConfig,
)
from ablations.spec_runs import check_names, grid_runs, lineages
from ablations.spec_schema import schema
from ablations.yaml_tree import Node, Place, Problem, SpecError, parse_option, read_yaml
from fakeface.errors import UserError

__all__ = [
    "CheckpointConfig",
    "Place",
    "Problem",
    "Run",
    "RunConfig",
    "SamplesConfig",
    "Spec",
    "SpecError",
    "TrackingConfig",
    "load_spec",
    "schema",
]

DEFAULT_GROUP = "report"


@dataclass(frozen=True, eq=False)
class Run:
    """A named variant, with all its settings and where each of them was written."""

    name: str
    entry: str
    """Its name in the file, which the runs of one grid share."""
    group: str
    description: str
    config: RunConfig
    place: Place = field(repr=False)
    settings: Mapping[SettingPath, tuple[Node, int]] = field(repr=False)
    """The settings that were written, by path, each with the number of its layer."""

    def where(self, path: str) -> Place | None:
        """Where a dotted path was written (of a group, the last setting written); None for a default."""
        parts = tuple(path.split("."))
        nodes = [node for key, (node, _) in self.settings.items() if key[: len(parts)] == parts]
        return nodes[-1].place if nodes else None

    def problem(self, path: str, message: str) -> Problem:
        """An error in a setting of this run, for SpecError: it points to where the setting was written."""
        place = self.where(path)
        return Problem(place, message) if place else Problem(self.place, f"{path}: {message}")

    def written_for(self, setting: str, component: str) -> bool:
        """Whether a setting was written for a component: in the layer that names it, or in a higher one.

        `written_for("optimizer.momentum", "optimizer.name")` is false for a momentum that a lower layer gave
        to another optimizer, which this one may ignore.
        """
        layers = {".".join(path): layer for path, (_, layer) in self.settings.items()}
        return setting in layers and layers[setting] >= layers.get(component, 0)


@dataclass(frozen=True, eq=False)
class Spec:
    """What a specification says under one profile."""

    path: Path
    name: str
    profile: str | None
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in the file's order."""
        return tuple(dict.fromkeys(run.group for run in self.runs))

    def select(self, groups: Sequence[str] = (), runs: Sequence[str] = ()) -> tuple[Run, ...]:
        """The runs of these groups and those that fit one of `runs`; with neither, the group `report`.

        `runs` are names, names of grids, or patterns such as `sgd*`. The order is the file's.

        Raises:
            UserError: a group or run that does not exist.
        """
        if not groups and not runs:
            if DEFAULT_GROUP not in self.groups:
                known = ", ".join(self.groups)
                raise UserError(f"{self.path}: no group {DEFAULT_GROUP!r}: give --run or --group ({known})")
            groups = (DEFAULT_GROUP,)
        names = list(dict.fromkeys(name for run in self.runs for name in (run.name, run.entry)))
        lines = [
            f"--group: {unknown('group', name, self.groups)}" for name in groups if name not in self.groups
        ]
        lines += [f"--run: {unknown('run', name, names)}" for name in runs if not fnmatch.filter(names, name)]
        if lines:
            raise UserError("\n".join(lines))
        chosen = {name for pattern in runs for name in fnmatch.filter(names, pattern)}
        return tuple(run for run in self.runs if run.group in groups or {run.name, run.entry} & chosen)


def load_spec(
    path: Path, *, profile: str | None = None, overrides: Sequence[str] = (), seeds: str | None = None
) -> Spec:
    """Read and validate a specification under one profile.

    Args:
        path: the file.
        profile: name of a profile; by default the file's own choice, or its first.
        overrides: `--set` values, such as `optimizer.lr=2e-2`, which hold for every run.
        seeds: the `--seeds` value, such as `0,1,2`; by default the profile's, or the file's.

    Raises:
        SpecError: all that is wrong, a line each.
    """
    problems: list[Problem] = []
    root = expand(SpecFile, read_yaml(path, problems))
    file = validate(SpecFile, root, problems)
    chosen = _choose_profile(root, profile, problems)
    own_seeds = _seeds_option(seeds, problems)
    runs = _runs(root, chosen, _override_layer(overrides, problems), problems)
    if problems or file is None:
        raise SpecError(problems)
    profile_seeds = file.profiles[chosen].seeds if chosen is not None else None
    return Spec(path, file.name, chosen, own_seeds or profile_seeds or file.seeds, tuple(runs))


def _choose_profile(root: Node, option: str | None, problems: list[Problem]) -> str | None:
    names = list(root.get("profiles").fields())
    written = root.get("profile")
    name = option if option is not None else written.value
    if not isinstance(name, str):
        return names[0] if names else None
    if name not in names:
        place = Place(f"--profile {option}") if option is not None else written.place
        problems.append(Problem(place, unknown("profile", name, names)))
    return name


def _seeds_option(text: str | None, problems: list[Problem]) -> tuple[int, ...] | None:
    if text is None:
        return None
    source = f"--seeds {text}"
    try:
        node = parse_option(f"[{text}]", source, "seeds", problems)
    except SpecError as error:
        problems += error.problems
        return None
    entry = validate(ProfileEntry, nest({("seeds",): node}, Place(source)), problems)
    return entry.seeds if entry else None


def _override_layer(overrides: Sequence[str], problems: list[Problem]) -> Layer:
    layer: dict[SettingPath, Node] = {}
    for text in overrides:
        place = Place(f"--set {text}")
        key, equals, value = text.partition("=")
        path = tuple(key.split("."))
        if not equals or not all(path):
            problems.append(Problem(place, "must be PATH=VALUE, such as optimizer.lr=2e-2"))
            continue
        try:
            node = parse_option(value, place.source, key, problems)
        except SpecError as error:
            problems += error.problems
            continue
        tree = expand(RunConfig, nest({path: node}, place))
        validate(RunConfig, tree, problems)
        layer |= layer_of(RunConfig, tree)
    return layer


def _runs(root: Node, profile: str | None, overrides: Layer, problems: list[Problem]) -> list[Run]:
    entries = root.get("runs").fields()
    lines = lineages(entries, problems)
    layers = {name: layer_of(RunConfig, entry) for name, entry in entries.items()}
    lowest = [root.get("defaults"), root.get("profiles").get(profile or "")]
    below = [layer_of(RunConfig, node) for node in lowest]
    runs: list[Run] = []
    made: list[tuple[str, Node]] = []
    for entry_name, entry in entries.items():
        line = lines[entry_name]
        groups = [entries[ancestor].get("group").value for ancestor in reversed(line)]
        group = next((name for name in groups if isinstance(name, str)), DEFAULT_GROUP)
        above = [*below, *(layers[ancestor] for ancestor in line)]
        for name, factors in grid_runs(entry_name, entry.get("grid"), problems):
            made.append((name, entry))
            settings = merge([*above, factors, overrides])
            tree = nest({path: node for path, (node, _) in settings.items()}, entry.key)
            config = validate(RunConfig, tree, problems)
            if config is not None:
                description = str(entry.get("description").value or "")
                runs.append(Run(name, entry_name, group, description, config, entry.key, settings))
    check_names(made, problems)
    return runs
