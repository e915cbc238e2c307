"""What commands print: names as they are, whatever they hold and whatever the output is."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablations.cli import printing
from ablations.cli.printing import SafeConsole, print_json, styled
from tests.cli.conftest import Place

ODD = ["[red]x.jpg", "odd[/b]", "a\\", "a\\\\", "\\[b]", "{}", ":smile:", "[link=x]"]


@pytest.mark.parametrize("value", ODD)
def test_a_value_is_no_markup(value: str):
    assert styled("<[bold]{}[/]> {}", value, value).plain == f"<{value}> {value}"
    text = styled("{} [bold]{}[/] {}", "ab", value, "c")
    (span,) = text.spans
    assert text.plain[span.start : span.end] == value


def test_a_template_has_a_value_for_each_place():
    with pytest.raises(ValueError, match="zip"):
        styled("{} and {}", "one")


def test_everything_that_a_console_prints_is_safe():
    stream = io.StringIO()
    console = SafeConsole(file=stream, markup=False, width=100)
    console.print("[red]a\x1b[31m")
    console.say("{}", "line\nbreak\x9b")
    console.print(styled("[bold]b[/]") + printing.Text("\x1b]0;title\x07"))
    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().splitlines()[:2] == ["[red]a\\x1b[31m", "line\\nbreak\\x9b"]


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colours_are_off_in_a_pipe_and_with_no_color(
    terminal: bool, no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = io.StringIO()
    SafeConsole(file=stream, force_terminal=terminal or None, width=80).say("[red]a[/]")
    assert ("31m" in stream.getvalue()) == coloured


def test_json_in_an_ascii_stream(monkeypatch: pytest.MonkeyPatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json("é \udcff")
    stream.flush()
    assert stream.buffer.getvalue() == b'"\\u00e9 \\udcff"\n'  # type: ignore[attr-defined]


# -- the commands, with file names from elsewhere and outputs that fail -------------------------------------------


@pytest.fixture
def odd_folder(trained: Place) -> Place:
    """Images whose names hold markup, control characters and a byte that is not UTF-8; none of these can be read."""
    folder = trained.folder / "odd[/b]"
    folder.mkdir(parents=True)
    for name in (b"[red]x.jpg", b"\x1b[31m.jpg", b"a\nb.png", b"\xff.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"no picture")
    for number, source in enumerate(sorted(trained.folder.glob("results/jobs/*/samples/*.png"))[:8]):
        (folder / f"{number}.png").write_bytes(source.read_bytes())
    return trained


def run(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A shell line in which $ABLATE is the command."""
    ablate = f"{sys.executable} -m ablations.cli.app"
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"ABLATE": ablate, "PYTHONPATH": str(Path(__file__).parents[2])} | environment,
    )  # fmt: skip


def test_names_are_printed_as_they_are_under_a_strict_encoding(odd_folder: Place):
    options = "--set data.name=folder --set 'data.path=odd[/b]'"
    for encoding in ("utf-8:strict", "ascii:strict"):
        done = run(odd_folder.folder, f"$ABLATE data prepare {options}", PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        assert "\x1b" not in done.stdout
        for name in ("odd[/b]", "[red]x.jpg", "\\x1b[31m.jpg", "a\\nb.png", "\\xff.jpg"):
            assert name in done.stdout


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("$ABLATE status > /dev/full", 2, "standard output: No space left on device"),
        ("$ABLATE status --json > /dev/full", 2, "standard output: No space left on device"),
        ("$ABLATE status > /dev/full 2>&-", 2, ""),
        ("$ABLATE status --spec no > /dev/full 2> /dev/full", 2, ""),
        ("$ABLATE status >&-", 0, ""),
        ("$ABLATE status --json >&- 2>&- <&-", 0, ""),
        ("$ABLATE status | true; exit ${PIPESTATUS[0]}", 1, ""),
        pytest.param(
            "ulimit -n 20; $ABLATE run --no-mirror --executor local --jobs 12 --seeds 1,2,3",
            2,
            "ulimit -n 1024",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_output_that_fails_is_no_traceback(line: str, status: int, words: str, trained: Place):
    done = run(trained.folder, line)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == bool(words)
    assert done.returncode == status
