"""The section `imports` of a specification: which of the user's modules to load."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

from ablations.code.user import OURS, Entry, Imports, is_taken, load, top_level
from ablations.spec.layers import expand
from ablations.spec.models import SpecFile
from ablations.spec.yaml_tree import Node, Problem, SpecError, read_yaml


def load_imports(spec_file: Path) -> None:
    """Load what a specification imports, whatever else it says.

    Raises:
        SpecError: the file cannot be read, or names modules that do not exist.
        ImportFailed: see `load`.
    """
    root = expand(SpecFile, read_yaml(spec_file, []))
    load(read_imports(spec_file, root.get("imports")))


def read_imports(spec_file: Path, section: Node) -> Imports:
    """The `imports` of a specification.

    Raises:
        SpecError: modules that do not exist, each with its line. Without them, little else can be checked.
    """
    folder, problems = spec_file.absolute().parent, []
    entries: dict[str, Entry] = {}
    for node in section.items():
        if not isinstance(node.value, str):
            continue  # pydantic reports it
        entry, why = _entry(node.value, folder)
        known = entries.get(entry.module)
        if not why and known is not None and known.folder != entry.folder:
            why = f"has the module name of {known.written}: rename one of them"
        if why:
            problems.append(Problem(node.place, f"{node.value}: {why}"))
        else:
            entries.setdefault(entry.module, replace(entry, place=str(node.place)))
    if problems:
        raise SpecError(problems)
    return Imports(str(folder), tuple(entries.values()))


def _entry(written: str, folder: Path) -> tuple[Entry, str]:
    """An entry, and why it cannot be imported (empty if it can)."""
    if not (written.endswith(".py") or "/" in written or (folder / written).is_dir()):
        return Entry(written, written), _why_no_module(written, folder)
    path = folder / written
    package = path.is_dir()
    entry = Entry(written, path.name if package else path.stem, str(path.parent))
    if package and not (path / "__init__.py").is_file():
        return entry, "this folder has no __init__.py: add one, or name a file in it"
    if not package and not path.is_file():
        return entry, f"there is no such file; the path is relative to {folder}"
    if not package and path.suffix != ".py":
        return entry, "must be a .py file, a folder with an __init__.py, or the name of a module"
    if not entry.module.isidentifier():
        return entry, "cannot be the name of a module: rename it, in letters, digits and _"
    if is_taken(entry.module):
        return (
            entry,
            f"another module is called {entry.module}, in Python or in an installed package: rename it",
        )
    return entry, ""


def _why_no_module(name: str, folder: Path) -> str:
    words = "there is no such module; for a file, give its path, such as my_variants.py"
    if not all(part.isidentifier() for part in name.split(".")):
        return words
    top = name.partition(".")[0]
    if top in OURS or top in sys.stdlib_module_names:
        return "is not a module of yours"
    return "" if top_level(top, [str(folder)]) or importlib.util.find_spec(top) else words
