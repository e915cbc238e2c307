"""What a study found, in sentences, computed: they cannot disagree with the figures, and say no more than the data do.

Names and settings stand between backticks, as in Markdown.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.frames.studies import Confirmed, StudyResult, WindowEdge, best_searched
from analysis.wording import counted, listed, number, rate
from fakeface.outcomes import Dynamics, Exit, Regime, Samples

_TURNS = {"lower": "begins to work", "upper": "ceases to work"}
_PHRASES: Mapping[str, tuple[str, str]] = {
    Regime.WORKS: ("works", "work"),
    Regime.STALLED: ("stalls", "stall"),
    Regime.NOISE: ("ends in noise", "end in noise"),
    Regime.COLLAPSED: ("collapses", "collapse"),
    Regime.DISCRIMINATOR_WON: ("lets the discriminator win", "let the discriminator win"),
    Regime.DIVERGED: ("diverges", "diverge"),
    Regime.UNKNOWN: ("was cut short undecided", "were cut short undecided"),
}


def study_words(study: StudyResult) -> list[str]:
    """The findings: how far the search came, the best setting, the enqueued ones, the edges, the steps saved."""
    return [
        _progress(study),
        *_best(study),
        *_enqueued(study),
        *_edges(study),
        *_saved(study),
    ]


def setting(params: Mapping[str, Any]) -> str:
    """Searched values as they stand in `runs.yaml`: `optimizer.lr = 2e-4`; those that do not apply are left out."""
    known = {path: value for path, value in params.items() if value is not None and value == value}
    return ", ".join(f"`{path}` = {rate(value)}" for path, value in known.items())


def _progress(study: StudyResult) -> str:
    ended = study.trials[study.trials["state"].isin(["complete", Exit.PRUNED])]
    counts = Counter(str(regime) for regime in ended["regime"].dropna())
    what = listed(f"{count} {_PHRASES[regime][count > 1]}" for regime, count in counts.most_common())
    planned = max(study.planned_trials, len(study.trials))
    begun = f"{len(ended)} of {planned} settings of `{study.base}` have been tried"
    if not len(ended):
        return (
            f"No setting of `{study.base}` has been tried to its end yet; {study.planned_trials} are planned."
        )
    return f"{begun}, each for {study.total_steps:,} generator steps unless cut short: {what}."


def _best(study: StudyResult) -> list[str]:
    if study.best is None:
        found = best_searched(study)
        if found is None:
            return ["No setting has a score yet: none of the trials ran to its end without failing."] * bool(
                len(study.trials)
            )
        name = study.protocol if study.objective == "quality" else "spectrum distance in dB"
        though = "" if found["regime"] == Regime.WORKS else f", though it {_PHRASES[found['regime']][0]}"
        return [
            f"The best setting of the search so far is {setting(_params(study, found))}, with {name} "
            f"{number(found['measured'])}{though}; fresh seeds have not confirmed it yet."
        ]
    best = study.best
    told = f"The best setting, {setting(best.params)}, has {study.protocol} {_scores(best)}"
    if failures := _failures(best):
        told += f"; {failures}"
    if study.reference is None:
        return [f"{told}. Nothing it could be held against has been trained."]
    return [f"{told}.", _against(best, study.reference)]


def _against(best: Confirmed, reference: Confirmed) -> str:
    """The best setting held against the reference, seed by seed where they share seeds."""
    told = f"The reference, `{reference.name}`, has {_scores(reference)}"
    if failures := _failures(reference):
        told += f"; {failures}"
    if best.value is None or not reference.value:
        return f"{told}. A ratio needs a score from every seed of both."
    ratio = f"The best setting comes to {best.value / reference.value:.2f} times that"
    if best.seeds == reference.seeds and len(best.seeds) > 1:
        pairs = sorted(b / r for b, r in zip(best.known, reference.known, strict=True) if r > 0)
        ratio += f" ({pairs[0]:.2f} to {pairs[-1]:.2f} times, seed by seed)" if pairs else ""
    return f"{told}. {ratio}; lower is better."


def _scores(confirmed: Confirmed) -> str:
    """The mean and the seeds' range, or the seeds one by one where some have no score."""
    seeds = counted(len(confirmed.seeds), "fresh seed")
    if not confirmed.known:
        return f"no score on {seeds}"
    if confirmed.value is None:
        return f"{listed(number(value) for value in confirmed.known)} on {len(confirmed.known)} of {seeds}"
    if len(confirmed.known) == 1:
        return f"{number(confirmed.value)} on {seeds}"
    return f"{number(confirmed.value)} on {seeds} ({number(min(confirmed.known))} to {number(max(confirmed.known))})"


def _failures(confirmed: Confirmed) -> str:
    """The seeds on which something went wrong, in the outcome's words; empty where all went well."""
    expected = {Exit.FINISHED, Samples.HEALTHY, Dynamics.BALANCED, None}
    words = [
        " and ".join(f"`{word}`" for word in told if word not in expected) for told in confirmed.outcomes
    ]
    counts = Counter(word for word in words if word)
    return listed(f"{count} of the seeds {word}" for word, count in counts.items())


def _enqueued(study: StudyResult) -> list[str]:
    sentences = []
    for trial in study.trials[study.trials["enqueued"]].to_dict("records"):
        owner = "The report’s own setting" if trial["at_defaults"] else "The enqueued setting"
        named = f"{owner}, {setting(_params(study, trial))},"
        runs = study.trainings[study.trainings["trial"] == trial["number"]]
        if runs.empty:
            sentences.append(f"{named} has not been trained to its end yet.")
            continue
        sentences.append(f"{named} {_became(runs)}{_distance(study, trial['quality'])}.")
    return sentences


def _became(runs: pd.DataFrame) -> str:
    """The outcome of the worst of a setting's seeds, with its evidence."""
    failing = runs[runs["regime"] != Regime.WORKS]
    if failing.empty:
        seeds = listed(str(seed) for seed in runs["seed"])
        return f"works (seed {seeds})" if len(runs) == 1 else f"works (seeds {seeds})"
    run = failing.iloc[0]
    words = [run[name] for name in ("exit", "samples", "dynamics") if run[name] is not None]
    named = (
        " and ".join(f"`{word}`" for word in words if word not in (Exit.FINISHED, Dynamics.BALANCED))
        or "undecided"
    )
    return f"came out {named} with seed {run['seed']} ({run['evidence']})"


def _distance(study: StudyResult, quality: float) -> str:
    if quality != quality:
        return ", without a Fréchet distance"
    told = f", at a Fréchet distance of {number(quality)}"
    if study.best is not None and study.best.value:
        told += f", {quality / study.best.value:.2g} times that of the best setting"
    return told


def _edges(study: StudyResult) -> list[str]:
    if study.axis is None:
        return []
    if not study.edges:
        return [f"The edges of the window in `{study.axis}` have not been looked for yet."]
    return [_edge(study.axis, edge) for edge in study.edges.values()]


def _edge(axis: str, edge: WindowEdge) -> str:
    tried = [x for x, _ in edge.tried]
    trained = counted(len(tried), "training")
    worked = sum(works for _, works in edge.tried)
    if edge.estimate is not None:
        level = f"{100 * (edge.level or 0):.0f}% interval"
        bounds = {
            (True, True): f"{level} {rate(edge.low)} to {rate(edge.high)}",
            (True, False): f"{level} from {rate(edge.low)}, without an upper end in these data",
            (False, True): f"{level} up to {rate(edge.high)}, without a lower end in these data",
            (False, False): f"these data set its {level} no bound",
        }[edge.low is not None, edge.high is not None]
        return (
            f"Training {_TURNS[edge.side]} at `{axis}` = {rate(edge.estimate)} ({bounds}; "
            f"{worked} of {trained} on that side worked)."
        )
    told = f"Where training {_TURNS[edge.side]} was not located"
    if not tried:
        return f"{told}: nothing was trained on the {edge.side} side of the best setting."
    span = (
        f"from {rate(min(tried))} to {rate(max(tried))}"
        if min(tried) < max(tried)
        else f"at {rate(tried[0])}"
    )
    if worked in (0, len(tried)):
        which = "none" if not worked else "every one"
        return f"{told}: {which} of {trained} {span} worked."
    return f"{told}: {worked} of {trained} {span} worked, in no order that has an edge."


def _saved(study: StudyResult) -> list[str]:
    spent, full = study.steps_spent, study.full_steps
    cut = int(study.trainings.loc[study.trainings["source"] == "search", "cut"].sum())
    trained = int((study.trainings["source"] == "search").sum())
    if not trained:
        return []
    if not cut:
        return [f"No training of the search was cut short; it took {spent:,} generator steps."]
    return [
        f"{cut} of the search’s {trained} trainings {'was' if cut == 1 else 'were'} cut short, which saved "
        f"{full - spent:,} of {full:,} generator steps ({(full - spent) / full:.0%})."
    ]


def _params(study: StudyResult, row: Mapping[Any, Any]) -> dict[str, Any]:
    return {path: row[path] for path in study.space}
