"""Ablation paths: `between` becomes the runs on the way from one run to another, and the other without each setting.

Settings are compared after all layers are merged, and only those that differ count. Some change as one even where
`together` does not say so: a component with its options, and settings of which only one can be given.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ablations.spec.layers import SettingPath, unknown
from ablations.spec.run_names import component_of, flow, in_order, setting_part
from ablations.spec.runs import OTHER_IMAGES, Run, config_of
from ablations.spec.yaml_tree import Node, Problem, plain_node

MAX_MOVES = 12
"""Each setting is two more trainings a seed."""
_ABSENT = object()
"""The value of an option that is not given."""
_BESIDE = ("between", "group", "description")
_ONE_OF: Mapping[SettingPath, SettingPath] = {
    ("train", "epochs"): ("train", "steps"),
    ("data", "fraction"): ("data", "limit"),
}
"""Settings that are given in place of another, with which they change as one."""
_OF_COMPONENT = ("betas", "momentum")
"""Settings that belong to some components only, like options."""


@dataclass(frozen=True)
class Move:
    """A setting that changes on a path, or several that change as one."""

    changes: Mapping[str, tuple[str, str]]
    """Its value at the start and at the goal, by dotted path."""
    added: str
    """The run in which it changed last: the start with all settings up to this one."""
    left_out: str
    """The run that is the goal but for this setting."""

    @property
    def words(self) -> str:
        """ "optimizer: adam → sgd"."""
        return ", ".join(f"{name}: {before} → {after}" for name, (before, after) in self.changes.items())


@dataclass(frozen=True, eq=False)
class AblationPath:
    """The way from one run to another, one setting at a time."""

    name: str
    description: str
    start: str
    goal: str
    moves: tuple[Move, ...]
    own_runs: tuple[Run, ...] = field(repr=False)
    """The runs that it makes, in the order of its moves, those without one setting last."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of all runs that it compares, each once."""
        names = [self.start, *(move.added for move in self.moves), *(move.left_out for move in self.moves)]
        return tuple(dict.fromkeys(names))


def read_path(
    name: str,
    entry: Node,
    runs: Mapping[str, Run | None],
    paths: Collection[str],
    problems: list[Problem],
    *,
    strict: bool,
) -> AblationPath | None:
    """The path of an entry; None, with the reasons in `problems`, where there is none.

    Args:
        runs: all runs of the file by name, but for those that paths make. None: it has errors of its own.
        paths: names of all entries that are paths.
        strict: refuse settings that do not differ. Not where `--set` gave every run the same value.
    """
    before = len(problems)
    problems += [
        Problem(node.key, "cannot be given beside `between`, which takes all settings from its two runs")
        for key, node in entry.fields().items()
        if key not in _BESIDE
    ]
    written = entry.get("between")
    ends = [
        run for key in ("from", "to") if (run := _end(written.get(key), runs, paths, problems)) is not None
    ]
    if len(ends) < 2 or len(problems) > before:
        return None
    start, goal = ends
    differing = _differing(start, goal)
    if not differing:
        if strict:
            words = f"{start.name!r} and {goal.name!r} have the same settings: there is no way between them"
            problems.append(Problem(written.key, words))
        return None
    problems += [
        Problem(written.key, f"its runs differ in {'.'.join(path)}, and scores on other images do not compare")
        for path in differing
        if path in OTHER_IMAGES
    ]  # fmt: skip
    groups = _groups(written, differing, problems if strict else [])
    if len(groups) > MAX_MOVES:
        words = f"{start.name!r} and {goal.name!r} differ in {len(groups)} settings, at most {MAX_MOVES} can be: let "
        problems.append(Problem(written.key, f"{words}some change `together`, or choose nearer runs"))
    if len(problems) > before:
        return None
    return _path(name, entry, start, goal, groups, problems)


def _end(
    node: Node, runs: Mapping[str, Run | None], paths: Collection[str], problems: list[Problem]
) -> Run | None:
    if not isinstance(node.value, str):
        return None  # an error of its own
    if node.value in runs:
        return runs[node.value]
    words = unknown("run", node.value, list(runs))
    if any(node.value == path or node.value.startswith((f"{path}+", f"{path}-")) for path in paths):
        words = f"{node.value!r} is (of) a path, and no path can begin or end at one: name a run that has settings"
    problems.append(Problem(node.place, words))
    return None


def _differing(start: Run, goal: Run) -> dict[SettingPath, tuple[Any, Any]]:
    """The settings that differ, with both values, in the order of the goal's layers and then of the start's."""
    one, other = (dict(_leaves(run.config.training().model_dump())) for run in (start, goal))
    order = dict.fromkeys([*goal.settings, *start.settings, *other, *one])
    values = {
        path: (one.get(path, _ABSENT), other.get(path, _ABSENT))
        for path in order
        if path in one or path in other
    }
    return {path: pair for path, pair in values.items() if pair[0] != pair[1]}


def _leaves(settings: Mapping[str, Any], above: SettingPath = ()) -> Iterator[tuple[SettingPath, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _groups(
    written: Node, differing: Mapping[SettingPath, object], problems: list[Problem]
) -> list[list[SettingPath]]:
    """The settings that change as one, in the order in which they do."""
    groups: dict[SettingPath, list[SettingPath]] = {}
    for path in differing:
        groups.setdefault(_leader(path, differing), []).append(path)
    for together in written.get("together").items():
        leaders = [_leader(path, differing) for path in _named(together, differing, problems)]
        first, *others = [leader for leader in groups if leader in leaders] or [()]
        for other in others:
            groups[first] += groups.pop(other)
    order = [_leader(path, differing) for path in _named(written.get("order"), differing, problems)]
    places = [
        min((order.index(p) for p in group if p in order), default=len(order)) for group in groups.values()
    ]
    return [group for _, group in sorted(zip(places, groups.values(), strict=True), key=lambda pair: pair[0])]


def _leader(path: SettingPath, differing: Mapping[SettingPath, object]) -> SettingPath:
    """The setting with which one changes: itself, unless it means something only beside another that differs."""
    if path in _ONE_OF:
        leader = _ONE_OF[path]
    elif path[-2:-1] == ("options",):
        leader = (*path[:-2], "name")
    elif path[-1] in _OF_COMPONENT:
        leader = (*path[:-1], "name")
    else:
        leader = path
    return leader if leader in differing else path


def _named(
    listed: Node, differing: Mapping[SettingPath, object], problems: list[Problem]
) -> Iterator[SettingPath]:
    """The differing settings that a list names; `optimizer` names `optimizer.name`."""
    names = {".".join(component_of(path)): path for path in differing}
    names |= {".".join(path): path for path in differing}
    for node in listed.items():
        if node.value in names:
            yield names[node.value]
        else:
            words = unknown("setting", str(node.value), list(dict.fromkeys(names)))
            problems.append(Problem(node.place, f"{words}: only those that differ can be named"))


def _path(
    name: str,
    entry: Node,
    start: Run,
    goal: Run,
    groups: Sequence[Sequence[SettingPath]],
    problems: list[Problem],
) -> AblationPath | None:
    paths = {component_of(path) for group in groups for path in group}
    group_name = entry.get("group").value or goal.group
    described = str(entry.get("description").value or "")
    before = len(problems)

    def run(own_name: str, base: Run, toward: Run, moved: Sequence[SettingPath]) -> Run:
        settings = dict(base.settings)
        layer = 1 + max((index for _, index in settings.values()), default=-1)
        for path in moved:
            node = _node(toward, path)
            settings.pop(path, None)
            if node is not None:
                settings[path] = (node, layer)
        config = config_of(settings, entry.key, problems) or base.config
        changed = in_order({**base.changed, **toward.changed})
        return replace(
            base, name=own_name, entry=name, group=group_name, description=described, config=config,
            place=entry.key, settings=settings, changed=changed,
        )  # fmt: skip

    own: dict[str, Run] = {}
    moves: list[Move] = []
    for index, group in enumerate(groups):
        parts = [
            setting_part(path, _node(goal, path) or plain_node(None, entry.key), paths) for path in group
        ]
        added, left_out = "+".join([name, *parts]), "-".join([name, *parts])
        if (
            index == len(groups) - 1
        ):  # the last one leads to the goal, and without it the goal is the run before
            left_out, added = moves[-1].added if moves else start.name, goal.name
        else:
            moved = [path for one in groups[: index + 1] for path in one]
            own[added] = run(added, start, goal, moved)
            own[left_out] = run(left_out, goal, start, group)
        moves.append(Move({
            ".".join(component_of(path)): (_text(start, path), _text(goal, path)) for path in group
        }, added, left_out))  # fmt: skip
    if len(problems) > before:
        return None
    ordered = sorted(own.values(), key=lambda run: run.name in {move.left_out for move in moves[:-1]})
    return AblationPath(name, described, start.name, goal.name, tuple(moves), tuple(ordered))


def _node(run: Run, path: SettingPath) -> Node | None:
    """What a run has of a setting, as written where it was; None for an option that it lacks."""
    value = dict(_leaves(run.config.training().model_dump())).get(path, _ABSENT)
    if value is _ABSENT:
        return None
    return run.settings[path][0] if path in run.settings else plain_node(value, run.place.at(".".join(path)))


def _text(run: Run, path: SettingPath) -> str:
    node = _node(run, path)
    return "not given" if node is None else flow(node.plain())
