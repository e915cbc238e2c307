"""Tables in a narrow terminal lose columns, and never the end of a word."""

import io

import pytest

from ablations.cli.columns import Column, print_table
from ablations.cli.printing import SafeConsole

COLUMNS = [
    Column("run", ["sgd-tuned-tenth-data", "sgd"]),
    Column("outcome", ["finished, healthy, balanced", "new"], brief_cells=["works", "new"]),
    Column("Loss_D", ["0.281", "–"], right=True, rank=2),
    Column("fd_efficientnet_lite0 (N = 2,000)", ["545.4", "–"], right=True, brief_name="distance"),
    Column("steps", ["400", "0"], right=True, rank=1),
]


def lines(width: int, *columns: Column, terminal: bool = True) -> list[str]:
    stream = io.StringIO()
    print_table(
        columns or COLUMNS, SafeConsole(file=stream, width=width, force_terminal=terminal, color_system=None)
    )
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("width", "heading"),
    [
        (110, ["run", "outcome", "Loss_D", "fd_efficientnet_lite0", "(N", "=", "2,000)", "steps"]),
        (80, ["run", "outcome", "Loss_D", "distance", "steps"]),
        (70, ["run", "outcome", "distance", "steps"]),
        (60, ["run", "outcome", "distance"]),
        (40, ["run", "outcome", "distance"]),
    ],
)
def test_columns_are_left_out_by_their_importance_and_named_below(width: int, heading: list[str]):
    first, *rest = lines(width)
    assert first.split() == heading
    assert max(map(len, [first, *rest])) <= width
    assert "…" not in "".join(rest)
    gone = {"Loss_D", "steps"} - {*heading}
    words = " ".join(rest)
    assert ("not shown at this width" in words) == bool(gone)
    assert all(name in words for name in gone)
    assert ("distance: fd_efficientnet_lite0 (N = 2,000)" in words) == ("distance" in heading)
    assert ("finished, healthy, balanced" in words) == (width >= 60)


def test_a_row_takes_several_lines_only_where_nothing_else_helps():
    assert len(lines(60)) == 5
    (header, *rows) = lines(
        30, Column("run", ["a"]), Column("why", ["one two three four five six seven"], sentences=True)
    )
    assert header == "run  why"
    assert " ".join(row.strip() for row in rows) == "a    one two three four five six seven"


def test_a_pipe_has_every_column_on_one_line():
    assert len(lines(20, terminal=False)) == 3
