"""Adds a run to `runs.yaml` in place, without changing any other line."""

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ablations.spec import Spec, load_spec
from ablations.spec.names import Name
from ablations.spec.run_names import flow
from ablations.spec.yaml_tree import Node, Problem, read_yaml
from fakeface.errors import UserError
from fakeface.files import os_errors

_DEEPER = "  "


def run_entry(
    name: str, base: str, group: str, settings: Mapping[str, Any], description: str, indent: str = _DEEPER
) -> str:
    """The lines of a run that changes some settings (by dotted path) of a base run, ready to paste below `runs:`."""
    inner = indent + _DEEPER
    lines = [
        f"{indent}{name}:",
        f"{inner}extends: {base}",
        f"{inner}group: {group}",
        f"{inner}description: {flow(description)}",
        *(f"{inner}{key}: {flow(value)}" for key, value in _nested(settings).items()),
    ]
    return "\n".join(lines) + "\n"


def check_new_run(spec: Spec, name: str) -> None:
    """Raises UserError if no run of that name can be added."""
    if name in _taken(spec):
        raise UserError(f"--add {name}: {spec.path} has a run or study of that name already; choose another")
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise UserError(f"--add {name}: must be a name of letters, digits and any of . _ + -") from None


def free_name(spec: Spec, wanted: str) -> str:
    """The name, with a number appended if it is taken."""
    names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in _taken(spec))


def _taken(spec: Spec) -> set[str]:
    return {name for run in spec.runs for name in (run.name, run.entry)} | {
        study.name for study in spec.studies
    }


def add_run(
    path: Path, name: str, base: str, group: str, settings: Mapping[str, Any], description: str
) -> None:
    """Write the run at the end of the file's `runs`. A link stays, and the file that it points to changes.

    Raises:
        UserError: the file is not laid out in lines, or cannot be written. It is then unchanged.
    """
    problems: list[Problem] = []
    root = read_yaml(path, problems)
    with path.open(encoding="utf-8", newline="") as file:  # as it is, with its line ends and byte-order mark
        text = file.read()
    lines = text.splitlines(keepends=True)
    keys = [run.key for run in root.get("runs").fields().values()]
    indent = lines[keys[0].line - 1][: keys[0].column - 1]
    entry = run_entry(name, base, group, settings, description, indent)
    if indent.strip() or not indent or len({key.line for key in keys}) < len(keys):
        raise UserError(
            f"{path}: its runs are not one below the other; paste this where it belongs:\n{entry}"
        )
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    at = _end_of(lines, keys[-1].line, len(indent))
    above = lines[:at] if lines[at - 1].endswith("\n") else [*lines[: at - 1], lines[at - 1] + end]
    added = "".join([*above, end, entry.replace("\n", end), *lines[at:]])
    _replace(path, root, added, name, entry)


def _end_of(lines: list[str], last_key: int, indent: int) -> int:
    """Number of the last line that belongs to the runs: the last one below them that is indented deeper."""
    end = last_key
    for number, line in enumerate(lines[last_key:], last_key + 1):
        content = line.strip()
        if content and not content.startswith("#"):
            if len(line) - len(line.lstrip()) <= indent:
                break
            end = number
    return end


def _replace(path: Path, before: Node, text: str, name: str, entry: str) -> None:
    """Replace the file with the text, after checking on a copy that only the new run was added."""
    target = path.resolve()
    copy = target.with_name(f".{target.name}.new")
    # What a specification names is relative to the folder in which the user has it, so a copy is checked there.
    checked = path.with_name(f".{path.name}.new") if path.is_symlink() else copy
    with os_errors(path, "add the run"):
        try:
            copy.write_bytes(text.encode())
            shutil.copymode(target, copy)
            if checked != copy:
                checked.symlink_to(copy)
            load_spec(checked)
            now = read_yaml(copy, []).plain()
            now["runs"].pop(name)
            if now != before.plain():
                raise UserError(f"{path}: cannot be added to without other changes; paste this:\n{entry}")
            copy.replace(target)
        finally:
            checked.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in settings.items():
        *above, last = path.split(".")
        inner = root
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return root
