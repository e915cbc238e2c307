"""Checks trees with pydantic models: shorthand, short messages with a place, and layers of settings.

A setting is known by its path of keys, `("optimizer", "lr")`; a layer is the settings that one place in the
file gives, by path. Layers merge setting by setting, so that a higher one changes what it names and no more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ablations.spec.yaml_tree import Node, Place, Problem, shortened
from fakeface.config import PathText
from fakeface.files import absolute
from fakeface.registry import nearest

SettingPath = tuple[str, ...]
Layer = Mapping[SettingPath, Node]
Merged = Mapping[SettingPath, tuple[Node, int]]
"""The settings of several layers, lowest first, each with the number of its layer."""
Model = TypeVar("Model", bound=BaseModel)

LISTED_NAMES = 15
# Each pair says one thing in two ways: the one in a higher layer replaces the other.
_ALTERNATIVES: dict[SettingPath, SettingPath] = {
    ("train", "steps"): ("train", "epochs"),
    ("train", "epochs"): ("train", "steps"),
}

_MESSAGES = {
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "int_type": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be a name of letters, digits and any of . _ + -",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "too_long": "must have at most {max_length} elements",
    "too_short": "must not be empty",
}


def expand(kind: Any, node: Node) -> Node:
    """Write shorthand out: `optimizer: sgd` as `{name: sgd}`, `extends: a` as `[a]`, an empty run as `{}`.

    A relative path becomes absolute: it is relative to the file in which it was written, or to the working directory
    if it was an option of the command.
    """
    if not isinstance(node.value, dict):
        return node
    entries = {}
    for key, child in node.value.items():
        inner = _kind_of(kind, key)
        if isinstance(child.value, str) and _is_model(inner) and "name" in inner.model_fields:
            child = replace(child, value={"name": child})
        elif isinstance(child.value, str) and _is_names(inner):
            child = replace(child, value=[child])
        elif isinstance(child.value, str) and child.value.strip() and PathText in get_args(inner):
            base = Path(child.place.source).parent if child.place.line else Path()
            child = replace(child, value=str(absolute(child.value, base)))
        elif child.value is None and get_origin(kind) is dict and _is_model(inner):
            child = replace(child, value={})
        entries[key] = expand(inner, child)
    return replace(node, value=entries)


def validate(model: type[Model], node: Node, problems: list[Problem]) -> Model | None:
    """The validated settings; or None, with each error in `problems` at the place of what caused it."""
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        found: dict[Place, list[ErrorDetails]] = {}
        for details in error.errors(include_url=False):
            *_, last = node.descend(details["loc"])
            if details["type"] == "too_short" and (last.items() or last.fields()):
                continue  # pydantic counts only the valid elements; the others have their own error
            found.setdefault(last.place, []).append(details)
        problems += [_problem(model, node, group) for group in found.values()]
        return None


def layer_of(kind: Any, node: Node) -> Layer:
    """The settings that `node` gives, by path. Unknown keys are left to `validate`."""
    return dict(_settings(kind, node, ()))


def merge(layers: Sequence[Layer], below: Merged = MappingProxyType({})) -> Merged:
    """The settings of the layers (lowest first), on top of those that are merged already.

    Options belong to the component that they were written for: a layer that names another one drops them.
    """
    merged = dict(below)
    first = 1 + max((index for _, index in below.values()), default=-1)
    for index, layer in enumerate(layers, first):
        for path, node in layer.items():
            if node.value is not None and path in _ALTERNATIVES:
                merged.pop(_ALTERNATIVES[path], None)
            if path[-1] == "name" and path in merged and merged[path][0].value != node.value:
                options = (*path[:-1], "options")
                merged = {key: value for key, value in merged.items() if key[: len(options)] != options}
        for path, node in layer.items():
            merged.pop(path, None)
            merged[path] = (node, index)
    return merged


def nest(layer: Layer, place: Place) -> Node:
    """The tree of a layer's settings; the mappings between the root and the settings have this place."""
    root: dict[str, Any] = {}
    for path, node in layer.items():
        inner = root
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = node
    return _nested(root, place)


def value_at(config: BaseModel, path: SettingPath) -> Any:
    """The value of a setting; None for an option that is not given."""
    value: Any = config
    for key in path:
        value = value.get(key) if isinstance(value, dict) else getattr(value, key)
    return value


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """`unknown run 'sgdd' — did you mean 'sgd'?`, or the known names where none is near."""
    name = shortened(name, 100)
    initials = "".join(part[:1] for part in name.split("_"))
    hint = nearest(initials if initials in known else name, list(known))
    listed = ", ".join(known[:LISTED_NAMES]) + (", ..." if len(known) > LISTED_NAMES else "")
    return f"unknown {what} {name!r}{hint or f' (known: {listed})'}"


def _problem(model: type[BaseModel], root: Node, group: Sequence[ErrorDetails]) -> Problem:
    """One problem of the errors at one place: several are the branches of a union."""
    details = next((one for one in group if not one["type"].endswith("_type")), group[0])
    location, kind = details["loc"], details["type"]
    *above, node = root.descend(location)
    if kind == "extra_forbidden":
        fields = _kind_at(model, location[:-1]).model_fields
        key, known = str(location[-1]), [field.alias or name for name, field in fields.items()]
        if location[:-1] and key in model.model_fields:
            message = f"the key {key!r} belongs at the top level of the file"
        else:
            message = unknown("key", key, known)
        return Problem(node.key.at(above[-1].place.path), message)
    if kind == "missing":
        last = group[-1]["loc"][-1]
        if isinstance(last, int):
            return Problem(node.place, f"must have {last + 1} elements (got {len(node.items())})")
        return Problem(node.place, f"the key {last!r} is missing")
    if kind == "value_error":
        message = str(details["ctx"]["error"])
        return Problem(_latest(node, message).place, message)
    messages = dict.fromkeys(_message(one) for one in ([details] if details is not group[0] else group))
    message = " or ".join(messages).replace(" or must be", " or")
    if location[-1:] == ("[key]",):
        return Problem(node.key, f"{message} (got {location[-2]!r})")
    if kind == "model_type" and "name" in _kind_at(model, location).model_fields and location:
        message = "must be a name or a mapping"
    return Problem(node.place, f"{message} (got {node.shown()})")


def _message(details: ErrorDetails) -> str:
    if details["type"] not in _MESSAGES:
        return details["msg"][:1].lower() + details["msg"][1:]
    context = {
        key: f"{value:g}" if isinstance(value, float) else str(value).replace(" or ", ", ")
        for key, value in (details.get("ctx") or {}).items()
    }
    return _MESSAGES[details["type"]].format(**context)


def _settings(kind: Any, node: Node, path: SettingPath) -> Iterator[tuple[SettingPath, Node]]:
    if not (_is_model(kind) or get_origin(kind) is dict):
        yield path, node
        return
    for key, child in node.fields().items():
        inner = _kind_of(kind, key)
        if inner is not None:
            yield from _settings(inner, child, (*path, key))


def _nested(value: dict[str, Any] | Node, place: Place) -> Node:
    if isinstance(value, Node):
        return value
    below = {
        key: _nested(child, place.at(f"{place.path}.{key}" if place.path else key))
        for key, child in value.items()
    }
    return Node(below, place, place)


def _latest(node: Node, message: str) -> Node:
    """The setting written last below `node`, of those that `message` names in backticks if it names any."""
    leaves = list(_leaves(node))
    named = [leaf for leaf in leaves if f"`{leaf.key.path.rpartition('.')[2]}`" in message]
    return (named or leaves or [node])[-1]


def _leaves(node: Node) -> Iterator[Node]:
    if not node.fields():
        yield node
    for child in node.fields().values():
        yield from _leaves(child)


def _kind_at(model: type[BaseModel], path: Sequence[str | int]) -> Any:
    kind: Any = model
    for part in path:
        kind = _kind_of(kind, str(part))
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_names(kind: Any) -> bool:
    """Whether this is the type of a list of (constrained) strings."""
    arguments = get_args(kind)
    return arguments[1:] == (...,) and get_args(arguments[0])[:1] == (str,)


def _kind_of(kind: Any, key: str) -> Any:
    """The type of the value under `key` in a value of type `kind`; None if the key is not allowed."""
    if _is_model(kind):
        field = kind.model_fields.get(key)
        return _unless_none(field.annotation) if field else None
    return get_args(kind)[1] if get_origin(kind) is dict else None


def _unless_none(kind: Any) -> Any:
    """The model of `Model | None`; any other type as it is."""
    models = [one for one in get_args(kind) if _is_model(one)]
    return models[0] if len(models) == 1 and type(None) in get_args(kind) else kind
