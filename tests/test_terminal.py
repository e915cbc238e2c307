"""What may be printed."""

import json

import pytest

from fakeface.files import json_text
from fakeface.terminal import printable, printable_lines, without_credentials

SAFE = ["", "a b", "naïve 学习 — ±", "[red]x.jpg", "odd[/b]\\", "e\u0301 \U0001f600"]
UNSAFE = {
    "\x1b[31mred": r"\x1b[31mred",
    "\x9b2J": r"\x9b2J",
    "a\tb\rc\x7f\x00": r"a\tb\rc\x7f\x00",
    "bell\x07": r"bell\x07",
    "gpj\u202egpj": r"gpj\u202egpj",
    "a\u2028b\x85c": r"a\u2028b\x85c",
    b"\xff\x9b.jpg".decode(errors="surrogateescape"): r"\xff\x9b.jpg",
    "\ud800": r"\ud800",
}


@pytest.mark.parametrize("text", SAFE)
def test_ordinary_text_is_printed_as_it_is(text: str):
    assert printable(text) == printable_lines(text) == text


@pytest.mark.parametrize("text", UNSAFE)
def test_what_a_terminal_acts_on_is_escaped(text: str):
    assert printable(text) == printable_lines(text) == UNSAFE[text]
    assert printable(printable(text)) == printable(text)
    printable(text).encode()  # under any strict UTF-8 stream


def test_line_breaks_are_kept_in_messages_and_visible_in_names():
    assert printable("a\nb") == r"a\nb"
    assert printable_lines("a\nb\x1b") == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@host:5000/x", "http://***@host:5000/x"),
        ("'https://token@host'", "'https://***@host'"),
        ("http://host/?a_key=b&viewStateShareKey=quick", "http://host/?a_key=***&viewStateShareKey=quick"),
        ("postgresql://me:secret@host/db", "postgresql://***@host/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:////a@b/mlflow.db", "sqlite:////a@b/mlflow.db"),
        ("http://host/a@b, see mail@host", "http://host/a@b, see mail@host"),
        ("a http://u:p@h and http://v:q@i", "a http://***@h and http://***@i"),
    ],
)
def test_credentials_are_not_printed(uri: str, shown: str):
    assert printable(uri) == printable_lines(uri) == without_credentials(uri) == shown


def test_json_stays_exact():
    value = {"a": [*SAFE, *UNSAFE, "line\nbreak"], "b": -1.5}
    for ascii_only in (False, True):
        text = json_text(value, ascii_only=ascii_only)
        assert json.loads(text) == value
        assert printable_lines(text) == text
    assert json_text(value, ascii_only=True).isascii()
    assert "学习" in json_text(value)


def test_json_has_no_nan():
    value = {"a": [float("nan"), float("inf"), 1.5], "b": -float("inf")}
    assert json.loads(json_text(value)) == {"a": ["NaN", "Infinity", 1.5], "b": "-Infinity"}
