"""The code that some functions and classes reach, as digests of definitions, and how two sets of them differ.

Code enters as the syntax trees of the definitions that are reached from the step, the loop and the components that a
job names, without comments, docstrings, annotations and formatting. A new optimizer or measure therefore changes no
other training's identity, and a changed line in the step changes all of them. A definition counts by its name, not by
its file: moving a file, with the imports that follow it, changes no identity.

In this project's packages and in the user's own modules, definitions are followed. What the user's modules do when they
are imported, beyond definitions, may change any training, so it counts for all jobs of the specification. Packages that
the user's code reaches count by their versions.
"""

import ast
import hashlib
import importlib.metadata
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache

from ablations.code import user as user_modules
from ablations.code.modules import AT_IMPORT, Module, Use, chain_of, is_module, read_module, uses
from fakeface.declaration import Declaration
from fakeface.errors import UserError
from fakeface.gan import series
from fakeface.registry import Registry

NOT_FOLLOWED = {Registry.__module__, UserError.__module__, series.__name__, Declaration.__module__}
"""Modules that define what a name, an error, a logged series or its meaning is: none of them decides a weight."""
LINKS = "links"
"""Key of the digest of which definition refers to which, since a name may come to mean another definition."""
INSTALLED = "installed packages"
"""In place of the file of a package that counts by its version."""
IN_THE_STACK = {"torch", "torchvision", "numpy"}
"""Packages whose versions each session records, as it does the machine's."""
HIDDEN_CODE = {"exec", "eval", "compile", "globals", "__import__"}
"""Built-in functions that reach code which cannot be read from the file."""

Address = tuple[str, str]
"""A module and a name in it."""


def code_digests(roots: Iterable[object]) -> dict[str, str]:
    """`{"fakeface/gan/step.py:gan_step": digest, ...}` of all definitions reached from some functions or classes.

    The class of an object counts for the object. The labels are for people; `without_files` is what enters an identity.

    Raises:
        ValueError: a root is not a function or class at the top level of a module (a lambda, say), so that a change
            in it would go unnoticed.
        UserError: the user's code reaches what cannot be followed, such as `exec`.
    """
    waiting = [_address(root) for root in roots]
    for module_name, name in waiting:
        if not _is_followed(module_name) or name not in _module(module_name).definitions:
            raise ValueError(
                f"{module_name}: {name} is not defined by `def` or `class` at the top of its module"
            )
    for name in user_modules.modules():
        _check_patches(name, user_modules.current_number())
        waiting += _on_import(name)
    reached: dict[Address, tuple[Address, ...]] = {}
    packages: set[str] = set()
    while waiting:
        address = waiting.pop()
        if address not in reached:
            reached[address], found = _references(*address, user_modules.current_number())
            packages |= found
            waiting += [*reached[address], *_on_import(address[0])]
    digests = {f"{_module(module).label}:{name}": _module(module).digest(name) for module, name in reached}
    versions = {f"{INSTALLED}:{name}": importlib.metadata.version(name) for name in packages}
    return {**dict(sorted((digests | versions).items())), LINKS: _links(reached)}


def without_files(code: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labelled digests as (name, digest) in alphabetical order: the code as an identity sees it."""
    return [*_without_files(tuple(code.items()))]


@lru_cache(256)
def _without_files(code: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """All jobs of a run share their code, and a plan has thousands of jobs."""
    return tuple(sorted((_split(label)[1], digest) for label, digest in code))


def users_digests(root: object) -> dict[str, str]:
    """Labelled digests of what a component reaches in the user's modules; empty where it reaches none."""
    return {
        label: digest
        for label, digest in code_digests([root]).items()
        if label != LINKS and label.partition("/")[0] not in user_modules.OURS
    }


def users_code(root: object) -> str:
    """A digest of what a component reaches in the user's modules, 16 hex digits."""
    return _hash(repr(without_files(users_digests(root))))


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
        if label != LINKS and name in new | gone and now.get(label) != then.get(label) and not moved:
            change = "changed" if name in new & gone else "is new" if name in new else "is gone"
            words.append(f"{name} in {file} {change}")
    if not words and after != before:
        words.append("names of the code refer to other definitions than before")
    return words


def changed_since(root: object, then: Mapping[str, str]) -> list[str]:
    """The same for what one component reaches, against the labelled digests of a whole training."""
    now = code_digests([root])
    own = {old: then[old] for label in now if (old := _counterpart(label, now, then)) is not None}
    return code_changes({**now, LINKS: ""}, {**own, LINKS: ""})


def _counterpart(label: str, now: Mapping[str, str], then: Mapping[str, str]) -> str | None:
    """The label that a definition had: the same, or, where its file was moved, one of the same name in another file.

    Others may have that name too, as an initializer and a network do; the same digest tells them apart.
    """
    if label in then:
        return label
    name = _split(label)[1]
    others = [other for other in then if _split(other)[1] == name and other not in now]
    return next((other for other in others if then[other] == now[label]), others[0] if others else None)


def _split(label: str) -> tuple[str, str]:
    file, _, name = label.partition(":")
    return file, name


def _address(root: object) -> Address:
    definition = root if inspect.isfunction(root) or inspect.isclass(root) else type(root)
    return definition.__module__, definition.__qualname__.partition(".")[0]


def _module(name: str) -> Module:
    """A module, read once for as long as the same modules of the user are loaded."""
    return _read(name, user_modules.current_number())


@cache
def _read(name: str, _: int) -> Module:
    return read_module(name)


def _links(reached: Mapping[Address, Sequence[Address]]) -> str:
    """A digest of the graph of references, in which a definition counts by what it does and not by where it is.

    Colours of nodes are refined by those of their targets (Weisfeiler and Leman 1968) until none splits any more.
    """
    colours = {address: f"{address[1]} {_module(address[0]).digest(address[1])}" for address in reached}
    count = 0
    while len(set(colours.values())) > count:
        count = len(set(colours.values()))
        colours = {
            address: _hash(" ".join([colours[address], *(colours[target] for target in targets)]))
            for address, targets in reached.items()
        }
    return _hash(" ".join(sorted(colours.values())))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# -- what a name refers to ---------------------------------------------------------------------------------------


def _is_followed(module: str) -> bool:
    if module in NOT_FOLLOWED:
        return False
    return module.partition(".")[0] in user_modules.OURS or user_modules.is_users(module)


def _on_import(module: str) -> list[Address]:
    """What counts whenever a user's module is imported: its statements, and those of the packages that it is in."""
    parts = module.split(".")
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    return [
        (name, own)
        for name in names
        if _is_followed(name) and _module(name).is_users
        for own in _run_on_import(name, user_modules.current_number())
    ]


@cache
def _run_on_import(name: str, _: int) -> list[str]:
    """Loose statements, and definitions that enter something else when they are made.

    Such are the entries of a user's own table, made by a decorator of theirs or by `__init_subclass__`: nothing that
    uses the table names them.
    """
    module = _module(name)
    found = [AT_IMPORT] if AT_IMPORT in module.definitions else []
    for own, statements in module.definitions.items():
        for node in statements:
            decorators = [d for d in getattr(node, "decorator_list", ()) if not module.is_registration(d)]
            parents = (
                [*node.bases, *(k.value for k in node.keywords)] if isinstance(node, ast.ClassDef) else []
            )
            if _enters(module, decorators, _has_effect) or _enters(module, parents, _watches_subclasses):
                found.append(own)
    return found


def _enters(
    module: Module, expressions: Sequence[ast.AST], condition: Callable[[Module, ast.stmt], bool]
) -> bool:
    """Whether any of the user's definitions that some expressions reach meets a condition."""
    waiting = [a for e in expressions for use in uses(module, e) for a in _targets(module, use)]
    seen: set[Address] = set()
    while waiting:
        address = waiting.pop()
        owner = _module(address[0])
        if address in seen or not owner.is_users:
            continue
        seen.add(address)
        if any(condition(owner, statement) for statement in owner.definitions[address[1]]):
            return True
        waiting += _references(*address, user_modules.current_number())[0]
    return False


def _has_effect(module: Module, statement: ast.stmt) -> bool:
    """Whether a function may change a value of its module: `TABLE[name] = f`, `TABLE.append(f)`, `global count`."""
    if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return False
    if any(isinstance(node, ast.Global) for node in ast.walk(statement)):
        return True
    reached = {address for use in uses(module, statement) for address in _targets(module, use)}
    return any(
        isinstance(value, ast.Assign | ast.AnnAssign) and not isinstance(value.value, ast.Constant)
        for name, inner in reached
        if _module(name).is_users
        for value in _module(name).definitions[inner]
    )


def _watches_subclasses(_: Module, statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ClassDef) and (
        any(isinstance(s, ast.FunctionDef) and s.name == "__init_subclass__" for s in statement.body)
        or any(isinstance(base, ast.Name) and base.id == "type" for base in statement.bases)
    )


@cache
def _references(module_name: str, name: str, _: int) -> tuple[tuple[Address, ...], frozenset[str]]:
    """The followed definitions that a definition uses, in order, and the packages that a user's one uses."""
    module = _module(module_name)
    found: list[Address] = []
    packages: set[str] = set()
    for statement in module.definitions[name]:
        for use in uses(module, statement):
            found += _targets(module, use)
            if module.is_users:
                _refuse_hidden(module, use)
                packages |= _packages(module, use)
        if module.is_users:
            found += _computed(module, statement)
    return tuple(found), frozenset(packages)


def _targets(module: Module, use: Use, seen: frozenset[Address] = frozenset()) -> Iterator[Address]:
    """The definitions that a name with its attributes refers to."""
    if (module.name, use.name) in seen:
        return
    seen |= {(module.name, use.name)}
    if use.name in module.definitions:
        yield module.name, use.name
    for imported, inner in module.imports.get(use.name, ()):
        attributes = use.attributes if inner is None else (inner, *use.attributes)
        yield from _within(imported, attributes, use, seen)
    if use.name not in module.definitions and use.name not in module.imports:
        for star in module.stars:
            if _is_followed(star) and _has(_module(star), use.name):
                yield from _within(star, (use.name, *use.attributes), use, seen)


def _within(name: str, attributes: tuple[str, ...], use: Use, seen: frozenset[Address]) -> Iterator[Address]:
    """The definitions that attributes of a module refer to: all of a user's module, where that cannot be seen."""
    if not _is_followed(name):
        return
    module = _module(name)
    if attributes and _has(module, attributes[0]):
        yield from _targets(module, use._replace(name=attributes[0], attributes=attributes[1:]), seen)
    elif attributes and is_module(f"{name}.{attributes[0]}"):
        yield from _within(f"{name}.{attributes[0]}", attributes[1:], use, seen)
    elif module.is_users:
        yield from ((name, own) for own in module.definitions)
        for own in module.imports:
            yield from _targets(module, use._replace(name=own, attributes=()), seen)


def _has(module: Module, name: str) -> bool:
    if name in module.definitions or name in module.imports:
        return True
    return any(_is_followed(star) and _has(_module(star), name) for star in module.stars)


def _packages(module: Module, use: Use) -> set[str]:
    """The installed packages behind a name, but for those whose versions each session records."""
    found: set[str] = set()
    for imported, _ in module.imports.get(use.name, ()):
        top = imported.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in IN_THE_STACK and not _is_followed(top):
            found |= set(_distributions().get(top, ())) if top not in user_modules.OURS else set()
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _computed(module: Module, statement: ast.stmt) -> Iterator[Address]:
    """What a user's definition reaches by a constant name: `NETWORKS["dcgan"]`, `import_module("helpers")`.

    Raises:
        UserError: the name is computed.
    """
    for node in ast.walk(statement):
        if isinstance(node, ast.Subscript) and (chain := chain_of(node.value)) is not None:
            for registry in _registries(module, chain):
                if not isinstance(node.slice, ast.Constant):
                    raise _refusal(
                        module, node.lineno, f"a {registry.kind} by a computed name", "write its name"
                    )
                yield _address(registry.definition(str(node.slice.value)))
        elif isinstance(node, ast.Call) and _is_import(module, chain_of(node.func)):
            if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant) or node.keywords:
                raise _refusal(
                    module, node.lineno, "a module by a computed name", "import it by an import statement"
                )
            constant = Use("", (), node.lineno)
            yield from _within(str(node.args[0].value), (), constant, frozenset())


def _registries(module: Module, chain: Use) -> Iterator[Registry[object]]:
    for name, inner in _targets(module, chain):
        value = getattr(sys.modules.get(name), inner, None)
        if isinstance(value, Registry):
            yield value


def _is_import(module: Module, chain: Use | None) -> bool:
    if chain is None:
        return False
    return "importlib.import_module" in _imported_names(module, chain)


def _imported_names(module: Module, use: Use) -> list[str]:
    """The full names that an imported name with its attributes may stand for, and each part of them."""
    full = [(m, *filter(None, [inner]), *use.attributes) for m, inner in module.imports.get(use.name, ())]
    return [".".join(parts[:end]) for parts in full for end in range(1, len(parts) + 1)]


def _refuse_hidden(module: Module, use: Use) -> None:
    """Raises UserError for a use of code that is not in the file."""
    known = use.name in module.definitions or use.name in module.imports
    if use.name in HIDDEN_CODE and not known:
        raise _refusal(
            module, use.line, f"code that {use.name} makes or finds", "write it out as definitions"
        )
    for attribute in ("__subclasses__", "__globals__"):
        if attribute in use.attributes:
            raise _refusal(module, use.line, f"what {attribute} finds", "name it")
    if "sys.modules" in _imported_names(module, use):
        raise _refusal(module, use.line, "a module through sys.modules", "import it by an import statement")


@cache
def _check_patches(name: str, _: int) -> None:
    """Raises UserError where a user's module assigns to what belongs to this project."""
    module = _module(name)
    for statements in module.definitions.values():
        for statement in statements:
            for use in uses(module, statement):
                if not use.stored:
                    continue
                reached = [m for m, _ in (*module.imports.get(use.name, ()), *_targets(module, use))]
                ours = [m for m in reached if m.partition(".")[0] in user_modules.OURS]
                if ours:
                    what = ".".join([use.name, *use.attributes])
                    words = f"assigns to {what}, which belongs to {ours[0]} and would change every run unseen"
                    raise UserError(
                        f"{module.label}:{use.line}: {words}: register a component of your own instead"
                    )


def _refusal(module: Module, line: int, what: str, advice: str) -> UserError:
    words = f"reaches {what}, so that a change of it would go unnoticed: {advice}"
    return UserError(f"{module.label}:{line}: {words}")
