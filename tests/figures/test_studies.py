"""The figures of a study show what its record holds, however much of the study is done."""

import io
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from analysis.figures import studies, style
from analysis.figures.outcomes import LOOKS
from analysis.figures.regimes import spans
from analysis.figures.response import response_curve
from analysis.frames.studies import StudyResult
from analysis.report.page import template
from analysis.report.study_words import study_words
from tests import study_records as records
from tests.study_records import LR, LR_D, LR_G, result, trial


@pytest.fixture(scope="module")
def study() -> StudyResult:
    return records.whole_sgd_study()


def axes() -> Axes:
    return style.figure(8, 4).subplots()


def curve(study: StudyResult, reference: StudyResult | None = None) -> Axes:
    return response_curve(axes(), study, reference)


def points(ax: Axes) -> dict[str, list[tuple[float, float]]]:
    """The filled points by regime, as their colours say."""
    regimes = {look.color.lower(): name for name, look in LOOKS.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in LOOKS}
    for drawn in (c for c in ax.collections if isinstance(c, PathCollection) and len(c.get_facecolor())):  # type: ignore[arg-type]
        for (x, y), color in zip(np.asarray(drawn.get_offsets()), drawn.get_facecolor(), strict=True):  # type: ignore[arg-type]
            if (name := regimes.get(to_hex(color))) is not None:
                found[name].append((float(x), float(y)))
    return {name: sorted(own) for name, own in found.items()}


def labelled(ax: Axes, label: str) -> list[tuple[float, float]]:
    found = [c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == label]
    return sorted((float(x), float(y)) for c in found for x, y in np.asarray(c.get_offsets()))


def ticks(ax: Axes) -> list[float]:
    """Settings on the rug."""
    rugs = [
        c for c in ax.collections if isinstance(c, LineCollection) and "no distance" in str(c.get_label())
    ]
    return sorted(float(segment[0][0]) for rug in rugs for segment in rug.get_segments())


def spans_of(ax: Axes, label: str) -> list[tuple[float, float]]:
    found = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_label() == label]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in found]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def of_regimes(regimes: dict[float, str], quality: float | None = 1000.0) -> StudyResult:
    """A study with one training at each rate."""
    return records.study(
        [trial(i, x, [result(regime, quality)]) for i, (x, regime) in enumerate(regimes.items())]
    )


# --- the response curve ----------------------------------------------------------------------------------------------


def test_every_training_is_a_point_or_a_tick(study: StudyResult) -> None:
    ax, trainings = curve(study), study.training_frame
    scored = trainings.dropna(subset=["quality"])
    for regime, drawn in points(ax).items():
        own = scored[scored["regime"] == regime]
        assert np.array(drawn) == pytest.approx(np.array(sorted(zip(own[LR], own["quality"], strict=True))))
    without = trainings[trainings["quality"].isna()]
    assert len(without) > 0 and ticks(ax) == pytest.approx(sorted(without[LR]))


def test_the_window_and_its_edges_intervals_are_where_the_record_says(study: StudyResult) -> None:
    ax = curve(study)
    assert spans_of(ax, "window") == [pytest.approx((2.5e-3, 0.1))]
    assert spans_of(ax, "lower interval") == [pytest.approx((1.7e-3, 3.6e-3))]
    assert spans_of(ax, "upper interval") == [pytest.approx((0.055, 0.19))]


def test_no_window_is_drawn_where_an_edge_was_not_located(study: StudyResult) -> None:
    edges = study.edges | {"upper": records.edge((None, None, None), [])}
    ax = curve(study.model_copy(update={"edges": edges}))
    assert (spans_of(ax, "window"), len(spans_of(ax, "lower interval"))) == ([], 1)


def test_only_the_reports_own_setting_is_named_as_such() -> None:
    own = trial(0, 2e-4, [result("stalled", 7000.0)], enqueued=True)
    other = trial(1, 3e-4, [result("noise", 6000.0)], enqueued=True)
    found = texts(curve(records.study([own, other])))
    assert {"the report’s 2e-4: stalled", "enqueued: 3e-4: noise"} <= set(found)


def test_the_reference_is_a_line_at_its_mean_and_a_band_over_its_seeds(study: StudyResult) -> None:
    ax, reference = curve(study), study.reference
    assert reference is not None and reference.value is not None
    (line,) = [line for line in ax.get_lines() if line.get_label() == "adam-lr-best"]
    assert np.asarray(line.get_ydata(), dtype=float) == pytest.approx([reference.value] * 2)
    (band,) = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_label() == "seeds"]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx(
        (min(reference.known), max(reference.known))
    )


def test_another_studys_trainings_are_drawn_only_where_they_compare(study: StudyResult) -> None:
    adam = records.adam_study()
    scored = adam.training_frame.dropna(subset=["quality"])
    drawn = labelled(curve(study, adam), "trainings of adam-lr")
    assert drawn == sorted(zip(scored[LR], scored["quality"], strict=True))
    for foreign in ({"metric": "fid"}, {"num_samples": 500}):
        assert labelled(curve(study, adam.model_copy(update=foreign)), "trainings of adam-lr") == []
    assert labelled(curve(study, records.pair_study()), "trainings of sgd-lr-pair") == []


def test_a_curve_needs_an_axis() -> None:
    with pytest.raises(ValueError, match="no axis"):
        curve(records.pair_study())


# --- the stretches of its strip --------------------------------------------------------------------------------------


def test_the_stretches_are_named_by_what_prevails_and_only_where_something_was_tried(
    study: StudyResult,
) -> None:
    found, tried = spans(study), study.training_frame[LR]
    assert [span.regime for span in found] == ["stalled", "noise", "works", "discriminator-won"]
    assert (found[2].low, found[2].high) == (2.5e-3, 0.1)
    assert all(left.high == right.low for left, right in pairwise(found))
    assert found[0].low >= tried.min() / 1.3 and found[-1].high <= tried.max() * 1.3
    assert {"stalled", "works"} <= set(texts(curve(study)))


def test_stretches_without_edges_follow_the_majority_and_one_stray_seed_makes_none() -> None:
    regimes = ["stalled"] * 5 + ["works"] * 4 + ["collapsed"] + ["works"] * 4
    found = spans(of_regimes({10 ** (-4 + i / 5): regime for i, regime in enumerate(regimes)}))
    assert [span.regime for span in found] == ["stalled", "works"]
    assert found[0].high == pytest.approx(10 ** (-4 + 4.5 / 5))


def test_no_stretch_covers_a_training_of_another_regime_at_its_end() -> None:
    regimes = {1e-5: "stalled", 1e-3: "noise", 1.5e-3: "noise", 2e-3: "noise", 0.5: "diverged"}
    (span,) = spans(of_regimes(regimes, None))
    assert span.regime == "noise" and 1e-5 < span.low < 1e-3 and 2e-3 < span.high < 0.5


# --- the other figures -----------------------------------------------------------------------------------------------


def test_the_plane_shows_every_trial_that_has_a_regime() -> None:
    study = records.pair_study()
    ax = studies.plane(axes(), study, LR_G, LR_D)
    trials = study.trial_frame
    assert {name: len(own) for name, own in points(ax).items() if own} == Counter(trials["regime"])
    drawn = sorted(point for own in points(ax).values() for point in own)
    assert np.array(drawn) == pytest.approx(np.array(sorted(zip(trials[LR_G], trials[LR_D], strict=True))))
    assert any(text.startswith("best") and "(0.03, 0.011)" in text for text in texts(ax))
    assert "the report’s\n(2e-4, 2e-4)" in texts(ax)


def test_the_better_of_two_settings_is_the_larger_point() -> None:
    space = records.pair_study().space
    trials = [
        trial(i, dict.fromkeys(space, x), [result("works", quality)])
        for i, (x, quality) in enumerate([(0.01, 3000.0), (0.1, 1000.0)])
    ]
    ax = studies.plane(axes(), records.study(trials, axis=None, space=space), LR_G, LR_D)
    (sizes,) = [c.get_sizes() for c in ax.collections if isinstance(c, PathCollection)]
    assert sizes[0] < sizes[1]


def test_the_kernel_mean_lies_between_its_values_and_knows_where_none_are() -> None:
    at, values = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([2.0, 4.0])
    mean, support = studies.kernel_mean(at, values, np.array([[0.0, 0.0], [0.5, 0.0], [50.0, 0.0]]), 0.1)
    assert mean == pytest.approx([2.0, 3.0, 4.0])
    assert support[0] == pytest.approx(1.0) and support[2] == 0


def test_importance_is_a_bar_a_setting_the_longest_on_top() -> None:
    ax = studies.importance(axes(), records.pair_study())
    widths = [p.get_width() for p in ax.patches if isinstance(p, Rectangle)]
    assert widths == [0.07, 0.38, 0.55]
    assert {"55%", "38%", "7%"} <= set(texts(ax))


def test_the_best_so_far_only_falls_and_ends_at_the_steps_spent(study: StudyResult) -> None:
    ax = studies.best_so_far(axes(), study)
    assert study.steps_spent < study.full_steps
    for label, steps in (("with pruning", study.steps_spent), ("without pruning", study.full_steps)):
        (line,) = [line for line in ax.get_lines() if line.get_label() == label]
        ys = np.asarray(line.get_ydata(), dtype=float)
        assert np.all(np.diff(ys) <= 0) and ys[-1] == study.trial_frame["measured"].min()
        assert np.asarray(line.get_xdata(), dtype=float)[-1] == steps


# --- studies at every stage ------------------------------------------------------------------------------------------


def stages() -> dict[str, StudyResult]:
    whole, pair = records.whole_sgd_study(), records.pair_study()
    rate = records.rate_study()
    failed = [result("diverged", seed=100)]
    bare = dict.fromkeys(("onset", "update_ratio_G", "spectrum_distance", "samples", "dynamics"))
    stripped = [
        one.model_copy(update={"results": tuple(r.model_copy(update=bare) for r in one.results)})
        for one in whole.trials
    ]
    begun = trial(0, 2e-4, [], enqueued=True)
    crashed = begun.model_copy(update={"state": "complete", "regime": "crashed"})
    return {
        "not begun": records.study([]),
        "begun": records.study([begun]),
        "waiting without params": records.study([trial(0, {}, [], state="waiting")]),
        "one trial": of_regimes({0.01: "works"}),
        "all diverge": of_regimes({0.5: "diverged", 0.6: "diverged"}, None),
        "all pruned": records.study([trial(i, 0.1 + i, [result("unknown", pruned=True)]) for i in range(3)]),
        "under way": rate.model_copy(update={"trials": (begun, *rate.trials[1:])}),
        "one crashed": rate.model_copy(update={"trials": (crashed, *rate.trials[1:])}),
        "searched": rate,
        "one edge": records.rate_study(edges={"lower": whole.edges["lower"]}),
        "confirmation fails": records.rate_study(
            best=records.confirmed("b", {LR: 0.01}, failed), reference=records.confirmed("a", {}, failed)
        ),
        "words unknown": whole.model_copy(update={"trials": tuple(stripped)}),
        "whole": whole,
        "pair": pair,
        "pair of one": pair.model_copy(update={"trials": pair.trials[:1], "importances": {}, "best": None}),
        "no N": whole.model_copy(update={"num_samples": None}),
    }  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("stage", list(stages()))
def test_a_study_at_any_stage_has_figures_and_words(stage: str) -> None:
    found = stages()[stage]
    for figure in studies.study_figures(found, records.adam_study(seed=1)).values():
        figure.savefig(io.BytesIO(), format="png", dpi=40)
        for ax in figure.axes:
            assert not re.search(r"\b(nan|None|inf)\b", " ".join(texts(ax)))
    words = study_words(found)
    assert words and all(sentence.endswith(".") for sentence in words)
    assert not re.search(r"\b(nan|NaN|None|inf)\b", " ".join(words)), words


def test_the_page_shows_every_figure_and_escapes_its_text(study: StudyResult) -> None:
    pair = records.pair_study().model_copy(update={"description": "a < b"})
    views: list[dict[str, Any]] = [
        {
            "study": one,
            "words": study_words(one),
            "figures": dict.fromkeys(studies.study_figures(one), "data:x"),
        }
        for one in (study, pair)
    ]
    page = template("studies.html.j2").render(studies=views)
    assert page.count("<img") == sum(len(view["figures"]) for view in views) >= 5
    assert "a &lt; b" in page and "<em>optimizer.lr</em> = 0.0213" in page
    assert re.findall(r'id="study-([\w-]+)"', page) == ["sgd-lr", "sgd-lr-pair"]
