"""Made-up studies, of the types that `ablate tune` writes.

The numbers follow what trials on real faces showed: SGD stalls below 1e-3, works around 2e-2, and above 0.1 the
discriminator wins or training diverges, with ragged edges. A seeded generator draws the rest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ablations.spec.models import Dimension, ObjectiveConfig
from ablations.studies.edges import tried
from ablations.studies.record import Confirmed, EdgeTraining, TrainingResult, TrialRecord, WindowEdge
from ablations.studies.trials import worst_regime
from analysis.frames.studies import StudyResult

STEPS = 300
METRIC = "fd_test"
LR, LR_G, LR_D = "optimizer.lr", "optimizer.G.lr", "optimizer.D.lr"
Judge = Callable[[float, np.random.Generator], tuple[str, float | None]]
"""log10 of a setting -> its regime and distance."""

_WORDS: Mapping[str, tuple[str, str | None, str | None]] = {
    "works": ("finished", "healthy", "balanced"),
    "stalled": ("finished", "noise", "stalled"),
    "noise": ("finished", "noise", "balanced"),
    "collapsed": ("finished", "collapsed", "balanced"),
    "discriminator-won": ("finished", "noise", "discriminator-won"),
    "diverged": ("diverged", None, None),
    "unknown": ("pruned", "healthy", "balanced"),
}


def sgd(x: float, rng: np.random.Generator) -> tuple[str, float | None]:
    """Regime and distance of SGD at log10 of a learning rate."""
    noise = math.exp(rng.normal(0, 0.06))
    lower, upper = rng.normal(-2.6, 0.12), rng.normal(-1.0, 0.22)
    if x < lower:
        stalls = x < -3.2 + rng.normal(0, 0.1)
        return "stalled" if stalls else "noise", 7000 * noise * (1 if stalls else 0.8)
    if x < upper:
        return "works", 1800 * math.exp(0.55 * (x + 1.7) ** 2) * noise
    if x > -0.25 + rng.normal(0, 0.1):
        return "diverged", None
    return ("discriminator-won", 6200 * noise) if rng.random() < 0.85 else ("collapsed", 5200 * noise)


def adam(x: float, rng: np.random.Generator) -> tuple[str, float | None]:
    """The same of Adam."""
    noise = math.exp(rng.normal(0, 0.05))
    if x > -2.3 + rng.normal(0, 0.1):
        return "discriminator-won", 6500 * noise
    return ("works" if x > -4.4 else "noise"), 1750 * math.exp(0.5 * (x + 3.2) ** 2) * noise


def result(
    regime: str, quality: float | None = None, seed: int = 0, *, pruned: bool = False
) -> TrainingResult:
    """One training. One that was pruned has no distance and took a third of its steps."""
    exit_, samples, dynamics = _WORDS[regime]
    fields: dict[str, Any] = {
        "run": "run", "seed": seed, "folder": f"run-{seed}-abc", "exit": "pruned" if pruned else exit_,
        "samples": samples, "dynamics": dynamics, "onset": 1 if regime == "stalled" else 40,
        "evidence": f"why {regime}", "steps": STEPS // 3 if pruned else STEPS // 2 if regime == "diverged" else STEPS,
        "total_steps": STEPS, "quality": None if pruned else quality,
        "spectrum_distance": 3.0 if regime == "works" else 25.0,
        "update_ratio_G": 1e-4 if regime == "stalled" else 3e-3, "update_ratio_D": 2e-3,
    }  # fmt: skip
    return TrainingResult(**fields)


def trial(
    number: int,
    params: float | Mapping[str, Any],
    results: Sequence[TrainingResult],
    *,
    state: str = "",
    enqueued: bool = False,
) -> TrialRecord:
    """One trial, seed after seed, of a learning rate or of these searched values."""
    params = {LR: params} if isinstance(params, float) else dict(params)
    failed = any(one.failed for one in results)
    pruned = bool(results) and results[-1].exit == "pruned"
    state = state or ("running" if not results else "pruned" if pruned and not failed else "complete")
    values = [one.value("quality") for one in results]
    return TrialRecord(
        number=number,
        state=state,
        enqueued=enqueued,
        params=params,
        settings=params | {"train.steps": STEPS},
        value=None if state != "complete" else max(values) if failed else sum(values) / len(values),
        pruned="median pruner" if pruned else "",
        regime=worst_regime(list(results)) if results else None,
        results=tuple(results),
    )


def confirmed(name: str, params: Mapping[str, Any], results: Sequence[TrainingResult]) -> Confirmed:
    """The best setting or the reference."""
    settings = dict(params)
    return Confirmed(
        name=name, params=settings, settings=settings, planned=len(results), results=tuple(results)
    )


def edge(estimates: Sequence[float | None], results: Sequence[tuple[float, TrainingResult]]) -> WindowEdge:
    """One edge of the window: its estimate with both ends of the interval."""
    estimate, low, high = estimates
    return WindowEdge(
        estimate=estimate,
        low=low,
        high=high,
        level=None if estimate is None else 0.95,
        tried=tuple(outcome for x, one in results for outcome in tried(x, [one])),
        results=tuple(EdgeTraining(x=x, **one.model_dump(exclude={"regime"})) for x, one in results),
    )


def study(trials: Sequence[TrialRecord], **parts: Any) -> StudyResult:
    """A whole study, of one learning rate unless `parts` say otherwise."""
    fields: dict[str, Any] = {
        "digest": "0123", "profile": "quick", "experiment": "fakeface-sgd-lr", "metric": METRIC, "num_samples": 2000,
        "data": "synthetic", "data_digest": "dd", "total_steps": STEPS, "seeds": (0, 1), "name": "sgd-lr",
        "description": "Is there a rate at which SGD works?", "base": "sgd", "reference_name": "adam-lr",
        "begun": 1_790_000_000_000, "idle_share": 0.1, "optimizer": "sgd", "objective": ObjectiveConfig(), "axis": LR,
        "space": {LR: dimension()}, "planned_trials": max(1, len(trials)), "trials": tuple(trials), "importances": {},
        "edges": {}, "best": None, "reference": None,
    }  # fmt: skip
    return StudyResult(**(fields | parts))


def rate_study(judge: Judge = sgd, count: int = 30, seed: int = 0, **parts: Any) -> StudyResult:
    """A study of one learning rate: the report's 2e-4 first, then draws that gather where it works."""
    rng = np.random.default_rng(seed)
    centre = -1.8 if judge is sgd else -3.2
    trials = []
    for number in range(count):
        x = math.log10(2e-4)
        if number:
            x = min(0.0, max(-5.0, rng.uniform(-5, 0) if number < 12 else rng.normal(centre, 0.5)))
        results = _seeds(judge, x, rng, never_pruned=number == 0)
        trials.append(trial(number, _rounded(x), results, enqueued=number == 0))
    return study(trials, **parts)


def whole_sgd_study(seed: int = 0) -> StudyResult:
    """A study of SGD that is complete: edges, best and reference."""
    rng = np.random.default_rng(seed + 1000)

    def train(x: float, at: int, judge: Judge = sgd) -> TrainingResult:
        return result(*judge(x, rng), at)

    lower = [(_rounded(x), train(x, 200 + i)) for i, x in enumerate(rng.normal(-2.6, 0.2, 6))]
    upper = [(_rounded(x), train(x, 300 + i)) for i, x in enumerate(rng.normal(-1.0, 0.3, 6))]
    return rate_study(
        seed=seed,
        edges={"lower": edge((2.5e-3, 1.7e-3, 3.6e-3), lower), "upper": edge((0.1, 0.055, 0.19), upper)},
        best=confirmed("sgd-lr-best", {LR: 0.0213}, [train(-1.68, 100 + i) for i in range(3)]),
        reference=confirmed("adam-lr-best", {LR: 6e-4}, [train(-3.2, 100 + i, adam) for i in range(3)]),
    )


def adam_study(seed: int = 0) -> StudyResult:
    """The study that the reference comes from."""
    return rate_study(adam, seed=seed + 7, name="adam-lr", base="baseline", optimizer="adam")


def pair_study(seed: int = 0, count: int = 60) -> StudyResult:
    """A study of G's and D's learning rates and the momentum: it works if both move and D is not far ahead."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        g, d = rng.uniform(-5, 0, 2) if number < 25 else rng.normal((-1.6, -1.9), 0.6)
        g, d = (math.log10(2e-4),) * 2 if number == 0 else (min(0.0, max(-5.0, g)), min(0.0, max(-5.0, d)))
        results = _seeds(lambda _, r, g=g, d=d: _pair(g, d, r), 0.0, rng, never_pruned=number == 0)  # type: ignore[misc]
        momentum = 0.0 if number == 0 else float(rng.uniform(0, 0.99))
        params = {LR_G: _rounded(g), LR_D: _rounded(d), "optimizer.momentum": round(momentum, 3)}
        trials.append(trial(number, params, results, enqueued=number == 0))
    fresh = [result(*_pair(-1.52, -1.96, rng), 100 + i) for i in range(3)]
    rates = dict.fromkeys((LR_G, LR_D), dimension(effective=True))
    return study(
        trials,
        name="sgd-lr-pair",
        axis=None,
        space=rates | {"optimizer.momentum": Dimension(low=0, high=0.99)},
        importances={LR_D: 0.55, LR_G: 0.38, "optimizer.momentum": 0.07},
        best=confirmed("sgd-lr-pair-best", {LR_G: 0.03, LR_D: 0.011, "optimizer.momentum": 0.42}, fresh),
    )


def dimension(**parts: Any) -> Dimension:
    """The range of a learning rate."""
    return Dimension(low=1e-5, high=1, log=True, **parts)


def _pair(g: float, d: float, rng: np.random.Generator) -> tuple[str, float | None]:
    if max(g, d) > -0.3:
        return "diverged", None
    if g < -3.1 or d < -3.1:
        return "stalled", 7000 * math.exp(rng.normal(0, 0.05))
    if d > -1.0 + 0.3 * rng.normal() or d - g > 1.2:
        return "discriminator-won", 6000 * math.exp(rng.normal(0, 0.08))
    far = (g + 1.5) ** 2 + (d + 1.9) ** 2
    return ("works" if far < 1.4 else "noise"), 1700 * math.exp(0.5 * far + rng.normal(0, 0.05))


def _seeds(judge: Judge, x: float, rng: np.random.Generator, *, never_pruned: bool) -> list[TrainingResult]:
    """The trainings of a trial: a second seed only if the first works; the hopeless and some others are pruned."""
    results: list[TrainingResult] = []
    for seed in (0, 1):
        regime, quality = judge(x, rng)
        hopeless = regime in ("stalled", "discriminator-won") and rng.random() < 0.9
        behind = regime == "works" and quality is not None and quality > 2600 and rng.random() < 0.6
        pruned = not never_pruned and (hopeless or behind)
        results.append(result("unknown" if pruned and behind else regime, quality, seed, pruned=pruned))
        if regime != "works" or pruned:
            break
    return results


def _rounded(x: float) -> float:
    return float(f"{10**x:.4g}")
