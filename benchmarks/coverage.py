"""`python -m benchmarks.coverage`: how often intervals cover and verdicts err, in the tables of docs/statistics.md.

Pairing is what the rule of `analysis.statistics.differences` gives. Intervals are computed for all simulations of a
case at once; a few of every case are compared with the functions that a report calls, and with the verdicts on claims
about runs with these scores, which are much slower.
"""

import argparse
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, stdtrit
from scipy.stats import beta, nct, norm, t

from ablations.store.history import History
from ablations.studies.window import locate
from analysis.claims import Claim, Evidence, Group
from analysis.claims.closes import Closes
from analysis.claims.compare import Compare
from analysis.claims.judging import judge_claims
from analysis.claims.ladders import Answer, answer_of
from analysis.frames.jobs import Selected, load
from analysis.statistics import Region, difference, is_paired, judge, ratio, shift, variance_ratio
from analysis.statistics import spread as standard_deviation
from analysis.statistics.aggregates import mean_interval, probability_interval
from analysis.statistics.looks import look_counts, look_levels
from analysis.statistics.ranks import mann_whitney_null

Array = npt.NDArray[np.float64]
Shape = tuple[int, int]
Law = Callable[[np.random.Generator, Shape], Array]

LAWS: dict[str, Law] = {
    "normal": lambda random, shape: random.normal(size=shape),
    "gamma(2)": lambda random, shape: (random.gamma(2, 1, shape) - 2) / math.sqrt(2),
    "lognormal(0.5)": lambda random, shape: (random.lognormal(0, 0.5, shape) - math.exp(0.125)) / 0.604,
    "lognormal(1)": lambda random, shape: (random.lognormal(0, 1, shape) - math.exp(0.5)) / 2.161,
}
"""Laws of mean 0 and standard deviation 1, of skewness 0, 1.4, 1.8 and 6.2."""
FAR = 1e6
"""Taken off all scores of a claim, which changes no difference: with values of one sign below 0 it may be in units."""
CHECKED = 25
"""Simulations of each case that also go through the functions themselves, and through claims."""


@dataclass(frozen=True)
class Experiment:
    """Two runs over n seeds: b around 0, a around `truth`, each with its spread, diverging in some share of seeds."""

    law: str = "normal"
    truth: float = 0.0
    spread: float = 1.0
    correlation: float = 0.0
    failing: tuple[float, float] = (0.0, 0.0)
    alone: bool = False
    """The differences themselves have the law: b is 0 throughout, and pairs are compared."""

    def draw(self, random: np.random.Generator, shape: Shape) -> tuple[Array, Array]:
        """Values a and b, each (simulations, n)."""
        law = LAWS[self.law]
        if self.alone:
            return self.truth + law(random, shape), np.zeros(shape)
        shared = math.sqrt(self.correlation) * law(random, shape)
        own = math.sqrt(1 - self.correlation)
        a = self.truth + self.spread * (shared + own * law(random, shape))
        b = shared + own * law(random, shape)
        a[random.random(shape) < self.failing[0]] = math.inf
        b[random.random(shape) < self.failing[1]] = math.inf
        return a, b

    def is_paired(self, n: int) -> bool:
        return self.alone or is_paired(range(n), range(n))


def intervals(a: Array, b: Array, *, paired: bool, level: float = 0.95) -> tuple[Array, Array]:
    """Ends (s,) of the intervals that `difference` gives for each row of a and b (s, n)."""
    n = a.shape[1]
    diverged = np.isinf(a).any(axis=1) | np.isinf(b).any(axis=1)
    low, high = np.empty(len(a)), np.empty(len(a))
    low[~diverged], high[~diverged] = _by_means(a[~diverged], b[~diverged], paired, level)
    with np.errstate(invalid="ignore"):
        comparisons = (a[diverged, :, None] - b[diverged, None, :]).reshape(-1, n * n)
    outside = int((np.cumsum(mann_whitney_null(n, n)) <= (1 - level) / 2 + 1e-12).sum())
    low[diverged], high[diverged] = -math.inf, math.inf
    if outside:
        low[diverged] = np.sort(np.where(np.isnan(comparisons), -math.inf, comparisons))[:, outside - 1]
        high[diverged] = np.sort(np.where(np.isnan(comparisons), math.inf, comparisons))[:, -outside]
    return low, high


def _by_means(a: Array, b: Array, paired: bool, level: float) -> tuple[Array, Array]:
    n = a.shape[1]
    if paired:
        error, df = (a - b).std(axis=1, ddof=1) / math.sqrt(n), np.full(len(a), n - 1.0)
    else:
        parts = np.stack([a.var(axis=1, ddof=1), b.var(axis=1, ddof=1)]) / n
        error, df = np.sqrt(parts.sum(axis=0)), (n - 1) * parts.sum(axis=0) ** 2 / (parts**2).sum(axis=0)
    middle, half = (a - b).mean(axis=1), stdtrit(df, (1 + level) / 2) * error
    return middle - half, middle + half


def check(a: Array, b: Array, low: Array, high: Array, *, paired: bool) -> None:
    """That `intervals`, which is quick, and the functions that a report calls say the same."""
    found = [difference(x, y, paired=paired) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(low, [one.low for one in found])
    np.testing.assert_allclose(high, [one.high for one in found])
    by_rule = paired == is_paired(range(a.shape[1]), range(a.shape[1]))
    for claim, region in CLAIMS:
        inside, outside = _verdicts(low, high, region)
        words = [
            "supported" if i else "refuted" if o else "undecided"
            for i, o in zip(inside, outside, strict=True)
        ]
        assert words == [judge(one, region).verdict for one in found]
        if by_rule:  # the rule that claims follow; a tolerance also asks how often runs fail
            for word, x, y in zip(words, a, b, strict=True):
                failed = np.isinf(x).any() or np.isinf(y).any()
                allowed = {word, "undecided"} if failed and math.isfinite(region.low) else {word}
                assert claimed(claim, x, y) in allowed


def claimed(claim: Claim, a: Array, b: Array) -> str:
    """The verdict on a claim about two runs with these scores by seed, inf where a training diverged."""
    histories = {
        Path(run) / str(seed): _scored(Path(run) / str(seed), float(score))
        for run, scores in (("a", a), ("b", b))
        for seed, score in enumerate(scores)
    }
    selected = [Selected(folder.parent.name, int(folder.name), folder) for folder in histories]
    frames = load(selected, lambda folder: histories[folder])
    (verdict,) = judge_claims([claim], Evidence(frames, {}), lambda _: "")
    return verdict.word


def _scored(folder: Path, score: float) -> History:
    """What the journal of a training with this score says."""
    history = History(folder / "journal.jsonl", job={"seed": int(folder.name)})
    diverged = math.isinf(score)
    history.outcome = {"exit": "diverged" if diverged else "finished", "steps": 1}
    if not diverged:
        record = {
            "step": 1, "time": 0, "protocol": "p", "metric": "fd_x", "values": {"fd_x": 1.0, "kd_x": score - FAR}
        }  # fmt: skip
        history.evaluations.append(record)
    return history


def _claim(**said: Any) -> Claim:
    form = {"run": "a", "against": "b", "metric": "kd", **said}
    return Claim("claim", "", "", None, Compare.model_validate(form))


def _verdicts(low: Array, high: Array, region: Region) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each interval is inside the region, and whether outside; no truth is beyond infinity."""
    above, below = (
        np.isneginf(region.low) | (low > region.low),
        np.isposinf(region.high) | (high < region.high),
    )
    return above & below, (high < region.low) | (low > region.high)


def shares(
    experiment: Experiment, n: int, simulations: int, region: Region | None = None
) -> dict[str, float]:
    """How often the interval covers the truth and, where a region is given, how often each verdict comes."""
    random = np.random.default_rng([n, zlib.crc32(repr((experiment, region)).encode())])
    a, b = experiment.draw(random, (simulations, n))
    paired = experiment.is_paired(n)
    low, high = intervals(a, b, paired=paired)
    check(a[:CHECKED], b[:CHECKED], low[:CHECKED], high[:CHECKED], paired=paired)
    found = {"covered": float(((low <= experiment.truth) & (experiment.truth <= high)).mean())}
    if region is not None:
        inside, outside = _verdicts(low, high, region)
        found |= {"supported": float(inside.mean()), "refuted": float(outside.mean())}
        found["undecided"] = 1 - found["supported"] - found["refuted"]
    return found


def lower_by(margin: float) -> Region:
    return Region(-math.inf, -margin)


def within(margin: float) -> Region:
    return Region(-margin, margin)


CLAIMS = [
    (_claim(direction="lower", by=1.0), lower_by(1.0)),
    (_claim(direction="same", within=3.0), within(3.0)),
]


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{cell:.1%}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def head(*cells: object) -> str:
    return "\n".join(["", row(*cells), "|" + "---|" * len(cells)])


def rules(simulations: int) -> Iterator[str]:  # noqa: ARG001
    """What follows from the rules alone, by quantiles and without a simulation."""
    sizes = (2, 3, 5, 10)
    yield head("narrower in pairs from a correlation of", *(f"n = {n}" for n in sizes))
    yield row("", *(f"{1 - (t.ppf(0.975, 2 * n - 2) / t.ppf(0.975, n - 1)) ** 2:.2f}" for n in sizes))
    yield head("largest difference in failures", *(f"n = {n}" for n in (3, 5, 10, 20)))
    yield row("", *(f"{100 * (1 - 0.025 ** (1 / n)):.0f} points" for n in (3, 5, 10, 20)))
    yield head(
        "effect found in 80%, in standard deviations",
        "alone",
        "first of 3",
        "first of 9",
        "smallest p of ranks",
    )
    for n in sizes:
        effects = (detectable_effect(n, paired=False, level=1 - 0.05 / k) for k in (1, 3, 9))
        yield row(f"n = {n}", *(f"{effect:.2g}" for effect in effects), f"{2 / math.comb(2 * n, n):.1g}")
    yield head("pairs without correlation", "n = 5", "n = 10")
    yield row("", *(f"{math.sqrt(2) * detectable_effect(n, paired=True):.1f}" for n in (5, 10)))
    counts = look_counts(3, 20)
    yield head("looks until decided, from 3 to 20 seeds", *map(str, counts))
    yield row("level", *look_levels(counts))


def coverage(simulations: int) -> Iterator[str]:
    sizes = (2, 3, 5, 10)
    yield head("interval of 95%", *(f"n = {n}" for n in sizes))
    cases = {f"paired, {law} differences": Experiment(law, alone=True) for law in LAWS}
    cases |= {f"two groups, {law}": Experiment(law) for law in LAWS}
    cases |= {f"two groups, {law}, spread 3 : 1": Experiment(law, spread=3.0) for law in LAWS}
    cases["two groups, normal, spread 10 : 1"] = Experiment(spread=10.0)
    cases["two groups, normal, correlation 0.5"] = Experiment(correlation=0.5)
    cases["two groups, normal, a tenth diverged"] = Experiment(failing=(0.1, 0.1))
    for name, experiment in cases.items():
        yield row(name, *(shares(experiment, n, simulations)["covered"] for n in sizes))


def verdicts(simulations: int) -> Iterator[str]:
    yield head("statement", "truth", "diverged", "n", "supported", "refuted", "undecided")
    for statement, region in (("lower by 1", lower_by(1.0)), ("same within 3", within(3.0))):
        for truth in (0.0, -1.5, -6.0):
            for failing, words in (((0.0, 0.0), "none"), ((0.0, 0.3), "30% of the other")):
                for n in (3, 5, 10):
                    found = shares(Experiment(truth=truth, failing=failing), n, simulations, region)
                    yield row(
                        statement,
                        f"{truth:g}",
                        words,
                        n,
                        *(found[w] for w in ("supported", "refuted", "undecided")),
                    )


def detectable_effect(n: int, *, paired: bool, level: float = 0.95, power: float = 0.8) -> float:
    """The distance from a margin that n seeds a group decide in `power` of all cases, in standard deviations.

    Of the differences within a seed where `paired`, else of the values, taken as normal and equal in both groups.
    """
    reaches = _paired_power if paired else _welch_power
    return float(brentq(lambda effect: reaches(effect, n, level) - power, 0, 1e3))


def _paired_power(effect: float, n: int, level: float) -> float:
    return float(nct.sf(t.ppf((1 + level) / 2, n - 1), n - 1, effect * math.sqrt(n)))


def _welch_power(effect: float, n: int, level: float) -> float:
    """At equal variances the statistic is noncentral t with 2 n - 2 degrees of freedom, whatever share of the variance
    b ~ Beta((n - 1) / 2, (n - 1) / 2) falls to one group, and the critical value depends on that share alone."""
    share = beta.ppf((np.arange(200) + 0.5) / 200, (n - 1) / 2, (n - 1) / 2)
    critical = stdtrit((n - 1) / (share**2 + (1 - share) ** 2), (1 + level) / 2)
    return float(np.nan_to_num(nct.sf(critical, 2 * n - 2, effect * math.sqrt(n / 2)), nan=1.0).mean())


def power(simulations: int) -> Iterator[str]:
    yield head("n", "pairs", "effect beyond the margin (sd)", "power", "margin of `same` (sd)", "power")
    for n in (2, 3, 5, 10, 20):
        paired = is_paired(range(n), range(n))
        # Paired differences of two groups without correlation spread √2 times as much as the values.
        unit = math.sqrt(2) if paired else 1.0
        effect = math.ceil(10 * unit * detectable_effect(n, paired=paired)) / 10
        # Two edges to clear, each in 90%, are both cleared in at least 80%.
        margin = math.ceil(10 * unit * detectable_effect(n, paired=paired, power=0.9)) / 10
        lower = shares(Experiment(truth=-effect), n, simulations, lower_by(0.0))["supported"]
        same = shares(Experiment(), n, simulations, within(margin))["supported"]
        yield row(n, "yes" if paired else "no", f"{effect:.1f}", lower, f"{margin:.1f}", same)
    yield head("other run diverged in 30%: effect (sd)", "n = 3", "n = 4", "n = 5", "n = 10")
    for effect in (2.0, 3.0, 4.0, 6.0):
        experiment = Experiment(truth=-effect, failing=(0.0, 0.3))
        found = (shares(experiment, n, simulations, lower_by(0.0))["supported"] for n in (3, 4, 5, 10))
        yield row(f"{effect:.0f}", *found)


def ladders(simulations: int) -> Iterator[str]:
    """Shares of a gap from 1,170 to 620 that a run closes; the logarithms of start and run spread by 0.05, of the goal
    by 0.03."""
    sizes, gap = (2, 3, 5, 10), math.log(1170 / 620)
    yield head("interval of 95% of a share of a gap", *(f"n = {n}" for n in sizes))
    random = np.random.default_rng(5)
    for truth in (0.0, 0.5, 1.0):
        for correlation in (0.0, 0.5):
            covered = []
            for n in sizes:
                common = math.sqrt(correlation) * random.normal(size=(simulations // 20, 1, n))
                own = math.sqrt(1 - correlation) * random.normal(size=(simulations // 20, 3, n))
                spread, means = np.array([[0.05], [0.05], [0.03]]), gap * np.array([[1 - truth], [1], [0]])
                found = [
                    ratio(values, (-1, 1, 0), (0, 1, -1), paired=is_paired(range(n), range(n)))
                    for values in means + spread * (common + own)
                ]
                covered.append(float(np.mean([one.low <= truth <= one.high for one in found])))
            yield row(f"share {truth:.1f}, correlation {correlation:g}", *covered)

    yield head(
        "one cause: answers", "share", "n = 2, one run", "n = 2, four runs", "n = 3, four", "n = 5, four"
    )
    for truth in (0.0, 0.3, 1.0):
        found = [
            [set(ladder_answers(random, n, runs, truth)) for _ in range(simulations // 20)]
            for n, runs in ((2, 1), (2, 4), (3, 4), (5, 4))
        ]
        for answer in (Answer.YES, Answer.IN_PART):
            first = [
                answer in one and (answer is Answer.YES or Answer.YES not in one)
                for case in found
                for one in case
            ]
            yield row(
                answer, f"{truth:.1f}", *(float(x) for x in np.reshape(first, (len(found), -1)).mean(axis=1))
            )


NOTHING = Evidence(load([]), {})
"""No jobs and no studies."""


def ladder_answers(random: np.random.Generator, n: int, runs: int, share: float) -> list[Answer]:
    """The answers of the runs that test one cause, each of which closes this share of the gap in truth."""

    def draw(name: str, mean: float, spread: float) -> Group:
        return Group(name, dict(enumerate(mean * np.exp(spread * random.normal(size=n)))))

    start, goal = draw("start", 1170, 0.05), draw("goal", 620, 0.03)

    class Drawn(Closes):
        def groups(self, evidence: Evidence) -> tuple[Group, ...]:  # noqa: ARG002
            return draw(self.run, 1170 * (620 / 1170) ** share, 0.05), start, goal

    form = Drawn.model_validate({"run": "run", "start": "start", "goal": "goal", "at_least": "50%"})
    claims = [Claim(f"claim {index}", "", "", "cause", form) for index in range(runs)]
    return [answer_of(verdict) for verdict in judge_claims(claims, NOTHING, lambda _: "")]


def companions(simulations: int) -> Iterator[str]:
    sizes = (2, 3, 5, 10)
    yield head("interval of 95%, normal groups", *(f"n = {n}" for n in sizes))
    random = np.random.default_rng(7)
    covered = []
    for n in sizes:
        draws = [(random.normal(size=n), random.normal(size=n)) for _ in range(simulations // 10)]
        shifts = [shift([(x, y)]) for x, y in draws]
        covered.append(float(np.mean([one.low <= 0 <= one.high for one in shifts])))
    yield row("shift, Mann-Whitney", *covered)


def aggregates(simulations: int) -> Iterator[str]:
    """How often the intervals of aggregates would cover if they were given from 3 seeds on."""
    sizes, random = (3, 5, 8, 10, 20), np.random.default_rng(13)
    quantiles = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    yield head("interquartile mean, interval of 95%", *(f"n = {n}" for n in sizes))
    middle = quantiles[25_000:75_000]
    laws = {"normal": middle, "lognormal(1)": np.exp(middle), "t3": t(3).ppf(norm.cdf(middle))}
    draws = {
        "normal": random.normal,
        "lognormal(1)": random.lognormal,
        "t3": lambda size: random.standard_t(3, size),
    }
    for law, values in laws.items():
        truth, covered = float(values.mean()), []
        for n in sizes:
            found = [mean_interval(draws[law](size=n)) for _ in range(simulations // 20)]
            covered.append(float(np.mean([low <= truth <= high for low, high in found])))
        yield row(law, *covered)
    yield head("probability of improvement, interval of 95%", "truth", *(f"n = {n}" for n in sizes))
    for spread in (1.0, 3.0):
        for shift_ in (0.0, 1.0, 3.0):
            truth = float(norm.cdf(shift_))
            distance, covered = shift_ * math.hypot(1, spread), []
            for n in sizes:
                pairs = [
                    (random.normal(size=n), random.normal(distance, spread, n))
                    for _ in range(simulations // 20)
                ]
                found = [probability_interval(a, b) for a, b in pairs]
                covered.append(float(np.mean([low <= truth <= high for low, high in found])))
            yield row(f"normal, spread {spread:g} : 1", f"{truth:.3f}", *covered)
    yield head("of normal values, or t3: interval of 95%", *(f"n = {n}" for n in sizes))
    for law, deviation in (("normal", 1.0), ("t3", math.sqrt(3))):
        found = [
            [
                (
                    standard_deviation(draws[law](size=n)),
                    variance_ratio(draws[law](size=n), draws[law](size=n)),
                )
                for _ in range(simulations // 20)
            ]
            for n in sizes
        ]
        for index, (name, truth) in enumerate(
            (("standard deviation", deviation), ("ratio of variances", 1.0))
        ):
            covered = [
                float(np.mean([one[index].low <= truth <= one[index].high for one in case])) for case in found
            ]
            yield row(f"{name}, {law}", *covered)


def searches(simulations: int) -> Iterator[str]:
    """How often one of two methods that are tuned equally well is found to be better, each by 3 seeds a search."""
    sizes, random = (3, 5, 10), np.random.default_rng(17)
    yield head(
        "spread of a best over searches, in that over seeds",
        *(f"one search, {n} seeds" for n in sizes), *(f"{n} searches" for n in sizes),
    )  # fmt: skip
    for ratio_ in (0.0, 0.5, 1.0, 2.0):
        found = []
        for searches_, seeds in (*((1, n) for n in sizes), *((n, 3) for n in sizes)):
            shape = (2, simulations, searches_)
            values = random.normal(0, ratio_, (*shape, 1)) + random.normal(size=(*shape, seeds))
            a, b = values[:, :, 0] if searches_ == 1 else values.mean(axis=3)
            _, high = intervals(a, b, paired=is_paired(range(a.shape[1]), range(a.shape[1])))
            found.append(float((high < 0).mean()))
        yield row(f"{ratio_:g}", *found)


def edges(simulations: int) -> Iterator[str]:
    yield head("edge of a window, by width in decades", "0.02", "0.1", "0.3", "1", "median interval at 0.1")
    random = np.random.default_rng(11)
    for tries in (3, 5, 10):
        covered, lengths = [], [math.nan]
        for width in (0.02, 0.1, 0.3, 1.0):
            found = [_staircase(random, tries, width) for _ in range(simulations // 100)]
            covered.append(float(np.mean([low <= edge <= high for edge, low, high in found])))
            if width == 0.1:
                lengths = [high - low for _, low, high in found]
        yield row(f"8 trials of a search, then {tries}", *covered) + f" {np.median(lengths):.2f} decades |"


def _staircase(random: np.random.Generator, tries: int, width: float) -> tuple[float, float, float]:
    """Edge, low and high as a study finds them: eight trials over five decades, then each at the estimate."""
    edge = random.uniform(-4, -1)

    def worked(x: float) -> bool:
        return bool(random.random() < expit(math.log(81) * (x - edge) / width))

    x = [*random.uniform(-5, 0, 8), -5.0, 0.0]
    seen = [*map(worked, x[:-2]), False, True]
    for _ in range(tries):
        x.append(locate(x, seen, direction="rising", bounds=(-5, 0)).estimate)
        seen.append(worked(x[-1]))
    found = locate(x, seen, direction="rising", bounds=(-5, 0))
    return edge, found.low, found.high


TABLES = {
    f.__name__: f
    for f in (rules, coverage, verdicts, power, ladders, companions, aggregates, searches, edges)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("what", nargs="*", default=list(TABLES), help=", ".join(TABLES))
    parser.add_argument("--simulations", type=int, default=20000, help="of each case")
    options = parser.parse_args()
    for name in options.what:
        for line in TABLES[name](options.simulations):
            print(line, flush=True)


if __name__ == "__main__":
    main()
