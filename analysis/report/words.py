"""What the data say, in one headline and one sentence, computed: they cannot disagree with the table.

Names are between backticks, since a run may well be called `both`.
"""

import math
from collections.abc import Sequence

from analysis.frames.jobs import Frames
from analysis.frames.quality import quality_name
from analysis.report.table import Row
from analysis.wording import number
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
    Exit.NEW: ("has not begun", "have not begun"),
    Exit.FINISHED: ("finished undiagnosed", "finished undiagnosed"),
    "mixed": ("differs between seeds", "differ between seeds"),
}
_NAMED = 3
"""Up to so many runs are named in a phrase; more are counted."""


def headline(frames: Frames, rows: Sequence[Row]) -> str:
    """What became of the runs: "Of 3 runs, `baseline` makes healthy samples; `sgd` and `both` end in noise"."""
    groups: dict[str, list[str]] = {}
    for run in frames.runs:
        states = {_state(row) for row in rows if row.run == run}
        groups.setdefault(states.pop() if len(states) == 1 else "mixed", []).append(run)
    ordered = sorted(
        groups, key=lambda state: list(_PHRASES).index(state) if state in _PHRASES else len(_PHRASES)
    )
    phrases = []
    for state in ordered:
        singular, plural = _PHRASES.get(state, (f"ends {state}", f"end {state}"))
        phrases.append(f"{_who(groups[state])} {plural if len(groups[state]) > 1 else singular}")
    if len(frames.runs) == 1:
        return f"The run {phrases[0]}"
    if len(groups) == 1 and len(frames.runs) > _NAMED:
        return f"All {phrases[0].replace(' ', ' runs ', 1)}"
    return f"Of {len(frames.runs)} runs, {'; '.join(phrases)}"


def summary(frames: Frames, rows: Sequence[Row]) -> str:
    """How many jobs, and the span of the quality metric over the runs, worst seed to best seed of each."""
    seeds = len({row.seed for row in rows})
    ended = sum(row.exit == Exit.FINISHED for row in rows)
    jobs = f"{_count(len(rows), 'job')} of {_count(len(frames.runs), 'run')} and {_count(seeds, 'seed')}"
    jobs += ", all finished" if ended == len(rows) else f", {ended} of them finished"
    name = quality_name(frames)
    spans = {run: _scores(rows, run) for run in frames.runs}
    broken = {row.run for row in rows if row.quality is not None and not math.isfinite(row.quality)}
    scored = [run for run in frames.runs if spans[run]]
    scored.sort(key=lambda run: (run in broken, sum(spans[run]) / len(spans[run])))
    if not scored:
        return f"{jobs}. No finite {name} has been recorded."
    text = f"{name} is {_span(spans[scored[0]])} for `{scored[0]}`; lower is better."
    if len(scored) > 1:
        best, worst = (f"{_span(spans[run])} for `{run}`" for run in (scored[0], scored[-1]))
        text = f"{name} runs from {best} to {worst}; lower is better."
    if broken:
        text += f" Scores that are not finite rank last: {_who(sorted(broken, key=frames.runs.index))}."
    return f"{jobs}. {text}"


def caution(rows: Sequence[Row]) -> str:
    """What the reader must not conclude; empty where every run has several seeds."""
    seeds: dict[str, int] = {}
    for row in rows:
        seeds[row.run] = seeds.get(row.run, 0) + 1
    if len(seeds) < 2 or min(seeds.values()) > 1:
        return ""
    return "A run with one seed is described here, not judged: another seed may rank them differently."


def _state(row: Row) -> str:
    return row.samples if row.exit == Exit.FINISHED and row.samples else row.exit


def _scores(rows: Sequence[Row], run: str) -> list[float]:
    values = [row.quality for row in rows if row.run == run and row.quality is not None]
    return sorted(value for value in values if math.isfinite(value))


def _span(values: Sequence[float]) -> str:
    return number(values[0]) if len(values) == 1 else f"{number(values[0])}–{number(values[-1])}"


def _who(runs: Sequence[str]) -> str:
    if len(runs) > _NAMED:
        return str(len(runs))
    names = [f"`{run}`" for run in runs]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number_of: int, noun: str) -> str:
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"
