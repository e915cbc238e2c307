"""Names that say what was set: of a grid's runs, of the runs on a path, and of the variants that `--set` makes."""

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from ablations.spec.layers import SettingPath
from ablations.spec.yaml_tree import Node

LONG_VALUE = 20
"""Characters of a value from which on a narrow place shows only its end."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*")
_VARIANT = re.compile(r"(?P<run>[^\[\]]+)\[(?P<settings>[^\[\]=]+=.*)\]", re.DOTALL)
_SETTING = re.compile(r"(?:\[[^\]]*\]|'[^']*'|[^,])+")
"""One of several settings with commas between; a comma in a list or in quotes is part of the value."""


def component_of(path: SettingPath) -> SettingPath:
    """`optimizer.name` is the optimizer; any other setting is itself."""
    return path[:-1] if path[-1] == "name" and len(path) > 1 else path


def setting_part(path: SettingPath, node: Node, paths: set[SettingPath]) -> str:
    """A setting as a part of a run's name: a bare word for a component (`dcgan`), last key and text as written for a
    number (`lr2e-2`), with a hyphen between for other words (`scaling-unit`).

    Args:
        paths: all settings that the name must tell apart, as `component_of` has them.
    """
    path = component_of(path)
    length = next(
        n for n in range(1, len(path) + 1) if n == len(path) or sum(p[-n:] == path[-n:] for p in paths) == 1
    )
    label = ".".join(path[-length:])
    if isinstance(node.value, list):
        part = label + "-".join(item.text for item in node.value)
    elif isinstance(node.value, int | float) and not isinstance(node.value, bool):
        part = label + node.text
    elif isinstance(node.value, str) and len(path) == 1:
        part = node.value
    else:
        part = f"{label}-{'none' if node.value is None else node.text}"
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", part)


def setting_text(path: SettingPath, value: Any) -> str:
    """A setting as `--set` takes it, alike however it was written: `optimizer.lr=0.02`, `optimizer=sgd`."""
    return f"{'.'.join(component_of(path))}={flow(value)}"


def in_order(settings: Mapping[SettingPath, str]) -> dict[SettingPath, str]:
    """Settings as `setting_text` writes them, in alphabetical order: a variant has one name."""
    return dict(sorted(settings.items(), key=lambda item: item[1]))


def variant_name(run: str, settings: Mapping[SettingPath, str]) -> str:
    """`baseline[optimizer.lr=0.02]`: a run with the settings that `--set` changed, each as `setting_text` has it."""
    return f"{run}[{','.join(settings.values())}]" if settings else run


def parse_variant(name: str) -> tuple[str, list[str]] | None:
    """The run and the `--set` values of a name that `variant_name` makes; None for any other name or pattern."""
    match = _VARIANT.fullmatch(name)
    return (match["run"], _SETTING.findall(match["settings"])) if match else None


def plain_name(name: str) -> str:
    """The name without what `--set` changed."""
    variant = parse_variant(name)
    return variant[0] if variant else name


def short_name(name: str) -> str:
    """The name for a narrow place: of each long value only the end, which tells more of a path than its beginning."""
    variant = parse_variant(name)
    if variant is None:
        return name
    run, settings = variant
    pairs = [text.partition("=") for text in settings]
    cut = [
        f"{key}={value if len(value) < LONG_VALUE else '…' + value[-LONG_VALUE:]}" for key, _, value in pairs
    ]
    return f"{run}[{','.join(cut)}]"


def fits(name: str, pattern: str) -> bool:
    """Whether a run's name is this one, or fits this pattern such as `sgd*`."""
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def flow(value: Any) -> str:
    """A value as YAML, on one line, with every digit."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not text.endswith(" ") else "'" + text.replace("'", "''") + "'"
