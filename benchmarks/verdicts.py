"""`python -m benchmarks.verdicts`: how often a false claim is supported, from journals to verdicts.

It draws trainings with a known truth, and reads and judges them as a report does: what journals say -> frames -> claims
-> verdicts. It uses nothing of `analysis/statistics`. The truth is at the edge of what each claim says, so that every
support is an error. Fails if a rate exceeds 5.8% by more than two standard errors.

`quality` is positive and spreads by factors: its logarithm is a location plus a spread times a draw (under the normal
law the value itself is normal). Claims compare geometric means, so the truth is the ratio of those.
"""

import argparse
import itertools
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ablations.cli.until_decided import design_of
from ablations.store.history import History
from analysis.claims import KINDS, Claim, Evidence
from analysis.claims.judging import Look, judge_claims
from analysis.frames.jobs import Selected, load
from fakeface.scores import curve_steps

Array = npt.NDArray[np.float64]

SIZES = (3, 5, 10)
MOST_SEEDS = 20
"""Of a claim that is judged until it is decided."""
MOST = 0.058
"""The most false support that a rule may have."""
BATCH = 25
"""Draws that are read at once, and one task of a process."""
MARGIN = math.log(1.2)
LAWS = ("normal", "t3", "lognormal(0.5)", "lognormal(1)")
SCALES = {"t3": 0.1, "lognormal(0.5)": 0.5, "lognormal(1)": 1.0}
"""Spread of the logarithms."""
FAR = 100_000
"""The step of the last score along a run."""
NARROW = 0.05
"""Spread of a normal law, as a share of its mean."""


@dataclass(frozen=True)
class Case:
    """A false claim, and the laws of the runs `a`, `b`, ... that it names."""

    words: str
    kind: str
    form: Mapping[str, Any]
    truth: tuple[float, ...]
    """Locations of the runs: logarithms of `quality`, values of `kd`."""
    law: str = "normal"
    spreads: tuple[float, ...] = (1.0, 1.0)
    """Of the runs, in units of the law's."""
    correlation: float = 0.0
    """Of the first two runs within a seed."""
    failing: Callable[[int], tuple[float, ...]] | None = None
    """n -> the share of each run that diverges."""
    metric: str = "quality"
    family: tuple[Mapping[str, Any], ...] = ()
    """Further forms of the kind, with which it is a family; a support of any is an error."""

    def draw(self, random: np.random.Generator, n: int) -> Array:
        """Values (runs, n), inf where a training diverged."""
        shape = (len(self.truth), n)
        location, spreads = np.array(self.truth)[:, None], np.array(self.spreads)[:, None]
        z = random.standard_t(3, shape) if self.law == "t3" else random.normal(size=shape)
        z[1] = self.correlation * z[0] + math.sqrt(1 - self.correlation**2) * z[1]
        if self.law == "beta(2, 5)":
            values = location + 0.2 * spreads * (random.beta(2, 5, shape) - 2 / 7)
        elif self.metric == "kd" and self.law in ("normal", "t3"):
            values = location + spreads * z
        elif self.law == "normal":
            # For normal e the mean logarithm of 1 + e is -v / 2 - 3 v² / 4, with v the variance of e.
            variance = (NARROW * spreads) ** 2
            middle = np.exp(location + variance / 2 + 3 * variance**2 / 4)
            values = middle * np.maximum(1 + NARROW * spreads * z, 1e-3)
        else:
            values = np.exp(location + SCALES[self.law] * spreads * z)
        if self.failing is not None:
            values[random.random(shape) < np.array(self.failing(n))[:, None]] = math.inf
        return values


TWO = {"run": "a", "against": "b"}
BY, WITHIN = {"by": "20%"}, {"within": "20%"}


def _compare(direction: str, margin: Mapping[str, Any], metric: str = "quality") -> dict[str, Any]:
    return {**TWO, "metric": metric, "direction": direction, **margin}


EDGES = (
    ("lower by 20%", _compare("lower", BY), math.log(0.8)),
    ("higher by 20%", _compare("higher", BY), MARGIN),
    ("same within 20%, above", _compare("same", WITHIN), MARGIN),
    ("same within 20%, below", _compare("same", WITHIN), -MARGIN),
    ("not higher by 20%", _compare("not-higher", BY), MARGIN),
)


def ratios(law: str) -> Iterator[Case]:
    """Two runs by their ratio."""
    for words, form, truth in EDGES:
        case = Case(words, "compare", form, (truth, 0.0), law)
        diverged = replace(case, words=f"{words}; a tenth diverged", failing=lambda _: (0.1, 0.1))
        yield case
        for spreads in ((3.0, 1.0), (1.0, 3.0)):
            yield replace(case, spreads=spreads)
        for correlation in (-0.5, 0.5):
            yield replace(case, words=f"{words}; correlation {correlation}", correlation=correlation)
        for spreads in ((1.0, 1.0), (3.0, 1.0), (1.0, 3.0)):
            yield replace(diverged, spreads=spreads)


def reached(law: str) -> Iterator[Case]:
    """Two runs by the step at which the distance is first below 1."""
    form = {**TWO, "metric": "quality", "below": 1.0}
    for words, more, truth in (
        ("steps lower by 20%", {"direction": "lower", **BY}, math.log(0.8)),
        ("steps higher by 20%", {"direction": "higher", **BY}, MARGIN),
    ):
        case = Case(words, "steps", {**form, **more}, (truth, 0.0), law, metric="steps")
        yield case
        yield replace(case, spreads=(3.0, 1.0))
        yield replace(case, words=f"{words}; a tenth never", failing=lambda _: (0.1, 0.1))


def shares(law: str) -> Iterator[Case]:
    """The share of a gap of a factor of 2, from the start `b` to the goal `c`, that `a` closes."""
    gap = math.log(2)
    for words, form, share in (
        ("closes at least 50%", {"at_least": "50%"}, 0.5),
        ("closes at most −25%", {"at_most": "-25%"}, -0.25),
        ("closes within 25%", {"within": "25%"}, 0.25),
    ):
        named = {"run": "a", "start": "b", "goal": "c", **form}
        for spreads in ((1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (1.0, 3.0, 1.0)):
            yield Case(words, "closes", named, (-share * gap, 0.0, -gap), law, spreads)


def bounded() -> Iterator[Case]:
    """Two runs by a difference in units, of a measure between 0 and 1 whose law is skewed."""
    for words, form, truth in (
        ("precision lower by 0.05", _compare("lower", {"by": 0.05}, "precision"), (0.45, 0.5)),
        ("precision higher by 0.05", _compare("higher", {"by": 0.05}, "precision"), (0.55, 0.5)),
        ("precision same within 0.05", _compare("same", {"within": 0.05}, "precision"), (0.55, 0.5)),
    ):
        for spreads in ((1.0, 1.0), (3.0, 1.0)):
            yield Case(words, "compare", form, truth, "beta(2, 5)", spreads, metric="precision")


def often() -> Iterator[Case]:
    """One run that diverges exactly as often as a claim says that it exceeds."""
    for share in (0.5, 0.9):
        form = {"run": "a", "exit": "diverged", "share": share}
        yield Case(
            f"diverges in more than {share:.0%}", "outcome", form, (0.0, 0.0), failing=_always((share, 0.0))
        )


def units(law: str) -> Iterator[Case]:
    """Two runs by a difference in units, of a measure that may be negative. Refused while all values are positive."""
    for words, form, truth in (
        ("lower by 1, in units", _compare("lower", {"by": 1.0}, "kd"), -1.0),
        ("same within 3, in units", _compare("same", {"within": 3.0}, "kd"), 3.0),
    ):
        for spreads in ((1.0, 1.0), (3.0, 1.0)):
            yield Case(words, "compare", form, (truth, 0.0), law, spreads, metric="kd")


def several(law: str) -> Iterator[Case]:
    """Trends over three runs, one change of which is false, and the interaction of two factors."""
    runs = {"runs": ["a", "b", "c"], "metric": "quality"}
    for words, form, truth in (
        ("trend falling by 5%, once by 5%", {"direction": "falling", "by": "5%"}, (2.0, 0.0, math.log(0.95))),
        ("trend falling, rises once by 5%", {"direction": "falling", "by": 0}, (2.0, 0.0, math.log(1.05))),
        ("trend flat within 20%, once 20%", {"direction": "flat", **WITHIN}, (0.0, 0.0, MARGIN)),
    ):
        for three in ((1.0, 1.0, 1.0), (1.0, 1.0, 3.0), (1.0, 1.0, 10.0)):
            if law != "normal" or max(three) <= 3:  # values stay positive
                yield Case(words, "trend", {**runs, **form}, truth, law, three)
    cells = {"factors": ["f", "g"], "runs": [["a", "b"], ["c", "d"]], "metric": "quality"}
    form = {**cells, "of": "interaction", "direction": "same", **WITHIN}
    for four in ((1.0, 1.0, 1.0, 1.0), (1.0, 3.0, 1.0, 3.0)):
        yield Case("interaction within 20%, of 20%", "effect", form, (0.0, 0.0, 0.0, MARGIN), law, four)


def failures() -> Iterator[Case]:
    """Runs with equal scores that differ in failures by what a tolerance excludes, or not at all."""
    same, equal = Case("same", "compare", _compare("same", WITHIN), (0.0, 0.0)), (0.0, 0.0)
    yield replace(same, words="same: fails more by the limit", failing=lambda n: (_limit(n), 0.0))
    yield replace(same, words="same: fails less by the limit", failing=lambda n: (0.0, _limit(n)))
    yield replace(
        same,
        words="not higher: a tenth fails, and the limit more",
        form=_compare("not-higher", BY),
        failing=lambda n: (0.1 + _limit(n), 0.1),
    )
    more = {**TWO, "exit": "diverged"}
    for words, both in (("a tenth", (0.1, 0.1)), ("30%", (0.3, 0.3)), ("half", (0.5, 0.5))):
        yield Case(f"diverges more often: {words} of both", "outcome", more, equal, failing=_always(both))


def repeated() -> Iterator[Case]:
    """Claims that are judged until they are decided, at looks from 3 to 20 seeds."""
    for law in LAWS:
        for words, form, truth in EDGES:
            case = Case(words, "compare", form, (truth, 0.0), law)
            yield case
            yield replace(case, spreads=(3.0, 1.0))
            yield replace(case, words=f"{words}; a tenth diverged", failing=_always((0.1, 0.1)))
        yield from (case for case in several(law) if max(case.spreads) <= 3)
        lower, ends = EDGES[0][1], (EDGES[0][2],) * 3
        others = tuple({**lower, "run": run, "against": "d"} for run in ("b", "c"))
        form = {**lower, "against": "d"}
        yield Case(
            "family of three, lower by 20%", "compare", form, (*ends, 0.0), law, (1.0,) * 4, family=others
        )
        yield from (case for case in (*reached(law), *shares(law)) if case.spreads[0] == 1)
    yield from units("t3")
    yield from failures()
    yield from often()


def _limit(n: int) -> float:
    """The difference of the shares of failures that a tolerance must exclude, as documented."""
    return float(max(0.2, 1 - 0.025 ** (1 / n)))


def _always(shares: tuple[float, ...]) -> Callable[[int], tuple[float, ...]]:
    return lambda _: shares


def cases() -> list[Case]:
    """Every claim at its edge, under every law."""
    by_law = [
        case
        for law in LAWS
        for case in (*ratios(law), *several(law), *reached(law), *shares(law), *units(law))
    ]
    return [*by_law, *bounded(), *failures(), *often()]


def supported(task: tuple[int, int, int, int]) -> int:
    """In how many draws a claim is supported. The task: index of the case, n, index of the batch, draws."""
    index, n, _, draws = task
    case, random = cases()[index], np.random.default_rng(task)
    drawn = [case.draw(random, n) for _ in range(draws)]
    return verdicts(case, range(draws), evidence_of(case, drawn)).count("supported")


def supported_at_some_look(task: tuple[int, int, int]) -> tuple[int, int]:
    """In how many draws a claim is supported at some look, and how many seeds a run all took.

    The task: index of the case, index of the batch, draws.
    """
    index, _, draws = task
    case, random = [*repeated()][index], np.random.default_rng(task)
    design = design_of((0, 1, 2), MOST_SEEDS)
    drawn = [case.draw(random, MOST_SEEDS) for _ in range(draws)]
    evidence, open_ = evidence_of(case, drawn), list(range(draws))
    errors = seeds = 0
    for before, count in itertools.pairwise((0, *design.counts)):
        seeds += (count - before) * len(open_)
        look = Look(design.seeds[:count], design.counts, design.levels)
        found = dict(zip(open_, verdicts(case, open_, evidence, look), strict=True))
        errors += [*found.values()].count("supported")
        open_ = [draw for draw in open_ if found[draw] == "undecided"]
    return errors, seeds


def verdicts(case: Case, chosen: Sequence[int], evidence: Evidence, look: Look | None = None) -> list[str]:
    """The verdict on each of the chosen draws (runs, n); of a family one that is supported, or else undecided."""
    forms = (case.form, *case.family)
    claims = [
        Claim(
            f"{draw}-{number}",
            "",
            "",
            str(draw) if case.family else None,
            KINDS[case.kind].model_validate(_renamed(form, draw)),
        )
        for draw in chosen
        for number, form in enumerate(forms)
    ]
    looks = {claim.name: look for claim in claims} if look else {}
    words = [str(found.word) for found in judge_claims(claims, evidence, lambda _: "", looks)]
    each = [words[begin : begin + len(forms)] for begin in range(0, len(words), len(forms))]
    return [next((w for w in ("supported", "undecided") if w in own), own[0]) for own in each]


def evidence_of(case: Case, drawn: Sequence[Array]) -> Evidence:
    """What the journals of draws (runs, n) say. Each draw has runs of its own: to read all at once is faster."""
    scores = {
        Path(f"{run}{draw}", str(seed)): float(value)
        for draw, values in enumerate(drawn)
        for run, row in zip("abcd", values, strict=False)
        for seed, value in enumerate(row)
    }
    selected = [Selected(folder.parent.name, int(folder.name), folder) for folder in scores]
    return Evidence(load(selected, lambda folder: _history(folder, scores[folder], case.metric)), {})


def _renamed(form: Any, draw: int) -> Any:
    """A form whose runs are those of a draw."""
    if isinstance(form, Mapping):
        return {key: _renamed(value, draw) for key, value in form.items()}
    if isinstance(form, list):
        return [_renamed(value, draw) for value in form]
    return f"{form}{draw}" if form in ("a", "b", "c", "d") else form


def _history(folder: Path, score: float, metric: str) -> History:
    """What the journal of a training with this score says."""
    history = History(folder / "journal.jsonl", job={"seed": int(folder.name)})
    diverged = math.isinf(score)
    steps = FAR if metric == "steps" else 1
    history.job["total_steps"] = steps
    history.outcome = {"exit": "diverged" if diverged else "finished", "steps": steps}
    record = {"step": 1, "time": 0, "protocol": "p", "metric": "fd_x"}
    if metric == "steps":  # a straight line through 1 at step 1,000 times the score
        for step in curve_steps(FAR):
            distance = 2.0 if diverged else 2.0 - step / (1000 * score)
            history.curve.append({**record, "step": step, "values": {"fd_x": distance}})
    elif not diverged:
        values = {"fd_x": score} if metric == "quality" else {"fd_x": 1.0, f"{metric}_x": score}
        history.evaluations.append({**record, "values": values})
    return history


HEAD = """# How often a false claim is supported

`python -m benchmarks.verdicts --draws {draws} > docs/false-support.md` writes this page. {draws} draws a cell.
The truth is at the edge of what the claim says, so every support is an error (to be kept: at most 5.8%). Spreads are
those of the runs that the claim names, in its order. The rules are in
[statistics.md](statistics.md#how-often-a-false-statement-is-supported).
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--draws", type=int, default=2000, help="of each claim and number of seeds")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--looks", nargs="*", default=["once", "repeated"], choices=["once", "repeated"])
    options = parser.parse_args()
    batches = [min(BATCH, options.draws - begin) for begin in range(0, options.draws, BATCH)]
    most = MOST + 2 * math.sqrt(MOST * (1 - MOST) / options.draws)
    print(HEAD.format(draws=options.draws))
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        failed = 0
        if "once" in options.looks:
            failed += _print_once(pool, batches, most)
        if "repeated" in options.looks:
            print()
            failed += _print_repeated(pool, batches, most)
    if failed:
        sys.exit(f"{failed} rates are above {MOST:.1%} by more than two standard errors")


def _print_once(pool: Pool, batches: Sequence[int], most: float) -> int:
    """The table of claims that are judged once; how many rates are above the most."""
    listed, failed = cases(), 0
    tasks = (
        (i, n, batch, draws) for i in range(len(listed)) for n in SIZES for batch, draws in enumerate(batches)
    )
    print("| false support of | law | spreads |" + "".join(f" n = {n} |" for n in SIZES))
    print("|" + "---|" * (3 + len(SIZES)))
    counts = pool.imap(supported, tasks)
    for case in listed:
        rates = [sum(next(counts) for _ in batches) / sum(batches) for _ in SIZES]
        failed += sum(rate > most for rate in rates)
        print(_row(case, [_rate(rate, most) for rate in rates]), flush=True)
    return failed


def _print_repeated(pool: Pool, batches: Sequence[int], most: float) -> int:
    """The table of claims that are judged until they are decided; how many rates are above the most."""
    listed, failed = [*repeated()], 0
    tasks = ((i, batch, draws) for i in range(len(listed)) for batch, draws in enumerate(batches))
    print(f"| until decided, 3 to {MOST_SEEDS} seeds: false support of | law | spreads | rate | mean seeds |")
    print("|" + "---|" * 5)
    counts = pool.imap(supported_at_some_look, tasks)
    for case in listed:
        errors, seeds = np.sum([next(counts) for _ in batches], axis=0) / sum(batches)
        failed += errors > most
        print(_row(case, [_rate(errors, most), f"{seeds:.1f}"]), flush=True)
    return failed


def _row(case: Case, cells: Sequence[str]) -> str:
    spreads = " : ".join(f"{spread:g}" for spread in case.spreads)
    return f"| {' | '.join([case.words, case.law, spreads, *cells])} |"


def _rate(rate: float, most: float) -> str:
    return f"{rate:.1%}{' !' if rate > most else ''}"


if __name__ == "__main__":
    main()
