"""Made-up studies for the tests of `analysis`: the content of a `study.json`, as `ablate tune` writes it.

The numbers follow what trials on real faces showed: SGD stalls below 1e-3, works around 2e-2, and above 0.1 the
discriminator wins or training diverges, with ragged edges. A seeded generator draws the rest.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

STEPS = 300
METRIC = "fd_test"
Json = dict[str, Any]
Judge = Callable[[float, np.random.Generator], tuple[str, float | None]]
"""log10 of a setting -> its regime and distance."""

_WORDS: Mapping[str, tuple[str, str | None, str | None]] = {
    "works": ("finished", "healthy", "balanced"),
    "stalled": ("finished", "noise", "stalled"),
    "noise": ("finished", "noise", "balanced"),
    "collapsed": ("finished", "collapsed", "balanced"),
    "discriminator-won": ("finished", "noise", "discriminator-won"),
    "diverged": ("diverged", "noise", None),
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


def result(regime: str, quality: float | None, seed: int, *, cut: bool = False, run: str = "run") -> Json:
    """One training. One that was cut short has no distance and took a third of its steps."""
    exit_, samples, dynamics = _WORDS[regime]
    return {
        "run": run, "seed": seed, "folder": f"{run}-{seed}-abc", "exit": "pruned" if cut else exit_,
        "samples": samples, "dynamics": dynamics, "onset": 1 if regime == "stalled" else 40,
        "evidence": f"why {regime}", "steps": STEPS // 3 if cut else STEPS // 2 if regime == "diverged" else STEPS,
        "total_steps": STEPS, "quality": None if cut else quality,
        "spectrum_distance": 3.0 if regime == "works" else 25.0,
        "update_ratio_G": 1e-4 if regime == "stalled" else 3e-3, "update_ratio_D": 2e-3, "regime": regime,
    }  # fmt: skip


def trial(number: int, params: Json, results: list[Json], *, state: str = "", enqueued: bool = False) -> Json:
    """One trial: seed after seed, with the value that the sampler was told."""
    bad = any(one["regime"] in ("diverged", "discriminator-won") for one in results)
    cut = bool(results) and results[-1]["exit"] == "pruned"
    told = state or ("running" if not results else "pruned" if cut and not bad else "complete")
    known = [one["quality"] for one in results if one["quality"] is not None]
    value = None if told != "complete" else 1.9e6 if bad or not known else sum(known) / len(known)
    regime = (
        next((one["regime"] for one in results if one["regime"] != "works"), "works") if results else None
    )
    return {
        "number": number, "state": told, "enqueued": enqueued, "params": params,
        "settings": params | {"train.steps": STEPS}, "value": value, "cut": "median pruner" if cut else "",
        "regime": regime, "results": results,
    }  # fmt: skip


def confirmed(name: str, params: Json, results: list[Json]) -> Json:
    """The best setting or the reference."""
    values = [one["quality"] for one in results]
    whole = bool(values) and None not in values
    return {
        "name": name, "params": params, "settings": params, "seeds": [one["seed"] for one in results],
        "values": values, "value": sum(values) / len(values) if whole else None,
        "outcomes": [[one["exit"], one["samples"], one["dynamics"]] for one in results], "results": results,
    }  # fmt: skip


def edge(
    estimate: float | None, low: float | None, high: float | None, results: list[tuple[float, Json]]
) -> Json:
    """One edge of the window."""
    tried = [{"x": x, "worked": one["regime"] == "works"} for x, one in results]
    return {
        "estimate": estimate, "low": low, "high": high, "level": None if estimate is None else 0.95,
        "tried": tried, "results": [{"x": x} | one for x, one in results],
    }  # fmt: skip


def study(trials: list[Json], **parts: Any) -> Json:
    """A whole record, of one learning rate where `parts` do not say otherwise."""
    space = {"optimizer.lr": _dimension()}
    return {
        "name": "sgd-lr-0123", "digest": "0123", "profile": "quick", "experiment": "fakeface-sgd-lr",
        "metric": METRIC, "num_samples": 2000, "data": "synthetic", "data_digest": "dd", "total_steps": STEPS,
        "seeds": [0, 1], "study": "sgd-lr", "description": "Is there a rate at which SGD works?", "base": "sgd",
        "reference_name": "adam-lr", "begun": 1_790_000_000_000,
        "optimizer": "sgd", "objective": {"name": "quality", "aggregate": "mean"}, "axis": "optimizer.lr",
        "space": space, "planned_trials": max(1, len(trials)), "trials": trials, "importances": {}, "edges": {},
        "best": None, "reference": None,
    } | parts  # fmt: skip


def rate_study(judge: Judge = sgd, count: int = 30, seed: int = 0, **parts: Any) -> Json:
    """A study of one learning rate: the report's 2e-4 first, then draws that gather where it works."""
    rng = np.random.default_rng(seed)
    centre = -1.8 if judge is sgd else -3.2
    trials = []
    for number in range(count):
        x = (
            math.log10(2e-4)
            if number == 0
            else rng.uniform(-5, 0)
            if number < 12
            else rng.normal(centre, 0.5)
        )
        x = min(0.0, max(-5.0, x))
        results = _seeds(judge, x, rng, never_cut=number == 0)
        trials.append(trial(number, {"optimizer.lr": _rounded(x)}, results, enqueued=number == 0))
    return study(trials, **parts)


def whole_sgd_study(seed: int = 0) -> Json:
    """A study of SGD that came to its end: edges, best and reference."""
    rng = np.random.default_rng(seed + 1000)

    def train(x: float, at: int, judge: Judge = sgd) -> Json:
        return result(*judge(x, rng), at)

    lower = [(_rounded(x), train(x, 200 + i)) for i, x in enumerate(rng.normal(-2.6, 0.2, 6))]
    upper = [(_rounded(x), train(x, 300 + i)) for i, x in enumerate(rng.normal(-1.0, 0.3, 6))]
    return rate_study(
        seed=seed,
        edges={"lower": edge(2.5e-3, 1.7e-3, 3.6e-3, lower), "upper": edge(0.1, 0.055, 0.19, upper)},
        best=confirmed("sgd-lr-best", {"optimizer.lr": 0.0213}, [train(-1.68, 100 + i) for i in range(3)]),
        reference=confirmed(
            "adam-lr-best", {"optimizer.lr": 6e-4}, [train(-3.2, 100 + i, adam) for i in range(3)]
        ),
    )


def adam_study(seed: int = 0) -> Json:
    """The study that the reference comes from."""
    return rate_study(adam, seed=seed + 7, study="adam-lr", base="baseline", optimizer="adam")


def pair_study(seed: int = 0, count: int = 60) -> Json:
    """A study of G's and D's learning rates and the momentum: it works where both move and D not far ahead."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(count):
        g, d = rng.uniform(-5, 0, 2) if number < 25 else rng.normal((-1.6, -1.9), 0.6)
        g, d = (math.log10(2e-4),) * 2 if number == 0 else (min(0.0, max(-5.0, g)), min(0.0, max(-5.0, d)))
        results = _seeds(lambda _, r, g=g, d=d: _pair(g, d, r), 0.0, rng, never_cut=number == 0)  # type: ignore[misc]
        momentum = 0.0 if number == 0 else float(rng.uniform(0, 0.99))
        params = {
            "optimizer.G.lr": _rounded(g), "optimizer.D.lr": _rounded(d), "optimizer.momentum": round(momentum, 3)
        }  # fmt: skip
        trials.append(trial(number, params, results, enqueued=number == 0))
    best = {"optimizer.G.lr": 0.03, "optimizer.D.lr": 0.011, "optimizer.momentum": 0.42}
    fresh = [result(*_pair(-1.52, -1.96, rng), 100 + i) for i in range(3)]
    space = {path: _dimension(effective=True) for path in ("optimizer.G.lr", "optimizer.D.lr")}
    return study(
        trials,
        study="sgd-lr-pair",
        axis=None,
        space=space | {"optimizer.momentum": _dimension(low=0, high=0.99, log=False)},
        importances={"optimizer.D.lr": 0.55, "optimizer.G.lr": 0.38, "optimizer.momentum": 0.07},
        best=confirmed("sgd-lr-pair-best", best, fresh),
    )


def _pair(g: float, d: float, rng: np.random.Generator) -> tuple[str, float | None]:
    if max(g, d) > -0.3:
        return "diverged", None
    if g < -3.1 or d < -3.1:
        return "stalled", 7000 * math.exp(rng.normal(0, 0.05))
    if d > -1.0 + 0.3 * rng.normal() or d - g > 1.2:
        return "discriminator-won", 6000 * math.exp(rng.normal(0, 0.08))
    far = (g + 1.5) ** 2 + (d + 1.9) ** 2
    return ("works" if far < 1.4 else "noise"), 1700 * math.exp(0.5 * far + rng.normal(0, 0.05))


def _seeds(judge: Judge, x: float, rng: np.random.Generator, *, never_cut: bool) -> list[Json]:
    """The trainings of a trial: a second seed only where the first worked; the hopeless and some others are cut."""
    results: list[Json] = []
    for seed in (0, 1):
        regime, quality = judge(x, rng)
        hopeless = regime in ("stalled", "discriminator-won") and rng.random() < 0.9
        behind = regime == "works" and quality is not None and quality > 2600 and rng.random() < 0.6
        cut = not never_cut and (hopeless or behind)
        results.append(result("unknown" if cut and behind else regime, quality, seed, cut=cut))
        if regime != "works" or cut:
            break
    return results


def _dimension(low: float = 1e-5, high: float = 1, *, log: bool = True, effective: bool = False) -> Json:
    return {"low": low, "high": high, "log": log, "choices": [], "effective": effective}


def _rounded(x: float) -> float:
    return float(f"{10**x:.4g}")
