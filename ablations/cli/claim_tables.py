"""What planned seeds can show of claims, and the verdicts on them, as tables in the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from ablations.cli.columns import Column, print_table
from ablations.cli.printing import SafeConsole
from analysis.claims import power
from analysis.statistics import VerdictWord

VERDICT_STYLES: Mapping[str, str] = {
    VerdictWord.SUPPORTED: "green",
    VerdictWord.REFUTED: "red",
    VerdictWord.UNDECIDED: "yellow",
    VerdictWord.REFUSED: "magenta",
}
"""The verdicts that the terminal lists; the others say that there is none yet."""


def print_outlooks(rows: Sequence[power.Outlook], console: SafeConsole) -> None:
    """What the planned seeds can show of each claim, as a table; nothing where there is no claim."""
    if not rows:
        return
    cells = [[cell.replace("`", "") for cell in power.cells(row)] for row in rows]
    columns = [
        Column(name, found, right=name in ("chance", "needs"), rank=max(0, index - 2))
        for index, (name, found) in enumerate(zip(power.HEADINGS, zip(*cells, strict=True), strict=True))
    ]
    console.print()
    print_table(columns, console, styles=["" if row.decidable else "yellow" for row in rows])
    for row in rows:
        if row.reason:
            console.say("[yellow]{}[/]: {}", row.claim.name, row.reason.replace("`", ""), wrap=True)
    for name, words in power.LEGEND.items():
        console.print(Text(f"{name}: {words}", "dim"))
    console.print(power.summary(rows))


def print_verdicts(claims: Sequence[Mapping[str, Any]], console: SafeConsole) -> None:
    """The verdicts of a report's record, a line each, and how many claims have none."""
    rows: list[tuple[Text, str, Text]] = []
    others: Counter[str] = Counter()
    for claim in claims:
        word = claim["verdict"]
        if word in VERDICT_STYLES:
            why = f" ({claim['words']})" if word == VerdictWord.REFUSED else ""
            line = Text(f"{claim['says']}{why}")
            if claim["change"]:
                line.append(f" ({claim['change']['how']} after its runs began)", "yellow")
            rows.append((Text(word, VERDICT_STYLES[word]), claim["id"], line))
        else:
            others[word] += 1
    if rows:
        words, names, lines = zip(*rows, strict=True)
        columns = [Column("verdict", words), Column("claim", names), Column("says", lines, sentences=True)]
        print_table(columns, console, header=False)
    if others:
        counts = ", ".join(f"{count} {word}" for word, count in others.items())
        console.say(
            "Claims without a verdict: {} (a verdict needs two seeds or more of each run)", counts, wrap=True
        )
