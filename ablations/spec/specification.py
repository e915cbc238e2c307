"""`runs.yaml` -> a validated specification: the runs, each with its settings, group and seeds.

Layers of settings, lowest first: the documented defaults, the file's `defaults`, the chosen profile, the
runs that a run extends, the run's own, its grid factors, the command's `--set`. The names of components are
checked when a plan is made; `Run.problem` lets that check point into the file too.
"""

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ablations.code import user as user_modules
from ablations.code.user import NO_IMPORTS, Imports
from ablations.spec.imports import read_imports
from ablations.spec.layers import Layer, Merged, SettingPath, expand, layer_of, merge, nest, unknown, validate
from ablations.spec.models import ProfileEntry, RunConfig, SpecFile, StudyEntry
from ablations.spec.paths import AblationPath, read_path
from ablations.spec.runs import (
    DEFAULT_GROUP,
    MAX_RUNS,
    Run,
    changed_by,
    check_names,
    config_of,
    grid_runs,
    lineages,
    setting,
)
from ablations.spec.studies import StudySpec, read_studies
from ablations.spec.yaml_tree import Node, Place, Problem, SpecError, parse_option, plain_node, read_yaml
from fakeface.errors import UserError


@dataclass(frozen=True)
class Names:
    """What claims may name."""

    runs: tuple[str, ...]
    studies: Mapping[str, StudyEntry]


_SPAN = re.compile(r"(\d+)-(\d+)")
MAX_SPAN = 100_000
"""Seeds that a span such as `0-4` may have."""
CheckClaims = Callable[[Node, Names | None, list[Problem]], object]
"""Adds what is wrong with a `claims` section to the problems. Names: None where only the form can be checked, since
the rest of the file has errors."""


@dataclass(frozen=True, eq=False)
class Spec:
    """What a specification says under one profile."""

    path: Path
    name: str
    profile: str | None
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]
    studies: tuple[StudySpec, ...] = ()
    paths: tuple[AblationPath, ...] = ()
    overrides: tuple[str, ...] = ()
    """The `--set` values, which apply to every run."""
    imports: Imports = NO_IMPORTS
    """The user's modules that the specification lists."""
    notes: tuple[str, ...] = ()
    """What is allowed, and yet may be a mistake."""
    claims: Node = field(default=Node(None, Place(""), Place("")), repr=False)
    """The section `claims` as it was written: `analysis.claims` knows what it means."""
    claim_digests: Mapping[str, Any] | None = field(default=None, repr=False)
    """Digests of the claims, by whoever knows what they mean: the journal of a job that begins records them."""

    @property
    def names(self) -> Names:
        """What claims may name."""
        return Names(
            tuple(run.name for run in self.runs), {study.name: study.entry for study in self.studies}
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in the file's order."""
        return tuple(dict.fromkeys(run.group for run in self.runs))

    def select(
        self,
        groups: Sequence[str] = (),
        runs: Sequence[str] = (),
        guests: Callable[[set[str]], set[str]] | None = None,
    ) -> tuple[Run, ...]:
        """The runs of these groups and those that fit one of `runs`; with neither, the group `report`.

        `runs` are names, names of grids or paths, or patterns such as `sgd*`. A whole path comes with the runs at its
        ends. The order is the file's.

        Args:
            guests: the names of a group's runs -> the names of runs of other groups that come with them.

        Raises:
            UserError: a group or run that does not exist.
        """
        if not groups and not runs:
            if DEFAULT_GROUP not in self.groups:
                known = ", ".join(self.groups)
                raise UserError(f"{self.path}: no group {DEFAULT_GROUP!r}: give --run or --group ({known})")
            groups = (DEFAULT_GROUP,)
        names = [name for run in self.runs for name in (run.name, run.entry)]
        names = list(dict.fromkeys([*names, *(path.name for path in self.paths)]))
        lines = [
            f"--group: {unknown('group', name, self.groups)}" for name in groups if name not in self.groups
        ]
        lines += [unknown("run", name, names) for name in runs if not fnmatch.filter(names, name)]
        if lines:
            raise UserError("\n".join(lines))
        chosen = {name for pattern in runs for name in fnmatch.filter(names, pattern)}
        entries = chosen | {run.entry for run in self.runs if run.group in groups}
        chosen |= {end for path in self.paths if path.name in entries for end in (path.start, path.goal)}
        if guests is not None:
            chosen |= guests({run.name for run in self.runs if run.group in groups})
        return tuple(run for run in self.runs if run.group in groups or {run.name, run.entry} & chosen)

    def study(self, name: str) -> StudySpec:
        """The study with this name. Raises UserError where there is none."""
        for study in self.studies:
            if study.name == name:
                return study
        raise UserError(f"{self.path}: {unknown('study', name, [study.name for study in self.studies])}")


def load_spec(
    path: Path,
    *,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    check_claims: CheckClaims | None = None,
) -> Spec:
    """Read and validate a specification under one profile, after loading the modules that it imports.

    Args:
        path: the file.
        profile: name of a profile; by default the file's own choice, or its first.
        overrides: `--set` values, such as `optimizer.lr=2e-2`, which apply to every run.
        seeds: the `--seeds` value, such as `0,1,2` or `0-4`; by default the profile's, or the file's.
        check_claims: checks the section `claims`, which the specification keeps as it was written.

    Raises:
        SpecError: all that is wrong, a line each.
        ImportFailed: a module that it imports cannot be used.
    """
    problems: list[Problem] = []
    root = expand(SpecFile, read_yaml(path, problems))
    user_modules.load(read_imports(path, root.get("imports")), refresh=True)
    file = validate(SpecFile, root, problems)
    chosen = _choose_profile(root, profile, problems)
    own_seeds = _seeds_option(seeds, problems)
    runs, paths = _runs(root, chosen, _override_layer(overrides, problems), problems)
    claims, sound = root.get("claims"), not problems
    entry = file.profiles[chosen] if sound and file and chosen is not None else ProfileEntry()
    studies, names = [], None
    if sound and file:
        studies = read_studies(root, file.studies, runs, entry.study, problems)
        names = Names(tuple(run.name for run in runs), file.studies)
    if check_claims is not None:
        check_claims(claims, names, problems)
    if problems or file is None:
        raise SpecError(problems)
    every = own_seeds or entry.seeds or file.seeds
    return Spec(
        path=path,
        name=file.name,
        profile=chosen,
        seeds=every,
        runs=tuple(runs),
        studies=tuple(studies),
        paths=tuple(paths),
        overrides=tuple(overrides),
        imports=user_modules.current(),
        notes=user_modules.notes(),
        claims=claims,
    )


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
        written = parse_option(f"[{text}]", source, "seeds", problems)
    except SpecError as error:
        problems += error.problems
        return None
    known = len(problems)
    seeds = [seed for part in written.items() for seed in _spanned(part, problems)]
    if len(problems) > known:
        return None
    entry = validate(ProfileEntry, nest({("seeds",): replace(written, value=seeds)}, Place(source)), problems)
    return entry.seeds if entry else None


def _spanned(part: Node, problems: list[Problem]) -> list[Node]:
    """The seeds of `0-4`, and any other part of a list as it is."""
    span = _SPAN.fullmatch(part.text)
    if span is None:
        return [part]
    first, last = int(span[1]), int(span[2])
    if not 0 <= last - first < MAX_SPAN:
        words = f"{part.text}: a span has its first seed first, and at most {MAX_SPAN:,} seeds"
        problems.append(Problem(Place(part.place.source), words))
        return []
    return [plain_node(seed, part.place) for seed in range(first, last + 1)]


def _override_layer(overrides: Sequence[str], problems: list[Problem]) -> Layer:
    layer: dict[SettingPath, Node] = {}
    for text in overrides:
        place = Place(f"--set {text}")
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            problems.append(Problem(place, "must be PATH=VALUE, such as optimizer.lr=2e-2"))
            continue
        try:
            node = parse_option(value, place.source, key, problems)
        except SpecError as error:
            problems += error.problems
            continue
        layer |= setting(key, node, place, problems)
    return layer


def _runs(
    root: Node, profile: str | None, overrides: Layer, problems: list[Problem]
) -> tuple[list[Run], list[AblationPath]]:
    entries = root.get("runs").fields()
    if len(entries) > MAX_RUNS:
        words = f"has {len(entries):,} runs; at most {MAX_RUNS:,} can be: split the file"
        raise SpecError([*problems, Problem(root.get("runs").key, words)], complete=False)
    lines = lineages(entries, problems)
    layers = {name: layer_of(RunConfig, entry) for name, entry in entries.items()}
    lowest = [root.get("defaults"), root.get("profiles").get(profile or "")]
    # A run adds its own layer to what its parent has: the time of a chain is proportional to its length.
    merged: dict[tuple[str, ...], Merged] = {(): merge([layer_of(RunConfig, node) for node in lowest])}
    for line in lines.values():
        parent = line[:-1] if line[:-1] in merged else ()
        merged[line] = merge([layers[name] for name in line[len(parent) :]], merged[parent])
    own_groups = {name: entry.get("group").value for name, entry in entries.items()}
    found: dict[str, list[Run]] = {name: [] for name in entries}
    made: list[tuple[str, Node]] = []
    between = {name: entry for name, entry in entries.items() if entry.get("between").value is not None}
    for entry_name, entry in entries.items():
        if entry_name in between:
            continue
        line = lines[entry_name]
        groups = (own_groups[ancestor] for ancestor in reversed(line))
        group = next((name for name in groups if isinstance(name, str)), DEFAULT_GROUP)
        for name, factors in grid_runs(entry_name, entry.get("grid"), problems):
            made.append((name, entry))
            if len(made) > MAX_RUNS:
                words = f"makes more than {MAX_RUNS:,} runs of the file; split it into several"
                raise SpecError([*problems, Problem(entry.key, words)], complete=False)
            settings = merge([factors, overrides], merged[line])
            config = config_of(settings, entry.key, problems)
            if config is None:
                continue
            plain = config_of(merge([factors], merged[line]), entry.key, []) if overrides else config
            changed = changed_by(overrides, plain or RunConfig(), config)
            description = str(entry.get("description").value or "")
            run = Run(name, entry_name, group, description, config, entry.key, settings, changed)
            found[entry_name].append(run)
    sound = {run.name: run for runs in found.values() for run in runs}
    known = {name: sound.get(name) for name, _ in made}
    paths = []
    for entry_name, entry in between.items():
        path = read_path(entry_name, entry, known, between, problems, strict=not overrides)
        if path is not None:
            paths.append(path)
            found[entry_name] = list(path.own_runs)
            made += [(run.name, entry) for run in path.own_runs]
    check_names(made, problems)
    return [run for runs in found.values() for run in runs], paths
