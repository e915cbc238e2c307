"""What makes two trainings, or two scores, the same: settings, seed, data, and the code that they use.

Code enters as the syntax trees of the definitions that are reached from the step, the loop and the components that a
job names, without comments, docstrings, annotations and formatting. A new optimizer or measure therefore changes no
other training's identity, and a changed line in the step changes all of them. A definition counts by its name, not by
its file: moving a file, with the imports that follow it, changes no identity.
"""

import ast
import hashlib
import importlib.util
import inspect
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fakeface.config import TrainingConfig, canonical_digest, settings_of
from fakeface.data import training_indices
from fakeface.errors import UserError
from fakeface.gan import series
from fakeface.gan.components import COMPONENTS
from fakeface.gan.optimizers import optimizer_arguments
from fakeface.registry import Registry

NOT_FOLLOWED = {Registry.__module__, UserError.__module__, series.__name__}
"""Modules that define what a name, an error or a logged series is: none of them decides a weight."""
SETTINGS = TrainingConfig.__module__
"""Its classes count by their methods: the values of their fields are in the identity already."""


@dataclass(frozen=True)
class Module:
    """One source file: the definitions at its top level by name, and what its imported names refer to."""

    name: str
    """Dotted: `fakeface.gan.step`."""
    label: str
    """The file as `fakeface/gan/step.py`."""
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Name -> (module, the name in it; None where the name is the module itself)."""
    _digests: dict[str, str] = field(default_factory=dict)

    def digest(self, name: str) -> str:
        """Of what a definition does, 16 hex digits; computed once, since many runs reach the same ones."""
        if name not in self._digests:
            text = repr(canonical(self.definitions[name], self))
            self._digests[name] = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self._digests[name]

    def own(self, module: str) -> bool:
        """Whether a module belongs to the same package as this one."""
        return module.partition(".")[0] == self.name.partition(".")[0]

    def own_module(self, name: str) -> bool:
        """Whether an imported name stands for a module of the same package."""
        module, inner = self.imports.get(name, ("", ""))
        return self.own(module) and (inner is None or _is_module(f"{module}.{inner}"))


def code_digests(roots: Iterable[object]) -> dict[str, str]:
    """`{"fakeface/gan/step.py:gan_step": digest, ...}` of all definitions reached from some functions or classes.

    The class of an object counts for the object.

    The labels are for people; `without_files` is what enters an identity. Only the packages of the roots are followed:
    the versions of torch and NumPy belong to the stack, which each session records and no identity contains.

    Raises:
        ValueError: a root is not a function or class at the top level of a module (a lambda, say), so that a change
            in it would go unnoticed.
    """
    digests: dict[str, str] = {}
    waiting = [_address(root) for root in roots]
    for module_name, name in waiting:
        package = module_name.partition(".")[0]
        if package in sys.stdlib_module_names or name not in _module(module_name).definitions:
            raise ValueError(
                f"{module_name}: {name} is not defined by `def` or `class` at the top of its module"
            )
    packages = {module.partition(".")[0] for module, _ in waiting}
    while waiting:
        module_name, name = waiting.pop()
        if module_name.partition(".")[0] not in packages or module_name in NOT_FOLLOWED:
            continue
        module = _module(module_name)
        if name in module.imports and name not in module.definitions:  # re-exported from a package
            imported, inner = module.imports[name]
            waiting.append((imported, inner or name))
            continue
        key, node = f"{module.label}:{name}", module.definitions.get(name)
        if node is None or key in digests:
            continue
        digests[key] = module.digest(name)
        waiting += _references(module, node, packages)
    return dict(sorted(digests.items()))


def without_files(code: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labelled digests as (name, digest) in alphabetical order: the code as an identity sees it."""
    return sorted((_split(label)[1], digest) for label, digest in code.items())


def code_changes(now: Mapping[str, str], then: Mapping[str, str]) -> list[str]:
    """What differs between two labelled sets of digests, in words: `gan_step in fakeface/gan/step.py changed`.

    A definition that only moved to another file did not change.
    """
    after, before = Counter(without_files(now)), Counter(without_files(then))
    new, gone = {name for name, _ in after - before}, {name for name, _ in before - after}
    words = []
    for label in sorted({**then, **now}):
        file, name = _split(label)
        moved = name in new and label not in now
        if name in new | gone and now.get(label) != then.get(label) and not moved:
            change = "changed" if name in new & gone else "is new" if name in new else "is gone"
            words.append(f"{name} in {file} {change}")
    return words


def resolved_settings(config: TrainingConfig, num_images: int) -> dict[str, Any]:
    """Every setting that decides the weights, as it takes effect on a data set of `num_images` images.

    Two ways to write the same training are the same here: an override that equals the common setting, `limit` or
    `fraction` that keep the same images, `steps`, `epochs` and `times` that come to the same number of steps.
    """
    subset = training_indices(num_images, config.data)
    used = num_images if subset is None else len(subset)
    resolved = {
        name: value
        for name, value in settings_of(config).items()
        if not name.startswith("optimizer.") and name not in _RESOLVED
    }
    for setting, registry in COMPONENTS.items():
        component = getattr(config, setting)
        options = registry.arguments(component.name, component.options)
        resolved |= {f"{setting}.options.{name}": value for name, value in options.items()}
    resolved |= {"data.images": used, "train.total_steps": config.train.total_steps(used)}
    for network in ("G", "D"):
        own = config.optimizer.for_network(network)
        arguments = {"name": own.name, "warmup_steps": own.warmup_steps, **optimizer_arguments(own)}
        resolved |= {f"optimizer.{network}.{name}": value for name, value in arguments.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in resolved.items()}


_RESOLVED = {"data.limit", "data.fraction", "train.steps", "train.epochs", "train.times"}
"""Settings that enter as what they come to."""


def training_identity(
    settings: Mapping[str, Any], seed: int, data_digest: str, code: Mapping[str, str]
) -> str:
    """SHA-256 of all that decides the weights, as 64 hex digits.

    Args:
        settings: from `resolved_settings`.
    """
    return canonical_digest(
        {"settings": settings, "seed": seed, "data": data_digest, "code": without_files(code)}
    )


def _split(label: str) -> tuple[str, str]:
    file, _, name = label.partition(":")
    return file, name


def canonical(node: Any, module: Module) -> Any:
    """A syntax tree as nested tuples of what it does: no positions, docstrings, annotations, registrations, file names.

    Empty fields are left out, so that a Python that adds one to its grammar changes no digest.
    """
    if isinstance(node, list):
        return tuple(canonical(item, module) for item in node)
    if not isinstance(node, ast.AST):
        return node
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and module.own_module(node.value.id)
    ):
        return ("Reached", node.attr)
    fields = []
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "ctx", "kind", "type_comment", "type_params"}:
            continue
        if name == "body" and isinstance(value, list):
            value = _without_docstrings(value)
        if name == "decorator_list":
            value = [d for d in value if not _is_registration(d)]
        if isinstance(node, ast.ImportFrom) and name in {"module", "level"} and module.own(node.module or ""):
            continue
        if value not in (None, []):
            fields.append((name, canonical(value, module)))
    return (type(node).__name__, *fields)


def _without_docstrings(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements but for lone constants, which document a function, a class or an attribute."""
    return [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]


def _is_registration(decorator: ast.expr) -> bool:
    call = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(call, ast.Attribute) and call.attr == "register"


def _address(root: object) -> tuple[str, str]:
    definition: Any = root if inspect.isfunction(root) or inspect.isclass(root) else type(root)
    return definition.__module__, definition.__qualname__.partition(".")[0]


@cache
def _module(name: str) -> Module:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return Module(name, name)
    path = Path(spec.origin)
    package = name if spec.submodule_search_locations else name.rpartition(".")[0]
    file_name = f"{name.replace('.', '/')}{'/__init__' if spec.submodule_search_locations else ''}.py"
    module = Module(name, file_name)
    tree = ast.parse(path.read_bytes())
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if isinstance(statement, ast.ClassDef) and name == SETTINGS:
                statement.body = [line for line in statement.body if not isinstance(line, ast.AnnAssign)]
            module.definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
                module.definitions.update(dict.fromkeys(names, statement))
    for node in ast.walk(tree):  # a function may import what it needs
        if isinstance(node, ast.Import):
            module.imports.update({(a.asname or a.name): (a.name, None) for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            module.imports.update({(a.asname or a.name): (base, a.name) for a in node.names})
    return module


def _references(module: Module, node: ast.stmt, packages: set[str]) -> Iterator[tuple[str, str]]:
    """Where the names that a definition uses (outside its annotations) are defined, within some packages."""
    for name, attribute in _names(node):
        if name in module.definitions:
            yield module.name, name
        elif name in module.imports:
            imported, inner = module.imports[name]
            if imported.partition(".")[0] not in packages:
                continue
            if inner is None:
                if attribute:
                    yield imported, attribute
            elif _is_module(f"{imported}.{inner}"):
                if attribute:
                    yield f"{imported}.{inner}", attribute
            else:
                yield imported, inner


def _names(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    """(name, the attribute taken of it) for every name read below a node, annotations and registrations aside."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if name == "decorator_list" and _is_registration(child):
                continue
            if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name):
                yield child.value.id, child.attr
            elif isinstance(child, ast.Name):
                yield child.id, None
            elif isinstance(child, ast.AST):
                yield from _names(child)


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
