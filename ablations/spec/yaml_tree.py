"""YAML 1.2 text -> a tree that knows where every value was written, and errors that say so.

One document of plain mappings, lists and scalars. Anchors, aliases and tags are refused: runs share settings
by `extends`, which an error message can follow (and a tree without aliases cannot grow beyond its text).
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fakeface.errors import UserError
from fakeface.terminal import printable

SHOWN_ERRORS = 20
MAX_BYTES = 4_000_000
_MAX_DEPTH = 32
_MAX_NUMBER = 100

_LONGEST_KEY = 1024
"""PyYAML's limit, in characters."""
_SYNTAX_ERRORS = {
    "'\\t'": "a tab here; use spaces",
    "<block end>": "this does not fit the indentation or the lines above it",
    "mapping values are not allowed": "a colon that cannot be here: put a text with a colon in quotes, and look for a "
    "missing colon on the line above",
    "could not find expected ':'": "a line without a colon: give each key its `key: value`",
    "sequence entries are not allowed": "a list cannot begin here; put each `- item` on a line of its own",
    "that cannot start any token": "a text that begins with this character needs quotes",
    "expected alphabetic or numeric": "a text that begins with & or * needs quotes",
    "unexpected end of stream": "a quote that is not closed",
    "unknown escape character": "no such escape; in single quotes a backslash is only a backslash",
    "expected ',' or": "a comma, or the end of these brackets, is missing before this",
    "expected the node content": "a value is missing before this",
    "but found another document": "a second document; a specification is one",
    "expected '<document start>'": "this does not belong to the mapping above it",
}
"""PyYAML's errors in other words, each by a part of its text."""

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Place:
    """Where something was written: a line and column of a file, or (line 0) an option of the command."""

    source: str
    path: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        source = shortened(self.source, 300)
        at = f"{source}:{self.line}:{self.column}" if self.line else source
        return f"{at}: {shortened(self.path, 150)}" if self.path else at

    def at(self, path: str) -> "Place":
        """The same spot, named by another path."""
        return Place(self.source, path, self.line, self.column)


@dataclass(frozen=True)
class Problem:
    """One error and its place; as text, one line."""

    place: Place
    message: str

    def __str__(self) -> str:
        return printable(f"{self.place}: {shortened(self.message, 500)}")


class SpecError(UserError):
    """A specification that cannot be used. The message has one line for each error, in the file's order.

    Args:
        complete: whether these are all the problems; False where looking for the others would take too long.
    """

    def __init__(self, problems: Iterable[Problem], *, complete: bool = True) -> None:
        # What an option of the command got wrong comes after the file's own errors.
        ordered = sorted(problems, key=lambda p: (p.place.line == 0, p.place.line, p.place.column))
        self.problems = tuple(dict.fromkeys(ordered))
        lines = list(dict.fromkeys(str(problem) for problem in self.problems))
        if len(lines) > SHOWN_ERRORS:
            count = f"{len(lines) - SHOWN_ERRORS} more errors ({len(lines)} in all)"
            lines[SHOWN_ERRORS:] = [f"... and {count if complete else 'more errors'}"]
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Node:
    """A value, the place of it and of its key, and its text as written."""

    value: Any  # a scalar, a list of Nodes, or a dict of Nodes by key
    place: Place
    key: Place
    text: str = ""

    def plain(self) -> Any:
        """The value in plain Python types."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> "Node":
        """The value under `key` of this mapping; an empty one where there is none."""
        return self.fields().get(key) or Node(None, self.place, self.key)

    def fields(self) -> dict[str, "Node"]:
        """The entries of this mapping; none where it is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> list["Node"]:
        """The elements of this list; none where it is no list."""
        return self.value if isinstance(self.value, list) else []

    def descend(self, path: Sequence[str | int]) -> Iterator["Node"]:
        """This node and those below it along `path`, as far as it exists."""
        node = self
        yield node
        for part in path:
            entries: dict[Any, Node] = (
                dict(enumerate(node.value)) if isinstance(node.value, list) else node.fields()
            )
            if part not in entries:
                return
            node = entries[part]
            yield node

    def shown(self) -> str:
        """What was written, short, for a message."""
        if isinstance(self.value, dict | list):
            return "a mapping" if isinstance(self.value, dict) else "a list"
        if self.value is None:
            return "nothing"
        text = shortened(self.text, 40)
        return repr(text) if isinstance(self.value, str) else text


def plain_node(value: Any, place: Place) -> Node:
    """A value as if it had been written at a place."""
    inner = [plain_node(item, place) for item in value] if isinstance(value, list | tuple) else value
    return Node(inner, place, place, str(value))


def read_yaml(path: Path, problems: list[Problem]) -> Node:
    """The tree of a file; keys given twice are added to `problems`.

    Raises:
        SpecError: no such file, not a file of text (a pipe, a device), not readable, too large, not UTF-8, or not YAML.
    """
    source = str(path)
    try:
        why = _not_a_text_file(path.stat())
        data = b"" if why else path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        if isinstance(error, FileNotFoundError):
            why = "there is no such file here; name the specification with --spec"
    if why:
        raise SpecError([Problem(Place(source), f"cannot be read: {why}")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_in(data[: error.start].decode(), len(data[: error.start].decode()), source)
        raise SpecError(
            [Problem(place, f"not UTF-8 text (byte 0x{data[error.start]:02x}): save it as UTF-8")]
        ) from None
    return _parse(text, source, "", problems, located=True)


def _not_a_text_file(found: os.stat_result) -> str:
    """Why a file is not read: another kind might never end. Empty if it can be."""
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        return "it is a pipe or a device; give a regular file"
    if found.st_size > MAX_BYTES:
        return f"it has {found.st_size:,} bytes; a specification has at most {MAX_BYTES:,}"
    return ""


def parse_option(text: str, source: str, path: str, problems: list[Problem]) -> Node:
    """The tree of a value given on the command line, which `source` names.

    Raises:
        SpecError: not YAML.
    """
    return _parse(text, source, path, problems, located=False)


def _parse(text: str, source: str, path: str, problems: list[Problem], *, located: bool) -> Node:
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        place = _place_in(text, error.position, source) if located else Place(source, path)
        message = f"a character that YAML does not allow (U+{ord(text[error.position]):04X})"
        raise SpecError([Problem(place, message)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (
            Place(source, path, mark.line + 1, mark.column + 1) if located and mark else Place(source, path)
        )
        raise SpecError([Problem(place, _syntax_message(error))]) from None
    except (ValueError, OverflowError):  # "\\U00110000": PyYAML makes any eight digits a character
        mark = loader.get_mark() if loader else None
        place = (
            Place(source, path, mark.line + 1, mark.column + 1) if located and mark else Place(source, path)
        )
        raise SpecError([Problem(place, "not valid YAML: an escape beyond U+10FFFF")]) from None
    top = Place(source, path, 1, 1) if located else Place(source, path)
    return _Builder(source, problems, located).build(root, path, top) if root else Node(None, top, top)


def _place_in(text: str, position: int, source: str) -> Place:
    before = text[:position]
    return Place(source, "", before.count("\n") + 1, len(before) - before.rfind("\n"))


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "unreadable"
    if isinstance(error, _Refused):
        return problem
    words = next((words for part, words in _SYNTAX_ERRORS.items() if part in problem), problem)
    begins, here = error.context_mark, error.problem_mark
    if here and here.column > _LONGEST_KEY and ("mapping values" in problem or "got ':'" in problem):
        words = f"a colon after more than {_LONGEST_KEY:,} characters: a key is shorter; put a text in quotes"
    elif begins and here and begins.line != here.line:
        words += f"; see line {begins.line + 1}"
    return f"not valid YAML: {words}"


class _Refused(yaml.MarkedYAMLError):
    """YAML that is valid and yet not read here."""


class _Loader(yaml.SafeLoader):
    """Composes nodes only (nothing is constructed from tags), and not those that are refused here."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _Refused(
                problem="anchors and aliases are not read; share by `extends`", problem_mark=event.start_mark
            )
        if getattr(event, "tag", None) is not None:
            raise _Refused(problem=f"tags such as {event.tag} are not read", problem_mark=event.start_mark)
        if refused := self.NON_PRINTABLE.search(getattr(event, "value", "")):
            message = f"an escape for a character that is not read here (U+{ord(refused[0]):04X})"
            raise _Refused(problem=message, problem_mark=event.start_mark)
        if self._depth >= _MAX_DEPTH:
            raise _Refused(problem="nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns PyYAML's nodes into ours."""

    def __init__(self, source: str, problems: list[Problem], located: bool) -> None:
        self.source, self.problems, self.located = source, problems, located

    def build(self, node: yaml.Node, path: str, key: Place | None = None) -> Node:
        place = self._place(node, path)
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.build(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        else:
            value = node.value if getattr(node, "style", None) else _scalar(node.value)
        return Node(value, place, key or place, node.value if isinstance(node, yaml.ScalarNode) else "")

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key, value in node.value:
            place = self._place(key, path)
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                self.problems.append(Problem(place, "a key must be a word"))
                continue
            if key.value in entries:
                where = f", first on line {entries[key.value].key.line}" if self.located else ""
                self.problems.append(Problem(place, f"the key {key.value!r} is given twice{where}"))
                continue
            below = f"{path}.{key.value}" if path else key.value
            entries[key.value] = self.build(value, below, place.at(below))
        return entries

    def _place(self, node: yaml.Node, path: str) -> Place:
        mark = node.start_mark
        return (
            Place(self.source, path, mark.line + 1, mark.column + 1)
            if self.located
            else Place(self.source, path)
        )


def _scalar(text: str) -> str | int | float | bool | None:
    """A plain scalar by YAML 1.2's core schema: 2e-4 is a number, 010 is ten, `off` and dates are words."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_NUMBER:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "", 1)) if _NOT_FINITE.fullmatch(text) else text


def shortened(text: str, length: int) -> str:
    """The text, or its beginning and its end where it has more than `length` characters."""
    if len(text) <= length:
        return text
    end = length // 4
    return f"{text[: length - end - 3]}...{text[-end:]}"
