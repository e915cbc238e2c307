"""The headline and the summary of a report, computed from its table, with which they therefore agree.

Names are between backticks, since a run may well be called `both`.
"""

import math
from collections.abc import Sequence

from analysis.report.table import Row
from analysis.wording import counted, listed, span, tallied
from fakeface.outcomes import Exit, Samples

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
_NAMED = 3
"""Up to so many runs are named in a phrase; more are counted."""


def headline(rows: Sequence[Row]) -> str:
    """The outcome of the runs: "Of 3 runs, `baseline` makes healthy samples; `sgd` and `both` end in noise"."""
    runs = list(dict.fromkeys(row.run for row in rows))
    groups: dict[str, list[str]] = {}
    for run in runs:
        states = {_state(row) for row in rows if row.run == run}
        groups.setdefault(states.pop() if len(states) == 1 else "mixed", []).append(run)
    phrases = []
    for state, (singular, plural) in _PHRASES.items():
        if members := groups.get(state):
            phrases.append(f"{_who(members)} {plural if len(members) > 1 else singular}")
    if len(runs) == 1:
        return f"The run {phrases[0]}"
    if len(groups) == 1 and len(runs) > _NAMED:
        return f"All {phrases[0].replace(' ', ' runs ', 1)}"
    return f"Of {len(runs)} runs, {'; '.join(phrases)}"


def summary(rows: Sequence[Row], quality: str) -> str:
    """How many jobs, and the span of the Fréchet distance over the runs, worst seed to best seed of each.

    Args:
        quality: name of the distance, with its N.
    """
    runs = list(dict.fromkeys(row.run for row in rows))
    ended = sum(row.exit == Exit.FINISHED for row in rows)
    seeds = len({row.seed for row in rows})
    jobs = f"{counted(len(rows), 'job')} of {counted(len(runs), 'run')} and {counted(seeds, 'seed')}"
    jobs += ", all finished" if ended == len(rows) else f", {ended} of them finished"
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
    text = f"{jobs}. {quality} {text}; lower is better."
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


def _state(row: Row) -> str:
    return row.samples if row.exit == Exit.FINISHED and row.samples else row.exit


def _who(runs: Sequence[str]) -> str:
    return str(len(runs)) if len(runs) > _NAMED else listed(f"`{run}`" for run in runs)
