"""Adds a run to `runs.yaml` in place: every line that was there stays as it was, comments too."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablations.spec import load_spec
from ablations.yaml_tree import Node, Problem, SpecError, read_yaml
from fakeface.errors import UserError
from fakeface.files import os_errors, whole_file

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*")
_DEEPER = "  "


def run_entry(
    name: str, base: str, settings: Mapping[str, Any], description: str, indent: str = _DEEPER
) -> str:
    """The lines of a run that changes some settings (by dotted path) of another one, ready to paste below `runs:`."""
    inner = indent + _DEEPER
    lines = [f"{indent}{name}:", f"{inner}extends: {base}", f"{inner}description: {_scalar(description)}"]
    lines += [f"{inner}{key}: {_flow(value)}" for key, value in _nested(settings).items()]
    return "\n".join(lines) + "\n"


def add_run(path: Path, name: str, base: str, settings: Mapping[str, Any], description: str) -> None:
    """Write the run at the end of the file's `runs`.

    Raises:
        UserError: the name is taken or cannot be one, the file is not laid out in lines, or cannot be written. The
            file is then as it was.
    """
    problems: list[Problem] = []
    root = read_yaml(path, problems)
    runs = root.get("runs")
    if name in {run.name for run in load_spec(path).runs} | set(runs.fields()):
        raise UserError(f"{path}: a run is called {name!r} already; choose another name with --add")
    text = path.read_text(encoding="utf-8-sig")
    lines = text.splitlines(keepends=True)
    keys = [run.key for run in runs.fields().values()]
    indent = lines[keys[0].line - 1][: keys[0].column - 1]
    entry = run_entry(name, base, settings, description, indent)
    if indent.strip() or not indent or len({key.line for key in keys}) < len(keys):
        raise UserError(
            f"{path}: its runs do not stand one below the other; paste this where it belongs:\n{entry}"
        )
    at = _end_of(lines, keys[-1].line, len(indent))
    if lines[at - 1 :] and not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    _replace(path, root, "".join([*lines[:at], "\n", entry, *lines[at:]]), name)


def _end_of(lines: list[str], last_key: int, indent: int) -> int:
    """How many lines belong to the runs: up to the last one that is deeper than they are, and no comment."""
    end = last_key
    for number, line in enumerate(lines[last_key:], last_key + 1):
        content = line.strip()
        if content and not content.startswith("#"):
            if len(line) - len(line.lstrip()) <= indent:
                break
            end = number
    return end


def _replace(path: Path, before: Node, text: str, name: str) -> None:
    """Put the text in the file's place, if it says all that the file said, and the new run."""
    with os_errors(path, "add the run"):
        kept = path.read_bytes()
        with whole_file(path) as file:
            file.write(text.encode())
    try:
        now = read_yaml(path, []).plain()
        now["runs"].pop(name)
        load_spec(path)
        if now != before.plain():
            raise UserError(
                f"{path}: the run cannot be added here without changing others; nothing was changed"
            )
    except (SpecError, UserError):
        with whole_file(path) as file:
            file.write(kept)
        raise


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in settings.items():
        *above, last = path.split(".")
        inner = root
        for part in above:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return root


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not text.endswith(" ") else "'" + text.replace("'", "''") + "'"
