"""What commands print. `fakeface/terminal.py` decides what may reach a terminal; here it meets rich."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Span, Text

from fakeface.files import json_text
from fakeface.terminal import printable, printable_lines


class SafeConsole(Console):
    """A console that prints strings as they are, without markup, and escapes what a terminal would act on."""

    def say(self, template: str, *values: object) -> None:
        """Print a line, see `styled`. It is not wrapped, so that paths and commands can be copied."""
        self.print(styled(template, *values), soft_wrap=True)

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
