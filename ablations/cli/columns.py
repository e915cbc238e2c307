"""Tables that fit the terminal: what does not fit is left out by columns, the least important first.

A cell is never cut. It takes several lines only if it is a sentence, or if the columns that stay do not fit either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ablations.cli.printing import SafeConsole
from fakeface.terminal import printable

Cell = str | Text
GAP = 2
"""Spaces between two columns."""
LEAST_SENTENCE = 22
"""Width that a column of sentences keeps."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    cells: Sequence[Cell]
    right: bool = False
    rank: int = 0
    """Columns with the highest rank are left out first. Rank 0 stays."""
    sentences: bool = False
    """Whether its cells may take several lines."""
    brief_name: str = ""
    """A name for where the whole one does not fit; a line below the table then explains it."""
    brief_cells: Sequence[Cell] | None = None
    """Shorter cells, for where the columns that stay do not fit."""

    @property
    def width(self) -> int:
        """The width in which no cell takes several lines."""
        return max(_text(cell).cell_len for cell in (self.name, *self.cells))

    @property
    def least(self) -> int:
        """The width that it needs."""
        return min(self.width, LEAST_SENTENCE) if self.sentences else self.width


def print_table(
    columns: Sequence[Column], console: SafeConsole, *, styles: Sequence[str] = (), header: bool = True
) -> None:
    """Print the table of `fitting_table`."""
    console.print(fitting_table(columns, console, styles=styles, header=header), crop=False)


def fitting_table(
    columns: Sequence[Column], console: SafeConsole, *, styles: Sequence[str] = (), header: bool = True
) -> Group:
    """A table, and below it what was left out. Nothing is left out where the output is no terminal.

    Args:
        styles: one for each row.
    """
    if not console.is_terminal:
        return Group(_Lines(columns, header))
    width = console.width
    brief = {column.name for column in columns if column.brief_name and _least(columns) > width}
    fitting = [replace(one, name=one.brief_name) if one.name in brief else one for one in columns]
    gone: list[str] = []
    while _least(fitting) > width and (last := max(fitting, key=lambda one: one.rank)).rank:
        fitting.remove(last)
        gone.insert(0, last.name)
    if _least(fitting) > width:
        fitting = [one if one.brief_cells is None else replace(one, cells=one.brief_cells) for one in fitting]
    table = _table(fitting, min(width, _total([one.width for one in fitting])), styles, header=header)
    notes = [f"{one.brief_name}: {one.name}" for one in columns if one.name in brief]
    notes += [f"not shown at this width: {', '.join(gone)}"] if gone else []
    return Group(table, *(Text(note, "dim") for note in notes))


def _table(columns: Sequence[Column], width: int, styles: Sequence[str], *, header: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=header, width=width)
    fits = _least(columns) <= width
    for column in columns:
        table.add_column(
            _text(column.name),
            justify="right" if column.right else "left",
            no_wrap=fits and not column.sentences,
            overflow="fold",
        )
    for index, row in enumerate(zip(*(column.cells for column in columns), strict=True)):
        table.add_row(*map(_text, row), style=styles[index] if styles else "")
    return table


@dataclass(frozen=True)
class _Lines:
    """A table for a file or a pipe, a row a line, without styles. rich takes a millisecond to arrange a row."""

    columns: Sequence[Column]
    header: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        rows = zip(*(self._padded(column) for column in self.columns), strict=True)
        yield Segment("".join(f"{(' ' * GAP).join(row).rstrip()}\n" for row in rows))

    def _padded(self, column: Column) -> Iterator[str]:
        cells = [cell.plain if isinstance(cell, Text) else printable(cell) for cell in column.cells]
        if self.header:
            cells.insert(0, column.name)
        lengths = [cell_len(cell) for cell in cells]
        width = max(lengths, default=0)
        for cell, length in zip(cells, lengths, strict=True):
            gap = " " * (width - length)
            yield gap + cell if column.right else cell + gap


def _least(columns: Sequence[Column]) -> int:
    return _total([column.least for column in columns])


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(cell))
