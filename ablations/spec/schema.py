"""The JSON Schema of a specification file, with the shorthand that pydantic does not know of."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, create_model

from ablations.spec.models import SpecFile
from ablations.spec.names import Name
from fakeface.config import Settings

_DROPPED = ("title", "identity")
_LISTS = {"extends", "imports"}
"""Lists that may be written as their one element."""


def schema(claim: type[Settings]) -> dict[str, Any]:
    """The schema that editors use: every key of a group optional, `{name: x}` also as `x`.

    Args:
        claim: the form of an entry of `claims`.
    """
    section: Any = Field(default_factory=dict, description=SpecFile.model_fields["claims"].description)
    fields: dict[str, Any] = {"claims": (dict[Name, claim], section)}  # type: ignore[valid-type]
    model = create_model("SpecFile", __base__=SpecFile, __doc__=SpecFile.__doc__, **fields)
    generated = model.model_json_schema()
    named = {
        f"#/$defs/{name}": group["description"]
        for name, group in generated["$defs"].items()
        if "name" in group.get("properties", {})
    }
    cleaned: dict[str, Any] = _cleaned(generated, named)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **cleaned}


def _cleaned(value: Any, named: Mapping[str, str]) -> Any:
    """Without titles and groups as defaults; `named` groups have a short form, and entries may be empty."""
    if isinstance(value, list):
        return [_cleaned(item, named) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _cleaned(item, named) for key, item in value.items() if not _is_clutter(key, item)}
    if kept.get("$ref") in named:
        reference = kept.pop("$ref")
        kept = {"description": named[reference], **kept}
        kept["anyOf"] = [{"type": "string"}, {"$ref": reference}]
    for key in _LISTS & kept.keys():
        if "items" in kept[key]:
            listed = {"type": kept[key].pop("type"), "items": kept[key].pop("items")}
            kept[key]["anyOf"] = [listed["items"], listed]
    if "patternProperties" in kept:
        entries = kept["patternProperties"].items()
        kept["patternProperties"] = {name: {"anyOf": [entry, {"type": "null"}]} for name, entry in entries}
        kept["additionalProperties"] = False
    return kept


def _is_clutter(key: str, item: Any) -> bool:
    return (key in _DROPPED and not isinstance(item, dict)) or (key == "default" and isinstance(item, dict))
