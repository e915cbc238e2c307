"""The headline and the summary of a report, computed from its table, with which they therefore agree.

Names are between backticks, since a run may well be called `both`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from analysis.report.table import Row
from analysis.wording import counted, listed, name_seeds, number, span, tallied
from fakeface.declaration import UNDECLARED, Declaration
from fakeface.outcomes import COMPLETE, Dynamics, Exit, Samples

_PHRASES = {
    Samples.HEALTHY: ("makes healthy samples", "make healthy samples"),
    Samples.NOISE: ("ends in noise", "end in noise"),
    Samples.COLLAPSED: ("collapses", "collapse"),
    Exit.DIVERGED: ("diverges", "diverge"),
    Exit.PRUNED: ("was pruned", "were pruned"),
    Exit.INTERRUPTED: ("was interrupted", "were interrupted"),
    Exit.CRASHED: ("crashed", "crashed"),
    Exit.RUNNING: ("is still running", "are still running"),
    Exit.UNKNOWN: ("may be running", "may be running"),
    Exit.UNREADABLE: ("cannot be read", "cannot be read"),
    Exit.NEW: ("has not begun", "have not begun"),
    Exit.FINISHED: ("finished undiagnosed", "finished undiagnosed"),
    "mixed": ("differs between seeds", "differ between seeds"),
}
_RESULTS = frozenset({*COMPLETE, Exit.PRUNED, Exit.CRASHED})
"""What is not expected to change by itself."""
_SHORT: Mapping[str, str] = {Exit.NEW: "not begun"}
_MEANINGS: Mapping[str, str] = {
    Samples.HEALTHY: "neither noise nor nearly all alike. How real the samples look is another question, which their "
    "distance to the real images answers",
    Samples.NOISE: "without the shapes of real images",
    Samples.COLLAPSED: "nearly all alike",
    Dynamics.BALANCED: "both networks moved, and neither won",
    Dynamics.DISCRIMINATOR_WON: "the discriminator tells nearly all images apart with confidence, so that the "
    "generator learns little from it",
    Dynamics.STALLED: "a network hardly moved: its steps are short and do not add up",
    Exit.DIVERGED: "a loss or a weight was no longer finite",
    Exit.PRUNED: "a study cut it short",
    Exit.INTERRUPTED: "stopped or killed; the same command resumes it",
    Exit.CRASHED: "an error ended it",
}
"""What the words of an outcome mean; those that say it themselves are left out."""
_NAMED = 3
"""Up to so many runs are named in a phrase; more are counted."""


def headline(rows: Sequence[Row]) -> str:
    """The outcome of the runs: "Of 3 runs, `baseline` makes healthy samples; `sgd` and `both` end in noise".

    Jobs that have not come to an end count only where a run has no other.
    """
    runs = list(dict.fromkeys(row.run for row in rows))
    groups: dict[str, list[str]] = {}
    tallies = {}
    for run in runs:
        own = [row for row in rows if row.run == run]
        states = [_state(row) for row in own if row.exit in _RESULTS] or [_state(row) for row in own]
        groups.setdefault(states[0] if len(set(states)) == 1 else "mixed", []).append(run)
        tallies[run] = tallied(states)
    phrases = []
    for state, (singular, plural) in _PHRASES.items():
        if members := groups.get(state):
            phrases.append(f"{_who(members)} {plural if len(members) > 1 else singular}")
            if state == "mixed" and len(members) == 1:
                phrases[-1] += f" ({tallies[members[0]]})"
    if len(runs) == 1:
        return f"The run {phrases[0]}"
    if len(groups) == 1 and len(runs) > _NAMED:
        return f"All {phrases[0].replace(' ', ' runs ', 1)}"
    return f"Of {len(runs)} runs, {'; '.join(phrases)}"


def summary(rows: Sequence[Row], quality: str, floor: float | None = None) -> str:
    """How many jobs, and the span of the Fréchet distance over the runs, worst seed to best seed of each.

    Args:
        quality: name of the distance, with its N.
        floor: the distance that as many real images have among themselves, where it is known.
    """
    runs = list(dict.fromkeys(row.run for row in rows))
    ended = sum(row.exit == Exit.FINISHED for row in rows)
    seeds = len({row.seed for row in rows})
    jobs = f"{counted(len(rows), 'job')} of {counted(len(runs), 'run')} and {counted(seeds, 'seed')}"
    if ended == len(rows):
        jobs += ", all finished" if ended > 1 else ", finished"
    else:
        others = Counter(_SHORT.get(row.exit, row.exit) for row in rows if row.exit != Exit.FINISHED)
        jobs += f": {listed([f'{ended} finished', *(f'{count} {word}' for word, count in others.items())])}"
    values = {
        run: [row.quality for row in rows if row.run == run and row.quality is not None] for run in runs
    }
    finite = {run: [value for value in own if math.isfinite(value)] for run, own in values.items()}
    broken = [run for run in runs if len(finite[run]) < len(values[run])]
    scored = [run for run in runs if finite[run]]
    scored.sort(key=lambda run: (run in broken, sum(finite[run]) / len(finite[run])))
    if not scored:
        return f"{jobs}. No finite {quality} has been recorded."
    best, worst = (f"{span(finite[run], between='–')} for `{run}`" for run in (scored[0], scored[-1]))
    text = f"is {best}" if len(scored) == 1 else f"runs from {best} to {worst}"
    text = f"{jobs}. The Fréchet distance to the real images, {quality}, {text}; lower is better"
    text += "." if floor is None else f"; two sets of as many real images differ by {number(floor)}."
    return f"{text} Scores that are not finite rank last: {_who(broken)}." if broken else text


def caution(rows: Sequence[Row]) -> str:
    """What the reader must not conclude; empty where every run has several seeds."""
    seeds: dict[str, int] = {}
    for row in rows:
        seeds[row.run] = seeds.get(row.run, 0) + 1
    if len(seeds) < 2 or min(seeds.values()) > 1:
        return ""
    return "A run with one seed is described here, not judged: another seed may rank them differently."


def run_outcome(rows: Sequence[Row]) -> str:
    """The outcome's words of a run; where its seeds differ, how many have which."""
    words = [", ".join(row.outcome) for row in rows]
    return tallied(words) + (f" ({len(words)} seeds)" if len(words) > 1 and len(set(words)) == 1 else "")


def unbegun(rows: Sequence[Row]) -> str:
    """The jobs that have not begun, by run: "`sgd` (seeds 3, 4) and `both` (seed 0)"; empty for none."""
    seeds: dict[str, list[int]] = {}
    for row in rows:
        if row.exit == Exit.NEW:
            seeds.setdefault(row.run, []).append(row.seed)
    return listed(f"`{run}` ({name_seeds(own)})" for run, own in seeds.items())


def meanings(rows: Sequence[Row]) -> dict[str, str]:
    """What the words of these outcomes mean, those that occur."""
    known = {word for row in rows for word in row.outcome}
    return {word: meaning for word, meaning in _MEANINGS.items() if word in known}


def unit_words(declared: Iterable[Declaration]) -> str:
    """What the unit of the losses is, and their values where the discriminator cannot tell; empty without one."""
    known = list(declared)
    if not any(one.unit == UNDECLARED.unit for one in known):
        return ""
    words = "A nat is the unit of natural logarithms"
    if all(one.objective == UNDECLARED.objective for one in known):
        words += (
            f": a discriminator that cannot tell real from generated images has Loss_D = 2 ln 2 ≈ "
            f"{2 * math.log(2):.2f}, and its generator Loss_G = ln 2 ≈ {math.log(2):.2f}"
        )
    for tight in (" = ", " ≈ ", "2 ln", "ln 2"):  # no line breaks inside a formula
        words = words.replace(tight, tight.replace(" ", "\u00a0"))
    return f"{words}."


def _state(row: Row) -> str:
    return row.samples if row.exit == Exit.FINISHED and row.samples else row.exit


def _who(runs: Sequence[str]) -> str:
    return str(len(runs)) if len(runs) > _NAMED else listed(f"`{run}`" for run in runs)
