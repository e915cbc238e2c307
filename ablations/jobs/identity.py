"""What makes two trainings, or two scores, the same: settings, seed, data, and the code that they use.

Code enters as the syntax trees of the definitions that are reached from the step, the loop and the components that a
job names, without comments, docstrings, annotations and formatting. So a new optimizer or metric changes nobody
else's identity, and a changed line in the step changes everybody's.
"""

import ast
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fakeface.config import TrainingConfig, canonical_digest, identity_settings

NOT_FOLLOWED = {"fakeface.config", "fakeface.registry", "fakeface.errors"}
"""Modules that say what a setting or a name is: what they decide is in the identity already, as values."""


@dataclass(frozen=True)
class Module:
    """The top level of one source file: definitions by name, and what its imported names stand for."""

    label: str
    """The file as `fakeface/training.py`."""
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Name -> (module, the name in it; None where the name is the module itself)."""
    _digests: dict[str, str] = field(default_factory=dict)

    def digest(self, name: str) -> str:
        """Of what a definition does, 16 hex digits; computed once, since many runs reach the same ones."""
        if name not in self._digests:
            text = repr(canonical(self.definitions[name]))
            self._digests[name] = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self._digests[name]


def code_digests(roots: Iterable[object]) -> dict[str, str]:
    """`{"fakeface/training.py:gan_step": digest, ...}` of all definitions reached from functions, classes or objects.

    Only the packages of the roots are followed: the versions of torch and NumPy are the stack's, which is recorded
    beside each session and not part of the identity.

    Raises:
        ValueError: a root is no function or class of a module's top level (a lambda, say), so that a change in it
            would go unseen.
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
        if name in module.imports:  # re-exported from a package
            imported, inner = module.imports[name]
            waiting.append((imported, inner or name))
            continue
        key, node = f"{module.label}:{name}", module.definitions.get(name)
        if node is None or key in digests:
            continue
        digests[key] = module.digest(name)
        waiting += _references(module_name, module, node)
    return dict(sorted(digests.items()))


def training_identity(config: TrainingConfig, seed: int, data_digest: str, code: dict[str, str]) -> str:
    """SHA-256 of all that decides the weights, as 64 hex digits."""
    settings = identity_settings(config)
    return canonical_digest({"settings": settings, "seed": seed, "data": data_digest, "code": code})


def canonical(node: Any) -> Any:
    """A syntax tree as nested tuples of what it does: no positions, docstrings, annotations, registrations.

    Empty fields are left out, so that a Python that adds one to its grammar changes no digest.
    """
    if isinstance(node, list):
        return tuple(canonical(item) for item in node)
    if not isinstance(node, ast.AST):
        return node
    fields = []
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "ctx", "kind", "type_comment", "type_params"}:
            continue
        if name == "body" and isinstance(value, list):
            value = _without_docstrings(value)
        if name == "decorator_list":
            value = [d for d in value if not _is_registration(d)]
        if value not in (None, []):
            fields.append((name, canonical(value)))
    return (type(node).__name__, *fields)


def _without_docstrings(body: list[ast.stmt]) -> list[ast.stmt]:
    """Strings that stand alone are documentation, of a function, a class or an attribute."""
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
        return Module(name)
    path = Path(spec.origin)
    package = name if spec.submodule_search_locations else name.rpartition(".")[0]
    file_name = f"{name.replace('.', '/')}{'/__init__' if spec.submodule_search_locations else ''}.py"
    module = Module(file_name)
    for statement in ast.parse(path.read_bytes()).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            module.definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
                module.definitions.update(dict.fromkeys(names, statement))
        elif isinstance(statement, ast.Import):
            module.imports.update({(a.asname or a.name): (a.name, None) for a in statement.names})
        elif isinstance(statement, ast.ImportFrom):
            base = importlib.util.resolve_name("." * statement.level + (statement.module or ""), package)
            module.imports.update({(a.asname or a.name): (base, a.name) for a in statement.names})
    return module


def _references(module_name: str, module: Module, node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Where the names that a definition uses (outside its annotations) are defined."""
    for name, attribute in _names(node):
        if name in module.definitions:
            yield module_name, name
        elif name in module.imports:
            imported, inner = module.imports[name]
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
