"""A run, and which runs a specification's entries make: the order of their ancestors, and the grids."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from ablations.spec.layers import (
    Layer,
    Merged,
    SettingPath,
    expand,
    layer_of,
    merge,
    nest,
    unknown,
    validate,
    value_at,
)
from ablations.spec.models import RunConfig
from ablations.spec.names import MAX_NAME
from ablations.spec.run_names import component_of, in_order, setting_part, setting_text, variant_name
from ablations.spec.yaml_tree import SHOWN_ERRORS, Node, Place, Problem, SpecError
from fakeface.config import TrainingConfig

MAX_GRID_RUNS = 1000
MAX_RUNS = 5000
"""Of one file, grids included."""
_MAX_PARTS = 8
"""Of a dotted path; no setting has more than four."""
DEFAULT_GROUP = "report"
OTHER_IMAGES = tuple(("data", name) for name in ("name", "path", "count", "image_size", "channels"))
"""Settings whose scores do not compare."""


@dataclass(frozen=True, eq=False)
class Run:
    """A named variant, with all its settings and where each of them was written."""

    name: str
    """As in the file, and in its claims and studies."""
    entry: str
    """Its name in the file, which the runs of one grid share."""
    group: str
    description: str
    config: RunConfig
    place: Place = field(repr=False)
    settings: Merged = field(repr=False)
    """The settings that were written, by path, each with the number of its layer."""
    changed: Mapping[SettingPath, str] = field(default_factory=dict)
    """What `--set` changed of what is learned, as `setting_text` writes it, in alphabetical order."""

    @property
    def label(self) -> str:
        """Its name with what `--set` changed, by which results are known: `baseline[optimizer.lr=0.02]`."""
        return variant_name(self.name, self.changed)

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

    def variant(self, name: str, group: str, settings: Layer) -> "Run":
        """This run under another name, with some settings changed. Raises SpecError where they do not fit."""
        merged = merge([settings], self.settings)
        problems: list[Problem] = []
        config = config_of(merged, self.place, problems)
        if config is None:
            raise SpecError(problems)
        changed = {path: text for path, text in self.changed.items() if path not in settings}
        return replace(
            self, name=name, entry=name, group=group, config=config, settings=merged, changed=changed
        )


def config_of(settings: Merged, place: Place, problems: list[Problem]) -> RunConfig | None:
    """The validated settings of a run that was written at a place; None where some do not fit."""
    tree = nest({path: node for path, (node, _) in settings.items()}, place)
    return validate(RunConfig, tree, problems)


def changed_by(overrides: Layer, before: RunConfig, after: RunConfig) -> dict[SettingPath, str]:
    """Which `--set` values change what is learned, and not to the value that it had: see `Run.changed`."""
    texts = {
        path: setting_text(path, value)
        for path in overrides
        if path[0] in TrainingConfig.model_fields
        and (value := value_at(after, path)) != value_at(before, path)
    }
    return in_order(texts)


def lineages(entries: Mapping[str, Node], problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """For each entry all that it extends and itself, lowest first.

    Every ancestor counts once and is below all that extend it; of the names in one list, a later one is above an
    earlier one unless the earlier one extends it.
    """
    parents: dict[str, list[str]] = {}
    for name, entry in entries.items():
        parents[name] = []
        for parent in entry.get("extends").items():
            if not isinstance(parent.value, str):
                continue  # an error of its own
            if parent.value not in entries:
                known = [other for other in entries if other != name]
                problems.append(Problem(parent.place, unknown("run", parent.value, known)))
                if len(problems) > SHOWN_ERRORS:  # each compares a name with all others
                    raise SpecError(problems, complete=False)
            elif makes := _several(entries[parent.value]):
                words = f"{parent.value!r} has {makes}; only a single run can be extended"
                problems.append(Problem(parent.place, words))
            else:
                parents[name].append(parent.value)
    order = _order_without_circles(entries, parents, problems)
    lines: dict[str, tuple[str, ...]] = {}
    for name in order:
        above = itertools.chain.from_iterable(lines[parent] for parent in parents[name])
        lines[name] = (*dict.fromkeys(above), name)
    return lines


def _several(entry: Node) -> str:
    """What makes an entry several runs; empty for a single run."""
    if entry.get("grid").fields():
        return "a grid"
    return "a path (`between`)" if entry.get("between").value is not None else ""


def _order_without_circles(
    entries: Mapping[str, Node], parents: dict[str, list[str]], problems: list[Problem]
) -> list[str]:
    """The entries, each after its parents. A circle is a problem, and the link that closes it is cut."""
    position = {name: index for index, name in enumerate(entries)}
    while True:
        try:
            return list(TopologicalSorter(parents).static_order())
        except CycleError as error:
            circle: list[str] = error.args[1][:-1]  # each is extended by the next
            last = max(circle, key=position.__getitem__)
            start = circle.index(last)
            chain = [last, *reversed(circle[:start]), *reversed(circle[start:])]
            parent = chain[1]
            place = next(item.place for item in entries[last].get("extends").items() if item.value == parent)
            problems.append(Problem(place, f"extends itself: {' -> '.join(chain)}"))
            if len(problems) > SHOWN_ERRORS:  # each further circle takes as long as this one
                raise SpecError(problems, complete=False) from None
            parents[last] = [name for name in parents[last] if name != parent]


def grid_runs(name: str, grid: Node, problems: list[Problem]) -> Sequence[tuple[str, Layer]]:
    """The runs of a grid, each a name and the settings of its factors; without a grid, one run of this name.

    A name is the entry's name and a part for each setting (`setting_part`).
    """
    known = len(problems)
    count = math.prod(max(1, len(values.items())) for values in grid.fields().values())
    if count > MAX_GRID_RUNS:
        shown = str(count) if count < 10**12 else "more than 10^12"
        problems.append(Problem(grid.place, f"makes {shown} runs; at most {MAX_GRID_RUNS} can be"))
        return []
    factors = [_choices(grid, key, values, problems) for key, values in grid.fields().items()]
    if len(problems) > known:
        return []
    paths = {component_of(path) for choices in factors for layer in choices for path in layer}
    runs = []
    for combination in itertools.product(*factors):
        layer: dict[SettingPath, Node] = {}
        for choice in combination:
            for path in choice.keys() & layer.keys():
                problems.append(Problem(choice[path].place, f"another factor sets {'.'.join(path)} too"))
            layer |= choice
        parts = [setting_part(path, node, paths) for path, node in layer.items()]
        runs.append(("-".join([name, *parts]), layer))
    return runs


def _choices(grid: Node, key: str, values: Node, problems: list[Problem]) -> list[Layer]:
    place = values.key.at(grid.place.path)
    return [setting(key, replace(value, key=values.key), place, problems) for value in values.items()]


def setting(key: str, value: Node, place: Place, problems: list[Problem]) -> Layer:
    """The layer in which the setting with a dotted path has this value; `place` is that of the mappings above it.

    What the settings' own types and bounds refuse is added to `problems`.
    """
    path = tuple(key.split("."))
    if len(path) > _MAX_PARTS:
        words = f"unknown setting: it has {len(path)} parts, and no setting has more than {_MAX_PARTS}"
        problems.append(Problem(value.key, words))
        return {}
    tree = expand(RunConfig, nest({path: value}, place))
    validate(RunConfig, tree, problems)
    return layer_of(RunConfig, tree)


def check_names(names: Sequence[tuple[str, Node]], problems: list[Problem]) -> None:
    """Names that a grid or a path makes are short and belong to one run; each comes with the entry that makes it."""
    makers: dict[str, Node] = {}
    for name, entry in names:
        maker = "its path" if entry.get("between").value is not None else "its grid"
        if len(name) > MAX_NAME:
            words = f"{maker} makes a run's name longer than {MAX_NAME} characters"
            problems.append(Problem(entry.key, words))
        if name in makers:
            other = makers[name].key.path
            problems.append(Problem(entry.key, f"{maker} makes a run {name!r}, which {other} makes already"))
        makers.setdefault(name, entry)
