"""What a study found, in sentences computed from its record. Names and settings are between backticks."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ablations.studies.record import Confirmed, Side, WindowEdge
from analysis.frames.studies import StudyResult
from analysis.wording import counted, listed, number, percent, rate, span
from fakeface.outcomes import Dynamics, Exit, Regime, Samples

if TYPE_CHECKING:
    import pandas as pd

_EXPECTED = {Exit.FINISHED, Samples.HEALTHY, Dynamics.BALANCED, None}
_TURNS: Mapping[Side, str] = {"lower": "begins to work", "upper": "ceases to work"}
_PHRASES: Mapping[str, tuple[str, str]] = {
    Regime.WORKS: ("works", "work"),
    Regime.STALLED: ("stalls", "stall"),
    Regime.NOISE: ("ends in noise", "end in noise"),
    Regime.COLLAPSED: ("collapses", "collapse"),
    Regime.DISCRIMINATOR_WON: ("lets the discriminator win", "let the discriminator win"),
    Regime.DIVERGED: ("diverges", "diverge"),
    Regime.UNKNOWN: ("was cut short undecided", "were cut short undecided"),
    Exit.CRASHED: ("crashes", "crash"),
    Exit.REFUSED: ("is invalid", "are invalid"),
}


def study_words(study: StudyResult, further: Sequence[StudyResult] = ()) -> list[str]:
    """The findings: how far the search came, the best setting, the enqueued ones, the edges, the steps saved.

    Args:
        further: its further searches, as far as they have begun.
    """
    found = [_progress(study), *_best(study), *_searches([study, *further])]
    return [*found, *_enqueued(study), *_edges(study), *_saved(study)]


def _setting(study: StudyResult, params: Mapping[Any, Any]) -> str:
    """Searched values as in `runs.yaml`: `optimizer.lr` = 2e-4; unknown ones are left out."""
    import pandas as pd  # late: it takes half a second

    known = {path: params.get(path) for path in study.space}
    return ", ".join(f"`{path}` = {rate(value)}" for path, value in known.items() if not pd.isna(value))


def _progress(study: StudyResult) -> str:
    trials = study.trial_frame
    ended = trials.dropna(subset=["regime"])
    if ended.empty:
        return (
            f"No setting of `{study.base}` has been tried to its end yet; {study.planned_trials} are planned."
        )
    counts = Counter(ended["regime"])
    what = listed(f"{count} {_PHRASES[regime][count > 1]}" for regime, count in counts.most_common())
    return (
        f"{len(ended)} of {max(study.planned_trials, len(trials))} settings of `{study.base}` have been tried, each "
        f"for {study.total_steps:,} generator steps unless cut short: {what}."
    )


def _best(study: StudyResult) -> list[str]:
    best = study.best
    if best is None:
        return _best_searched(study)
    words = f"The best setting, {_setting(study, best.params)}, has {study.protocol} {_scores(best)}{_failures(best)}."
    if study.reference is None:
        return [f"{words[:-1]}. Nothing it could be compared with has been trained."]
    return [words, _comparison(best, study.reference)]


def _best_searched(study: StudyResult) -> list[str]:
    found = study.best_trial
    if found is None:
        none = "No setting has a score yet: none of the trials ran to its end without failing."
        return [none] if study.trials else []
    name = study.protocol if study.objective.name == "quality" else "spectrum distance in dB"
    though = "" if found["regime"] == Regime.WORKS else f", though it {_PHRASES[found['regime']][0]}"
    return [
        f"The best setting of the search so far is {_setting(study, found)}, with {name} "
        f"{number(found['measured'])}{though}; fresh seeds have not confirmed it yet."
    ]


def _comparison(best: Confirmed, reference: Confirmed) -> str:
    """The best setting and the reference, seed by seed if they share seeds."""
    words = f"The reference, `{reference.name}`, has {_scores(reference)}{_failures(reference)}."
    if best.value is None or not reference.value:
        return f"{words} A ratio needs a score from every seed of both."
    ratio = f"The best setting comes to {best.value / reference.value:.2f} times that"
    if best.seeds == reference.seeds and len(best.seeds) > 1:
        pairs = sorted(b / r for b, r in zip(best.known, reference.known, strict=True) if r > 0)
        ratio += f" ({pairs[0]:.2f} to {pairs[-1]:.2f} times, seed by seed)" if pairs else ""
    return f"{words} {ratio}; lower is better."


def _searches(searches: Sequence[StudyResult]) -> list[str]:
    """The best setting of each independent search, or that there is one search only."""
    study, bests = searches[0], [one.best for one in searches if one.best is not None]
    if not bests:
        return []
    if study.searches == 1:
        return ["One search was made: these seeds do not say what another search would find."]
    found = listed(
        f"{_setting(study, one.params)} with {'no score' if one.value is None else number(one.value)}"
        for one in bests
    )
    count = f"{len(bests)} of {study.searches} independent searches have confirmed a best setting"
    return [f"{count}: {found}. Their spread is that of repeating the search."]


def _scores(confirmed: Confirmed) -> str:
    """The mean and the seeds' range, or the seeds one by one if some have no score."""
    seeds = counted(len(confirmed.seeds), "fresh seed")
    if not confirmed.known:
        return f"no score on {seeds}"
    if confirmed.value is None:
        return f"{listed(map(number, confirmed.known))} on {len(confirmed.known)} of {seeds}"
    spread = f" ({span(confirmed.known)})" if len(confirmed.known) > 1 else ""
    return f"{number(confirmed.value)} on {seeds}{spread}"


def _failures(confirmed: Confirmed) -> str:
    """The seeds on which something went wrong, in the outcome's words; empty if all went well."""
    words = [
        " and ".join(f"`{word}`" for word in (one.exit, one.samples, one.dynamics) if word not in _EXPECTED)
        for one in confirmed.results
    ]
    counts = Counter(word for word in words if word)
    failures = listed(f"{count} of the seeds {word}" for word, count in counts.items())
    return f"; {failures}" if failures else ""


def _enqueued(study: StudyResult) -> list[str]:
    trials, trainings = study.trial_frame, study.training_frame
    sentences = []
    for trial in trials[trials["enqueued"]].to_dict("records"):
        kind = "The report’s own setting" if trial["at_defaults"] else "The enqueued setting"
        named = f"{kind}, {_setting(study, trial)},"
        runs = trainings[trainings["trial"] == trial["number"]]
        if runs.empty:
            sentences.append(f"{named} has not been trained to its end yet.")
        else:
            sentences.append(f"{named} {_ended(runs)}{_distance(study, trial['quality'])}.")
    return sentences


def _ended(runs: "pd.DataFrame") -> str:
    """The outcome of the worst of a setting's seeds, with its evidence."""
    failing = runs[runs["regime"] != Regime.WORKS]
    if failing.empty:
        return f"works (seed{'s' if len(runs) > 1 else ''} {listed(map(str, runs['seed']))})"
    run = failing.iloc[0]
    words = [run[name] for name in ("exit", "samples", "dynamics")]
    named = " and ".join(f"`{word}`" for word in words if word not in _EXPECTED - {Samples.HEALTHY})
    return f"came out {named or 'undecided'} with seed {run['seed']} ({run['evidence']})"


def _distance(study: StudyResult, quality: float) -> str:
    if math.isnan(quality):
        return ", without a Fréchet distance"
    words = f", at a Fréchet distance of {number(quality)}"
    if study.best is not None and study.best.value:
        words += f", {quality / study.best.value:.2g} times that of the best setting"
    return words


def _edges(study: StudyResult) -> list[str]:
    if study.axis is None:
        return []
    if not study.edges:
        return [f"The edges of the window in `{study.axis}` have not been looked for yet."]
    return [_edge(study.axis, side, edge) for side, edge in study.edges.items()]


def _edge(axis: str, side: Side, edge: WindowEdge) -> str:
    worked = sum(one.worked for one in edge.tried)
    trained = counted(len(edge.tried), "training")
    if edge.estimate is not None:
        return (
            f"Training {_TURNS[side]} at `{axis}` = {rate(edge.estimate)} ({percent(edge.level or 0)} interval "
            f"{rate(edge.low)} to {rate(edge.high)}; {worked} of {trained} on that side worked)."
        )
    words = f"Where training {_TURNS[side]} was not located"
    if not edge.tried:
        return f"{words}: nothing was trained on the {side} side of the best setting."
    xs = [one.x for one in edge.tried]
    where = f"{'from ' if min(xs) < max(xs) else 'at '}{span(xs, rate)}"
    return f"{words}: {'every one' if worked else 'none'} of {trained} {where} worked."


def _saved(study: StudyResult) -> list[str]:
    trainings = study.training_frame
    pruned = trainings.loc[trainings["source"] == "search", "pruned"]
    spent, full = study.steps_spent, study.full_steps
    if pruned.empty:
        return []
    if not pruned.any():
        return [f"No training of the search was cut short; it took {spent:,} generator steps."]
    return [
        f"{pruned.sum()} of the search’s {len(pruned)} trainings {'was' if pruned.sum() == 1 else 'were'} cut short, "
        f"which saved {full - spent:,} of {full:,} generator steps ({percent((full - spent) / full)})."
    ]
