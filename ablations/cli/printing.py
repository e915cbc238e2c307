"""What commands print. `fakeface/terminal.py` decides what may reach a terminal; here it meets rich."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Span, Text

from fakeface.errors import UserError
from fakeface.files import json_text
from fakeface.terminal import printable, printable_lines

LOADING = "[dim]Reading the specification and loading torch ...[/]"
"""The first line of a command that trains: the next one may take seconds."""
READING = "Reading the store ..."


class Amount(IntEnum):
    """How much a command prints."""

    QUIET = 0
    """Results and problems."""
    NORMAL = 1
    """Progress, notes and hints, too."""
    VERBOSE = 2
    """Each step of the work, too, and where an error comes from."""


_amount = ContextVar("amount", default=Amount.NORMAL)


def set_amount(*, quiet: bool, verbose: bool) -> None:
    """Set how much consoles print from now on. Raises UserError for both."""
    if quiet and verbose:
        raise UserError("--quiet and --verbose: give one of them")
    _amount.set(Amount.QUIET if quiet else Amount.VERBOSE if verbose else Amount.NORMAL)


def is_verbose() -> bool:
    """Whether the command that runs is to print each step."""
    return _amount.get() == Amount.VERBOSE


class SafeConsole(Console):
    """A console that prints strings as they are, without markup, and escapes what a terminal would act on."""

    @property
    def amount(self) -> Amount:
        """How much is to be printed."""
        return _amount.get()

    def note(self, template: str, *values: object, wrap: bool = False) -> None:
        """`say`, unless --quiet: what is no result, such as a hint."""
        if self.amount > Amount.QUIET:
            self.say(template, *values, wrap=wrap)

    def detail(self, template: str, *values: object) -> None:
        """`say`, if --verbose: a step of the work."""
        if self.amount == Amount.VERBOSE:
            self.say(template, *values)

    def say(self, template: str, *values: object, wrap: bool = False) -> None:
        """Print a line, see `styled`.

        Args:
            wrap: for a sentence, which a terminal shows with whole words. Paths and commands are not wrapped, so that
                they can be copied.
        """
        self.print(styled(template, *values), soft_wrap=not (wrap and self.is_terminal))

    @property
    def shows_progress(self) -> bool:
        """Whether to show bars and other lines that move."""
        return self.is_terminal and self.amount > Amount.QUIET

    @contextmanager
    def working(self, words: str) -> Iterator[None]:
        """Show what a command does during the block, in a terminal and unless --quiet. Leaves nothing behind."""
        with self.status(Text(words, "dim")) if self.shows_progress else nullcontext():
            yield

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See `Console.render`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))


def console(*, stderr: bool = False) -> SafeConsole:
    """Standard output, or error. Tables need not fit 80 columns where it is no terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 160
    return SafeConsole(highlight=False, markup=False, emoji=False, width=width, stderr=stderr)


def styled(template: str, *values: object) -> Text:
    """Text from a template in rich's markup, in which each `{}` becomes a value: printed as it is, markup included.

    For example `styled("[red]{}[/]: {}", name, why)`.
    """
    form = Text.from_markup(template, emoji=False)
    places = [match.start() for match in re.finditer("{}", form.plain)]
    filled = [(place, printable(value)) for place, value in zip(places, values, strict=True)]

    def moved(offset: int) -> int:
        return offset + sum(len(value) - len("{}") for place, value in filled if place < offset)

    pieces = form.plain.split("{}")
    plain = "".join(piece + value for piece, value in zip(pieces, [v for _, v in filled] + [""], strict=True))
    return Text(plain, spans=[Span(moved(span.start), moved(span.end), span.style) for span in form.spans])


def end_if_left_out(reasons: Sequence[str]) -> None:
    """End a command that has shown all that can be read. If there is more, say why on standard error; status 1."""
    for why in reasons:
        console(stderr=True).say("[red]Left out:[/] {}", why)
    if reasons:
        raise typer.Exit(1)


def print_json(value: Any) -> None:
    """Print JSON, and nothing else, on standard output. Escapes what is not ASCII unless the output is UTF-8."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    sys.stdout.write(json_text(value, ascii_only=encoding != "utf8"))
