"""The user's own modules, which a specification lists under `imports`: loaded once, unloaded, checked.

A process has the modules of one specification at a time. Loading those of another one, or of files that have changed,
first removes what the former registered. The text of each module is kept as it was executed: the identity of a
training is computed from it, and workers execute the same text, whatever happens to the file meanwhile.
"""

import contextlib
import importlib
import importlib.util
import inspect
import itertools
import site
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from fakeface.errors import UserError
from fakeface.registry import Registry

OURS = ("ablations", "analysis", "fakeface")
"""The packages of this project."""


@dataclass(frozen=True)
class Entry:
    """One of the `imports` of a specification."""

    written: str
    """As the user wrote it: `my_variants.py`, `variants/`, `lab.variants`."""
    module: str
    folder: str | None = None
    """The folder that holds the file or the package; None for a module that is found by its name."""
    place: str = field(default="", compare=False)
    """File and line of the specification, for messages."""


@dataclass(frozen=True)
class Imports:
    """What a specification imports. Plain values, since workers get it with their jobs."""

    folder: str = ""
    """The specification's."""
    entries: tuple[Entry, ...] = ()
    texts: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """File -> its text as it was executed."""

    @property
    def folders(self) -> list[str]:
        """Where the user's modules are looked up, in this order."""
        if not self.entries:
            return []
        return list(dict.fromkeys([self.folder, *(e.folder for e in self.entries if e.folder)]))


NO_IMPORTS = Imports()


class ImportFailed(UserError):
    """A user's module that cannot be used. The message is their traceback, and what to do."""


def is_taken(name: str) -> bool:
    """Whether a top-level module of this name belongs to Python, to this project, or to an installed package."""
    if name in sys.stdlib_module_names or name in OURS:
        return True
    found = PathFinder.find_spec(name, [path for path in sys.path if is_installed(Path(path) / name)])
    return found is not None and found.origin is not None


@cache
def _installed_folders() -> list[Path]:
    paths = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    python = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    kept = [path for path in paths if path in python or Path(path).name in _PACKAGES]
    return [Path(path).resolve() for path in kept]


_PACKAGES = ("site-packages", "dist-packages")


def is_installed(path: Path) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return any(part in _PACKAGES for part in path.parts) or any(
        path.resolve().is_relative_to(folder) for folder in _installed_folders()
    )


# -- the modules of this process ---------------------------------------------------------------------------------


_numbers = itertools.count()


class _Loaded:
    """The modules of one specification in this process."""

    def __init__(self, imports: Imports, texts: dict[str, bytes]) -> None:
        self.imports = imports
        self.planned = texts
        """The texts that another process executed, which are executed here too."""
        self.texts: dict[str, bytes] = {}
        self.modules: dict[str, str] = {}
        """Module -> its file."""
        self.complete = False
        """Whether the modules of the specification were executed: what is imported later belongs to a function."""
        self.at_load: dict[str, str] = {}
        self.number = next(_numbers)
        self.located: dict[str, ModuleSpec | None] = {}
        self.added_paths = [folder for folder in imports.folders if folder not in sys.path]

    def text(self, file: str) -> bytes:
        """The text of a file: as it was executed, or else as it is now."""
        if file not in self.texts:
            self.texts[file] = self.planned.get(file) or Path(file).read_bytes()
        return self.texts[file]

    def is_current(self) -> bool:
        """Whether every file still has the text that was executed."""
        try:
            return all(Path(file).read_bytes() == text for file, text in self.texts.items())
        except OSError:
            return False


_loaded = _Loaded(NO_IMPORTS, {})


class _Finder:
    """Finds modules in the folders of the specification before other places, and keeps the text that is executed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            found = PathFinder.find_spec(name, path)
        elif name in sys.stdlib_module_names or name in OURS:
            return None
        else:
            found = top_level(name, _loaded.imports.folders)
            if found is None and not _loaded.complete:  # on sys.path, but not installed: PYTHONPATH
                found = PathFinder.find_spec(name)
        if found is None or found.origin is None or not isinstance(found.loader, SourceFileLoader):
            return None
        if not _is_users_file(name, found.origin):
            return None
        found.loader = _Loader(name, found.origin)
        return found


class _Loader(SourceFileLoader):
    """Executes a user's module from its text, never from a cache of byte code, which notices no quick edit."""

    def get_code(self, fullname: str) -> Any:
        text = _loaded.text(self.path)
        _loaded.modules[fullname] = self.path
        return self.source_to_code(text, self.path)


def top_level(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    found = PathFinder.find_spec(name, list(folders)) if folders else None
    return found if found is not None and found.origin is not None else None


def _is_users_file(module: str, file: str) -> bool:
    if module.partition(".")[0] in OURS:
        return False
    named = {entry.module for entry in _loaded.imports.entries}
    return any(f"{module}.".startswith(f"{name}.") for name in named) or not is_installed(Path(file))


def load(imports: Imports, *, refresh: bool = False) -> None:
    """Load the modules of a specification, unless this process has them.

    Args:
        imports: with `texts`, these are executed instead of the files.
        refresh: load them again if a file has changed.

    Raises:
        ImportFailed: a module cannot be executed, or registers what cannot be followed.
    """
    global _loaded
    if imports == _loaded.imports and (not refresh or _loaded.is_current()):
        return
    _unload()
    if not imports.entries:
        return
    _loaded = _Loaded(imports, imports.texts)
    sys.path += _loaded.added_paths  # for processes that data sets start
    sys.meta_path.insert(0, _Finder)
    importlib.invalidate_caches()
    try:
        for entry in imports.entries:
            _execute(entry)
        _loaded.complete, _loaded.at_load = True, dict(_loaded.modules)
        _check_registrations()
        _note_code()
    except BaseException:
        _unload()
        raise


def current() -> Imports:
    """The imports of this process, with the texts that were executed."""
    return replace(_loaded.imports, texts=dict(_loaded.texts))


def modules() -> dict[str, str]:
    """The user's modules that importing the entries executed, each with its file."""
    return _loaded.at_load


def notes() -> tuple[str, ...]:
    """What may be a mistake in the modules of this process."""
    entries = _loaded.imports.entries
    if not entries or any(registry.registered_by(_loaded.modules) for registry in Registry.every):
        return ()
    files = ", ".join(entry.written for entry in entries)
    return (f"{files}: registers no component, so that no run can name one",)


def current_number() -> int:
    """A number that changes whenever other modules are loaded."""
    return _loaded.number


def text_of(file: str) -> bytes:
    """The text of a user's file as it was executed, or as it is if it was not executed yet."""
    return _loaded.text(file)


def is_users(module: str) -> bool:
    """Whether a module is the user's: neither Python's, this project's, nor of an installed package."""
    found = locate(module)
    return found is not None and found.origin is not None and _is_users_file(module, found.origin)


def locate(module: str) -> ModuleSpec | None:
    """Where a module is, without executing anything; None if there is none, or it is Python's."""
    if module not in _loaded.located:
        _loaded.located[module] = _locate(module)
    return _loaded.located[module]


def _locate(module: str) -> ModuleSpec | None:
    top, *below = module.split(".")
    if top in sys.stdlib_module_names:
        return None
    try:
        found = _Finder.find_spec(top) or importlib.util.find_spec(top)
    except (ImportError, ValueError):  # ValueError: `__main__`, a module made by hand
        return None
    name = top
    for part in below:
        if found is None or found.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        found = PathFinder.find_spec(name, list(found.submodule_search_locations))
    return found


def shown(file: str) -> str:
    """A file as the user knows it: relative to the specification, or else to the imported file or package."""
    for folder in _loaded.imports.folders:
        if Path(file).is_relative_to(folder):
            return Path(file).relative_to(folder).as_posix()
    return file


def _unload() -> None:
    global _loaded
    for registry in Registry.every:
        for name in registry.registered_by(_loaded.modules):
            registry.forget(name)
    for name in _loaded.modules:
        sys.modules.pop(name, None)
    for folder in _loaded.added_paths:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    with contextlib.suppress(ValueError):
        sys.meta_path.remove(_Finder)
    _loaded = _Loaded(NO_IMPORTS, {})


def _execute(entry: Entry) -> None:
    if (known := sys.modules.get(entry.module)) is not None and entry.module not in _loaded.modules:
        _forget_module(known)  # a notebook imported it before
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output may be JSON
            importlib.import_module(entry.module)
    except (Exception, SystemExit) as error:
        if isinstance(error, UserError) and not isinstance(error, ImportFailed):
            raise
        words = f"{entry.place}: {entry.written} cannot be imported; mend what the traceback shows"
        raise ImportFailed(f"{_cut(error)}\n{words}") from error


def _forget_module(module: ModuleType) -> None:
    for registry in Registry.every:
        for name in registry.registered_by([module.__name__]):
            registry.forget(name)
    del sys.modules[module.__name__]


def _note_code() -> None:
    """Give every registry the digests of the user's components that it has, for caches of what they make."""
    from ablations.code.reached import users_code  # which reads the modules of this process

    for registry in Registry.every:
        if registry.cached:
            names = registry.registered_by(_loaded.modules)
            registry.code.update({name: users_code(registry.definition(name)) for name in names})


def _check_registrations() -> None:
    """Refuse components whose code cannot be found again by their name, and functions put in the place of ours.

    Raises:
        ImportFailed: with the line of each registration.
    """
    words = "was replaced by one of your modules, which would change every run unseen: register a component instead"
    lines = [f"{name} {words}" for name in _patched()]
    for registry in Registry.every:
        for name, where in registry.registered_by(_loaded.modules).items():
            if why := _untraceable(registry.definition(name)):
                line = f"{shown(_loaded.modules[where.module])}:{where.line}"
                lines.append(f"{line}: {registry.kind} {name!r} is {why}")
    if lines:
        raise ImportFailed("\n".join(lines))


def _patched() -> list[str]:
    """The functions and classes of this project in whose place is one of the user's."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OURS and module is not None:
            owned = [(name, vars(module))]
            classes = [value for value in vars(module).values() if inspect.isclass(value)]
            owned += [(f"{name}.{c.__qualname__}", dict(vars(c))) for c in classes if c.__module__ == name]
            found += [
                f"{owner}.{attribute}"
                for owner, values in owned
                for attribute, value in values.items()
                if (inspect.isfunction(value) or inspect.isclass(value))
                and value.__module__ in _loaded.modules
            ]
    return found


def _untraceable(component: object) -> str:
    """Why a component's code cannot be followed, and what to do; empty if it can."""
    advice = "define it by `def` or `class` at the top of the file, so that a change of it is noticed"
    if not (inspect.isfunction(component) or inspect.isclass(component)):
        return f"no function or class but an object ({type(component).__name__}): {advice}"
    name, module = component.__qualname__, component.__module__
    if "<lambda>" in name:
        return f"a lambda: {advice}"
    if "<locals>" in name:
        return (
            f"made inside a function ({name.partition('.')[0]}): {advice} (a decorator needs functools.wraps)"
        )
    if module in _loaded.modules:
        return (
            "" if hasattr(sys.modules[module], name.partition(".")[0]) else f"not found in its file: {advice}"
        )
    if module.partition(".")[0] in OURS:
        return ""
    return f"{module}.{name}, which is not yours: register a function of your own that calls it"


def place_of(error: BaseException) -> str:
    """The innermost line of the user's in a traceback, as `my_variants.py:17`; empty if there is none."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in _loaded.texts]
    return f"{shown(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _cut(error: BaseException) -> str:
    """A traceback without the frames of other code than the user's; the last one if there are none of theirs."""
    whole = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = whole
    while part is not None:
        frames = [_as_shown(frame) for frame in part.stack if frame.filename in _loaded.texts]
        part.stack = traceback.StackSummary.from_list(frames)
        if getattr(part, "filename", None):
            part.filename = shown(str(part.filename))
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return "".join(whole.format()).rstrip()


def _as_shown(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """A line of a traceback, with the file as the user knows it."""
    return traceback.FrameSummary(shown(frame.filename), frame.lineno, frame.name, line=frame.line)
