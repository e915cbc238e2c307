"""Source files as syntax trees: what is defined at the top level, what each name refers to, what a definition uses."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ablations.code import user as user_modules
from fakeface.config import TrainingConfig

SETTINGS = TrainingConfig.__module__
"""Its classes count by their methods: the values of their fields are in the identity already."""
AT_IMPORT = "what runs on import"
"""Name under which the statements at the top of a user's file that are neither definitions nor imports are found."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BLOCKS = (ast.If, ast.Try, ast.With)


class Use(NamedTuple):
    """A global name that is used, with the attributes taken of it: `helpers.consts.SCALE`."""

    name: str
    attributes: tuple[str, ...]
    line: int
    stored: bool = False
    """Whether an attribute or element of it is assigned or deleted."""


class Imported(NamedTuple):
    """What an imported name refers to."""

    module: str
    name: str | None
    """None where the name is the module itself."""


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    """Dotted: `fakeface.gan.step`."""
    label: str
    """The file as `fakeface/gan/step.py`."""
    is_users: bool = False
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """Name -> the statements at the top level that bind it."""
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Modules of which every name is imported."""
    loose_before: dict[int, int] = field(default_factory=dict)
    """Line of a user's value -> number of statements before it that run on import and may change what it becomes."""

    _digests: dict[str, str] = field(default_factory=dict)

    def digest(self, name: str) -> str:
        """Of what a definition does, 16 hex digits; computed once, since many runs reach the same ones."""
        if name not in self._digests:
            does = [(self.loose_before.get(s.lineno, 0), canonical(s, self)) for s in self.definitions[name]]
            self._digests[name] = hashlib.sha256(repr(does).encode()).hexdigest()[:16]
        return self._digests[name]

    def is_registration(self, node: ast.AST) -> bool:
        """Whether an expression is `LOSSES.register("name")` of a registry of this project."""
        call = node.func if isinstance(node, ast.Call) else node
        if not (isinstance(call, ast.Attribute) and call.attr == "register"):
            return False
        root = chain_of(call)
        found = self.imports.get(root.name, ()) if root else ()
        return not self.is_users or any(_is_ours(module) for module, _ in found)


def read_module(name: str) -> Module:
    """The module of a name; one without definitions where there is no source."""
    spec = user_modules.locate(name)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return Module(name, name)
    is_users = user_modules.is_users(name)
    is_package = spec.submodule_search_locations is not None
    ending = "/__init__.py" if is_package else ".py"
    label = user_modules.shown(spec.origin) if is_users else f"{name.replace('.', '/')}{ending}"
    if label == spec.origin:
        label = f"{name.replace('.', '/')}{ending}"
    module = Module(name, label, is_users)
    text = user_modules.text_of(spec.origin) if is_users else Path(spec.origin).read_bytes()
    statements = [s for s in ast.parse(text).body if not _never_runs(s)]
    _gather_imports(module, statements, name if is_package else name.rpartition(".")[0])
    _gather_definitions(module, statements)
    return module


def _never_runs(statement: ast.stmt) -> bool:
    """Whether a statement does nothing on import: a docstring, `if TYPE_CHECKING`, `if __name__ == "__main__"`."""
    if isinstance(statement, ast.If) and not statement.orelse:
        test = ast.unparse(statement.test)
        return test.endswith("TYPE_CHECKING") or test in ("__name__ == '__main__'", "'__main__' == __name__")
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _gather_imports(module: Module, statements: list[ast.stmt], package: str) -> None:
    for node in (node for s in statements for node in ast.walk(s)):  # a function may import what it needs
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = Imported(alias.name if alias.asname else alias.name.partition(".")[0], None)
                module.imports.setdefault(alias.asname or bound.module, []).append(bound)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                if alias.name == "*":
                    module.stars.append(base)
                else:
                    module.imports.setdefault(alias.asname or alias.name, []).append(
                        Imported(base, alias.name)
                    )


def _gather_definitions(module: Module, statements: list[ast.stmt]) -> None:
    for statement in statements:
        if isinstance(statement, ast.ClassDef) and module.name == SETTINGS:
            statement.body = [line for line in statement.body if not isinstance(line, ast.AnnAssign)]
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            for name in _bound(statement, imports=True):
                module.definitions.setdefault(name, []).append(statement)
    if not module.is_users:
        return
    again = {
        statement.lineno
        for found in module.definitions.values()
        if len(found) > 1 and not all(isinstance(s, _DEFINITIONS) for s in found)
        for statement in found
    }
    loose: list[ast.stmt] = []
    for statement in statements:
        module.loose_before[statement.lineno] = 0 if isinstance(statement, _DEFINITIONS) else len(loose)
        if statement.lineno in again or not (_only_defines(statement) or _registers(module, statement)):
            loose.append(statement)
    if loose:
        module.definitions[AT_IMPORT] = loose


def _only_defines(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return all(
            isinstance(n, ast.Name | ast.Tuple | ast.List | ast.Starred) for n in _targets(statement.targets)
        )
    if isinstance(statement, ast.AnnAssign):
        return isinstance(statement.target, ast.Name)
    if isinstance(statement, _BLOCKS):
        inner = [s for s in ast.iter_child_nodes(statement) if isinstance(s, ast.stmt)]
        inner += [s for handler in getattr(statement, "handlers", ()) for s in handler.body]
        return all(_only_defines(s) for s in inner)
    return isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, *_DEFINITIONS))


def _targets(targets: list[ast.expr]) -> Iterator[ast.expr]:
    for target in targets:
        yield target
        if isinstance(target, ast.Tuple | ast.List):
            yield from _targets(target.elts)
        elif isinstance(target, ast.Starred):
            yield from _targets([target.value])


def _registers(module: Module, statement: ast.stmt) -> bool:
    """Whether a statement is `LOSSES.register("name")(Hinge)`, and no more."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and module.is_registration(call.func)
        and all(isinstance(argument, ast.Name | ast.Attribute) for argument in call.args)
    )


# -- what a definition does --------------------------------------------------------------------------------------


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
        and _is_alike(module, node.value.id)
    ):
        return ("Reached", node.attr)
    fields = []
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "ctx", "kind", "type_comment", "type_params"}:
            continue
        if name == "body" and isinstance(value, list):
            value = _without_docstrings(value)
        if name == "decorator_list":
            value = [d for d in value if not module.is_registration(d)]
        if value not in (None, []) and not (
            isinstance(node, ast.ImportFrom) and _is_place(name, node, module)
        ):
            fields.append((name, canonical(value, module)))
    return (type(node).__name__, *fields)


def _is_place(name: str, node: ast.ImportFrom, module: Module) -> bool:
    """Whether a field of an import says where a definition is that counts by its own."""
    return name == "level" or (name == "module" and (node.level > 0 or _alike(module, node.module or "")))


def _is_alike(module: Module, name: str) -> bool:
    """Whether an imported name stands for a module of which `_alike` holds."""
    return any(
        _alike(module, imported) and (inner is None or is_module(f"{imported}.{inner}"))
        for imported, inner in module.imports.get(name, ())
    )


def _alike(module: Module, other: str) -> bool:
    """Whether another module is, as this one, of this project or the user's: what it defines counts by its own."""
    return user_modules.is_users(other) if module.is_users else _is_ours(other)


def _without_docstrings(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements but for lone constants, which document a function, a class or an attribute."""
    return [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in user_modules.OURS


def is_module(name: str) -> bool:
    """Whether there is a module of this dotted name. Executes nothing."""
    return user_modules.locate(name) is not None


# -- what a definition uses --------------------------------------------------------------------------------------


def uses(module: Module, node: ast.AST, hidden: frozenset[str] = frozenset()) -> Iterator[Use]:
    """The global names that are used at or below a node, in order; annotations and registrations aside.

    Args:
        hidden: names that are local here.
    """
    if (changed := _changed(node)) is not None and changed.name not in hidden:
        yield changed
    if (chain := chain_of(node)) is not None:
        if chain.name not in hidden:
            yield chain
        return
    if isinstance(node, _FUNCTIONS):
        yield from _uses_of_function(module, node, hidden)
        return
    if isinstance(node, _COMPREHENSIONS):
        yield from _uses_of_comprehension(module, node, hidden)
        return
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not (
                name == "decorator_list" and module.is_registration(child)
            ):
                yield from uses(module, child, hidden)


def _uses_of_comprehension(
    module: Module, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, hidden: frozenset[str]
) -> Iterator[Use]:
    first = node.generators[0].iter  # outside the scope of the targets
    yield from uses(module, first, hidden)
    inner = hidden | {name for generator in node.generators for name in _bound(generator.target)}
    for child in ast.iter_child_nodes(node):
        parts = ast.iter_child_nodes(child) if isinstance(child, ast.comprehension) else [child]
        for part in parts:
            if part is not first:
                yield from uses(module, part, inner)


def _uses_of_function(
    module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, hidden: frozenset[str]
) -> Iterator[Use]:
    outside = [d for d in getattr(node, "decorator_list", ()) if not module.is_registration(d)]
    for part in [*outside, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
        yield from uses(module, part, hidden)
    arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    body = node.body if isinstance(node.body, list) else [node.body]
    for part in body:
        yield from uses(module, part, hidden | arguments | _locals(body))


def _locals(body: list[Any]) -> set[str]:
    """The names that the body of a function binds, but for those that it imports or declares global."""
    declared = {
        n for part in body for node in ast.walk(part) if isinstance(node, ast.Global) for n in node.names
    }
    return {name for part in body for name in _bound(part)} - declared


def _bound(node: ast.AST, *, imports: bool = False) -> set[str]:
    """The names that a statement binds in its own scope: assigned, defined, caught, matched."""
    found: set[str] = set()
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return {name}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Lambda():
            return found
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return (
                {(a.asname or a.name).partition(".")[0] for a in names if a.name != "*"} if imports else found
            )
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            walruses = [n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            return {n.id for n in walruses}
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            found.add(name)
        case ast.MatchMapping(rest=str(name)):
            found.add(name)
    for child in ast.iter_child_nodes(node):
        found |= _bound(child, imports=imports)
    return found


def chain_of(node: ast.AST) -> Use | None:
    """`helpers.consts.SCALE` as a name with attributes; None where the first part is no name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return Use(node.id, tuple(reversed(attributes)), node.lineno) if isinstance(node, ast.Name) else None


def _changed(node: ast.AST) -> Use | None:
    """What a node changes in place: `step` of `step.TABLE["a"].b = 1`, `del step.x` and `setattr(step, "x", 1)`."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("setattr", "delattr")
    ):
        target: ast.AST | None = node.args[0] if node.args else None
    else:
        is_target = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
            node.ctx, ast.Store | ast.Del
        )
        target = node.value if is_target else None  # type: ignore[attr-defined]
    while target is not None and chain_of(target) is None:
        target = getattr(target, "value", None) or getattr(target, "func", None)
    chain = None if target is None else chain_of(target)
    return None if chain is None else chain._replace(stored=True)
