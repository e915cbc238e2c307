"""A study's frames, figures and sentences say what its record holds, however much of the study was done."""

import copy
import io
import json
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from ablations.spec import load_spec
from ablations.studies.edges import Staircase, Tried
from ablations.studies.record import confirmed, study_record, write
from ablations.studies.results import Result
from ablations.studies.sampling import next_trial, open_study, storage_of
from analysis.figures import studies as study_plots
from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from analysis.figures.regimes import spans
from analysis.figures.study_axes import kernel_mean
from analysis.frames.studies import StudyResult, best_searched, from_record, read
from analysis.report.page import TEMPLATES, names
from analysis.report.study_report import study_figures
from analysis.report.study_words import study_words
from analysis.wording import rate
from fakeface.errors import UserError
from tests import study_records as records

LR = "optimizer.lr"


@pytest.fixture(scope="module")
def study() -> StudyResult:
    return from_record(records.whole_sgd_study())


def curve(study: StudyResult, reference: StudyResult | None = None) -> Axes:
    return study_plots.response_curve(style.figure(8, 4).subplots(), study, reference)


def points(ax: Axes, label: str) -> list[tuple[float, float]]:
    found = [c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == label]
    return [(float(x), float(y)) for c in found for x, y in np.asarray(c.get_offsets())]


def ticks(ax: Axes) -> list[float]:
    """Settings on the rug."""
    rugs = [
        c for c in ax.collections if isinstance(c, LineCollection) and "no distance" in str(c.get_label())
    ]
    return [float(segment[0][0]) for rug in rugs for segment in rug.get_segments()]


def span_of(ax: Axes, label: str) -> list[tuple[float, float]]:
    found = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_label() == label]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in found]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def with_(record: dict[str, Any], **parts: Any) -> StudyResult:
    return from_record(copy.deepcopy(record) | parts)


# --- reading ---------------------------------------------------------------------------------------------------------


def outcome(regime: str, quality: float | None, seed: int) -> Result:
    return Result.from_json(records.result(regime, quality, seed))


@pytest.mark.parametrize("upper_works", [True, False])
def test_what_a_study_writes_is_what_is_read(tmp_path: Path, upper_works: bool) -> None:
    spec_file = tmp_path / "runs.yaml"
    spec_file.write_text(
        "runs: {sgd: {optimizer: {name: sgd}}}\n"
        "studies: {find: {base: sgd, space: {optimizer.lr: {low: 1.0e-5, high: 1, log: true}}, "
        "enqueue: [{optimizer.lr: 2.0e-4}]}}\n"
    )
    written = load_spec(spec_file).studies[0]
    opened = open_study("find", written, storage_of(tmp_path, None), records.STEPS)
    for told in (outcome("stalled", 7000.0, 0), outcome("works", 1800.0, 0)):
        trial = next_trial(opened, written)
        trial.set_user_attr("regime", told.regime)
        trial.set_user_attr("results", json.dumps([told.to_json()]))
        opened.tell(trial, told.quality)
    stairs = Staircase(
        written, "lower", [Tried(1e-4, False), Tried(1e-2, True)], 1e-2, lambda *_: pytest.fail()
    )
    stairs.results, stairs.xs, stairs.tried = [outcome("noise", 6000.0, 200)], [2e-3], [Tried(2e-3, False)]
    upper = Staircase(written, "upper", [Tried(1e-2, True)], 1e-2, lambda *_: pytest.fail())
    if not upper_works:
        upper.tried = [Tried(0.1, False)]
    record = study_record(
        written,
        opened,
        facts={
            "metric": "fd_test",
            "num_samples": 2000,
            "total_steps": records.STEPS,
            "profile": "quick",
            "data_digest": "d",
        },
        edges=[stairs, upper],
        best=confirmed("find-best", {LR: 0.01}, {LR: 0.01}, [outcome("works", 1700.0, 100)]),
    )
    found = read(write(tmp_path, record))
    assert (found.name, found.base, found.optimizer, found.axis) == ("find", "sgd", "sgd", LR)
    assert list(found.trials["regime"]) == ["stalled", "works"]
    assert list(found.trials["measured"]) == [7000, 1800]
    assert list(found.trials["enqueued"]) == [True, False] and found.trials["at_defaults"][0]
    assert list(found.trainings["source"]) == ["search", "search", "lower", "best"]
    assert list(found.trainings[LR])[2:] == [2e-3, 0.01]
    lower = found.edges["lower"]
    assert lower.estimate is not None and 1e-4 < lower.estimate < 1e-2
    assert lower.tried == ((1e-4, False), (1e-2, True), (2e-3, False))
    assert found.best is not None and found.best.value == 1700 and found.reference is None
    assert (found.edges["upper"].estimate is None) == upper_works


@pytest.mark.parametrize("regime", list(LOOKS))
def test_the_tests_records_judge_as_the_studies_do(regime: str) -> None:
    made = records.result(regime, 1000.0, 0)
    assert Result.from_json(made).to_json() == made


@pytest.mark.parametrize(
    "body", ['{"study": "x"', "[]", "{}", '{"space": {}, "objective": {"name": "quality"}}']
)
def test_a_file_that_is_no_study_is_told_with_what_to_do(tmp_path: Path, body: str) -> None:
    path = tmp_path / "study.json"
    path.write_text(body)
    with pytest.raises(UserError, match=r"study\.json.*ablate tune"):
        read(path)


def test_a_study_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such study.*ablate tune"):
        read(tmp_path / "study.json")


def test_what_the_sampler_was_told_of_a_failure_is_no_measurement() -> None:
    trials = [
        records.trial(0, {LR: 0.5}, [records.result("diverged", None, 0)]),
        records.trial(1, {LR: 0.3}, [records.result("discriminator-won", 900.0, 0)]),
        records.trial(
            2, {LR: 0.01}, [records.result("works", 2000.0, 0), records.result("works", 1800.0, 1)]
        ),
        records.trial(3, {LR: 0.02}, [records.result("unknown", 2500.0, 0, cut=True)]),
    ]
    found = from_record(records.study(trials))
    assert [math.isnan(value) for value in found.trials["measured"]] == [True, True, False, True]
    best = best_searched(found)
    assert best is not None and best["number"] == 2 and best["measured"] == 1900


def test_the_other_objective_is_measured_in_its_own_unit() -> None:
    trial = records.trial(0, {LR: 0.01}, [records.result("works", None, 0)]) | {"value": 3.0}
    found = from_record(records.study([trial], objective={"name": "spectrum_distance"}))
    assert found.trials["measured"][0] == 3.0
    ax = study_plots.best_so_far(style.figure(5, 3).subplots(), found)
    assert "dB" in ax.get_ylabel()
    assert "spectrum distance" in " ".join(study_words(found))


# --- the response curve ----------------------------------------------------------------------------------------------


def test_no_two_regimes_share_a_colour_or_a_shape() -> None:
    assert len({look.color for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


def test_every_training_is_a_point_or_a_tick(study: StudyResult) -> None:
    ax = curve(study)
    drawn = {regime: sorted(points(ax, regime)) for regime in LOOKS}
    for regime in LOOKS:
        own = study.trainings[(study.trainings["regime"] == regime) & study.trainings["quality"].notna()]
        assert drawn[regime] == sorted(zip(own[LR], own["quality"], strict=True)), regime
    without = study.trainings[study.trainings["quality"].isna()]
    assert len(without) > 0 and sorted(ticks(ax)) == pytest.approx(sorted(without[LR]))
    assert sum(map(len, drawn.values())) + len(ticks(ax)) == len(study.trainings)


def test_points_are_drawn_in_their_regimes_colour(study: StudyResult) -> None:
    for collection in curve(study).collections:
        look = LOOKS.get(str(collection.get_label()))
        if look is not None:
            assert {to_hex(color, keep_alpha=False).upper() for color in collection.get_facecolor()} == {  # type: ignore[attr-defined]
                look.color.upper()
            }


def test_the_window_and_its_edges_intervals_are_where_the_record_says(study: StudyResult) -> None:
    ax = curve(study)
    assert span_of(ax, "window") == [pytest.approx((2.5e-3, 0.1))]
    assert span_of(ax, "lower interval") == [pytest.approx((1.7e-3, 3.6e-3))]
    assert span_of(ax, "upper interval") == [pytest.approx((0.055, 0.19))]


@pytest.mark.parametrize("unbounded", [None, math.inf])
def test_an_interval_without_a_bound_reaches_the_side_and_no_further_claim_is_made(
    unbounded: float | None,
) -> None:
    record = records.whole_sgd_study()
    record["edges"]["upper"]["high"] = unbounded
    found = from_record(record)
    assert found.edges["upper"].high is None
    ax = curve(found)
    assert span_of(ax, "upper interval") == [pytest.approx((0.055, ax.get_xlim()[1]))]
    assert any("from 0.055, without an upper end" in words for words in study_words(found))


def test_no_window_is_drawn_where_an_edge_was_not_located() -> None:
    record = records.whole_sgd_study()
    record["edges"]["upper"] |= {"estimate": None, "low": None, "high": None, "level": None}
    ax = curve(from_record(record))
    assert span_of(ax, "window") == [] and len(span_of(ax, "lower interval")) == 1


def test_the_reports_own_setting_is_named_as_such_and_any_other_is_not() -> None:
    own = records.trial(0, {LR: 2e-4}, [records.result("stalled", 7000.0, 0)], enqueued=True)
    other = records.trial(1, {LR: 3e-4}, [records.result("noise", 6000.0, 0)], enqueued=True)
    found = from_record(records.study([own, other]))
    assert {"the report’s 2e-4: stalled", "enqueued: 3e-4: noise"} <= set(texts(curve(found)))
    words = study_words(found)
    assert any(
        re.match(r"The report’s own setting, `optimizer.lr` = 2e-4,.*`stalled`.*why stalled", w)
        for w in words
    )
    assert any(w.startswith("The enqueued setting, `optimizer.lr` = 3e-4,") for w in words)


def test_the_reference_is_a_line_at_its_mean_and_a_band_over_its_seeds(study: StudyResult) -> None:
    ax = curve(study)
    assert study.reference is not None and study.reference.value is not None
    (line,) = [line for line in ax.get_lines() if line.get_label() == "adam-lr-best"]
    assert set(np.asarray(line.get_ydata(), dtype=float)) == {study.reference.value}
    (band,) = [p for p in ax.patches if isinstance(p, Rectangle) and p.get_label() == "seeds"]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx(
        (min(study.reference.known), max(study.reference.known))
    )
    assert any(f"{study.reference.value:,.0f}" in text for text in texts(ax))


def test_another_studys_trainings_are_drawn_only_where_they_compare(study: StudyResult) -> None:
    adam = from_record(records.adam_study())
    label = "trainings of adam-lr"
    scored = adam.trainings.dropna(subset=["quality"])
    assert sorted(points(curve(study, adam), label)) == sorted(
        zip(scored[LR], scored["quality"], strict=True)
    )
    for foreign in ({"metric": "fid"}, {"num_samples": 500}):
        assert points(curve(study, from_record(records.adam_study() | foreign)), label) == []
    assert points(curve(study, from_record(records.pair_study())), label) == []


def test_a_curve_needs_an_axis() -> None:
    with pytest.raises(ValueError, match="no axis"):
        curve(from_record(records.pair_study()))


def test_the_stretches_are_named_by_what_prevails_there_and_only_where_something_was_tried(
    study: StudyResult,
) -> None:
    found = spans(study)
    assert [span.regime for span in found] == ["stalled", "noise", "works", "discriminator-won"]
    assert (found[2].low, found[2].high) == (2.5e-3, 0.1)
    assert all(left.high == right.low for left, right in pairwise(found))
    assert (
        found[0].low >= study.trainings[LR].min() / 1.3 and found[-1].high <= study.trainings[LR].max() * 1.3
    )
    assert {"stalled", "works"} <= set(texts(curve(study)))


def test_stretches_without_edges_follow_the_majority_and_one_stray_seed_makes_none() -> None:
    regimes = ["stalled"] * 5 + ["works"] * 4 + ["collapsed"] + ["works"] * 4
    trials = [
        records.trial(i, {LR: 10 ** (-4 + i / 5)}, [records.result(regime, 1000.0, 0)])
        for i, regime in enumerate(regimes)
    ]
    found = spans(from_record(records.study(trials)))
    assert [span.regime for span in found] == ["stalled", "works"]
    assert found[0].high == pytest.approx(10 ** (-4 + 4.5 / 5))


def test_no_stretch_reaches_over_a_training_of_another_regime_at_its_end() -> None:
    regimes = {1e-5: "stalled", 1e-3: "noise", 1.5e-3: "noise", 2e-3: "noise", 0.5: "diverged"}
    trials = [
        records.trial(i, {LR: x}, [records.result(regime, None, 0)])
        for i, (x, regime) in enumerate(regimes.items())
    ]
    (span,) = spans(from_record(records.study(trials)))
    assert span.regime == "noise" and 1e-5 < span.low < 1e-3 and 2e-3 < span.high < 0.5


# --- the other figures -----------------------------------------------------------------------------------------------


def test_the_plane_shows_every_trial_that_has_a_regime() -> None:
    found = from_record(records.pair_study())
    ax = study_plots.plane(style.figure(6, 5).subplots(), found, "optimizer.G.lr", "optimizer.D.lr")
    for regime in LOOKS:
        own = found.trials[found.trials["regime"] == regime]
        assert sorted(points(ax, regime)) == sorted(
            zip(own["optimizer.G.lr"], own["optimizer.D.lr"], strict=True)
        )
    assert any(text.startswith("best") and "(0.03, 0.011)" in text for text in texts(ax))
    assert "the report’s\n(2e-4, 2e-4)" in texts(ax)


def test_the_better_of_two_settings_is_the_larger_point() -> None:
    space = records.pair_study()["space"]
    trials = [
        records.trial(i, dict.fromkeys(space, x), [records.result("works", quality, 0)])
        for i, (x, quality) in enumerate([(0.01, 3000.0), (0.1, 1000.0)])
    ]
    ax = study_plots.plane(
        style.figure(6, 5).subplots(),
        from_record(records.study(trials, axis=None, space=space)),
        *list(space)[:2],
    )
    (dots,) = [c for c in ax.collections if isinstance(c, PathCollection) and c.get_label() == "works"]
    assert dots.get_sizes()[0] < dots.get_sizes()[1]


def test_the_kernel_mean_lies_between_its_values_and_knows_where_none_are() -> None:
    at, values = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([2.0, 4.0])
    mean, support = kernel_mean(at, values, np.array([[0.0, 0.0], [0.5, 0.0], [50.0, 0.0]]), 0.1)
    assert mean == pytest.approx([2.0, 3.0, 4.0])
    assert support[0] == pytest.approx(1.0) and support[2] == 0


def test_importance_is_a_bar_a_setting_the_longest_on_top() -> None:
    ax = study_plots.importance(style.figure(5, 2).subplots(), from_record(records.pair_study()))
    widths = [p.get_width() for p in ax.patches if isinstance(p, Rectangle)]
    assert widths == [0.07, 0.38, 0.55]
    assert {"55%", "38%", "7%"} <= set(texts(ax))


def test_the_best_so_far_only_falls_and_ends_at_the_steps_spent(study: StudyResult) -> None:
    ax = study_plots.best_so_far(style.figure(5, 3).subplots(), study)
    spent, full = study.steps_spent, study.full_steps
    assert spent < full
    for label, steps in (("with pruning", spent), ("had none been cut", full)):
        (line,) = [line for line in ax.get_lines() if line.get_label() == label]
        ys = np.asarray(line.get_ydata(), dtype=float)
        assert np.all(np.diff(ys) <= 0) and ys[-1] == study.trials["measured"].min()
        assert np.asarray(line.get_xdata(), dtype=float)[-1] == steps
    assert any(f"{(full - spent) / full:.0%}" in text for text in texts(ax))


def test_only_what_was_cut_counts_as_saved() -> None:
    trials = [
        records.trial(
            0, {LR: 0.01}, [records.result("works", 2000.0, 0), records.result("works", 2000.0, 1)]
        ),
        records.trial(1, {LR: 1e-4}, [records.result("stalled", None, 0, cut=True)]),
        records.trial(2, {LR: 1.0}, [records.result("diverged", None, 0)]),
    ]
    found = from_record(records.study(trials))
    assert (found.steps_spent, found.full_steps) == (600 + 100 + 150, 600 + 300 + 150)
    assert study_words(found)[-1] == (
        "1 of the search’s 4 trainings was cut short, which saved 200 of 1,050 generator steps (19%)."
    )


# --- words -----------------------------------------------------------------------------------------------------------


def test_the_best_setting_is_held_against_the_reference_seed_by_seed(study: StudyResult) -> None:
    words = " ".join(study_words(study))
    assert study.best is not None and study.reference is not None
    assert study.best.value is not None and study.reference.value is not None
    pairs = sorted(b / r for b, r in zip(study.best.known, study.reference.known, strict=True))
    assert f"{study.best.value / study.reference.value:.2f} times that" in words
    assert f"({pairs[0]:.2f} to {pairs[-1]:.2f} times, seed by seed)" in words
    assert "`optimizer.lr` = 0.0213" in words and "3 fresh seeds" in words


def test_seeds_without_a_score_are_told_and_no_ratio_is_made_of_the_rest() -> None:
    failing = [records.result("works", 1800.0, 100), records.result("diverged", None, 101)]
    found = with_(records.whole_sgd_study(), best=records.confirmed("b", {LR: 0.02}, failing))
    words = " ".join(study_words(found))
    assert "1,800 on 1 of 2 fresh seeds; 1 of the seeds `diverged` and `noise`" in words
    assert "A ratio needs a score from every seed of both" in words and " times that (" not in words


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ([], "nothing was trained on the upper side"),
        ([(0.01, "works"), (1.0, "works")], "every one of 2 trainings from 0.01 to 1 worked"),
        ([(0.1, "diverged")], "none of 1 training at 0.1 worked"),
        ([(0.1, "diverged"), (0.2, "works")], "1 of 2 trainings from 0.1 to 0.2 worked, in no order"),
    ],
)
def test_why_an_edge_was_not_located_is_said(tried: list[tuple[float, str]], words: str) -> None:
    results = [(x, records.result(regime, 2000.0, 300)) for x, regime in tried]
    found = with_(records.rate_study(), edges={"upper": records.edge(None, None, None, results)})
    assert any("ceases to work was not located" in told and words in told for told in study_words(found))


def test_a_best_setting_that_does_not_work_is_not_passed_off_as_one_that_does() -> None:
    noise = records.trial(0, {LR: 1e-3}, [records.result("noise", 5000.0, 0)])
    assert any(
        "though it ends in noise" in words for words in study_words(from_record(records.study([noise])))
    )
    works = records.trial(1, {LR: 1e-2}, [records.result("works", 2000.0, 0)])
    assert "though" not in " ".join(study_words(from_record(records.study([noise, works]))))


def test_nothing_is_said_of_edges_where_no_one_number_is_searched() -> None:
    assert "edge" not in " ".join(study_words(from_record(records.pair_study())))


@pytest.mark.parametrize(
    ("value", "text"),
    [(2e-4, "2e-4"), (0.0213, "0.0213"), (1e-5, "1e-5"), (0.9, "0.9"), (2.5e-3, "2.5e-3"), ("adam", "adam")],
)  # fmt: skip
def test_settings_are_written_as_people_write_them(value: Any, text: str) -> None:
    assert rate(value) == text


# --- studies at every stage ------------------------------------------------------------------------------------------


def stages() -> dict[str, dict[str, Any]]:
    whole, pair = records.whole_sgd_study(), records.pair_study()
    working = records.trial(0, {LR: 0.01}, [records.result("works", 2000.0, 0)])
    diverged = [records.trial(i, {LR: 0.5 + i / 10}, [records.result("diverged", None, 0)]) for i in range(3)]
    cut = [
        records.trial(i, {LR: 0.01 + i / 10}, [records.result("unknown", None, 0, cut=True)])
        for i in range(3)
    ]
    stripped = copy.deepcopy(whole)
    for one in (one for trial in stripped["trials"] for one in trial["results"]):
        one.update(onset=None, update_ratio_G=None, spectrum_distance=None, samples=None, dynamics=None)
    under_way = records.rate_study()
    under_way["trials"][0] = records.trial(0, {LR: 2e-4}, [], enqueued=True)
    lower = {"lower": whole["edges"]["lower"]}
    return {
        "not begun": records.study([]),
        "begun": records.study([records.trial(0, {LR: 2e-4}, [], enqueued=True)]),
        "waiting without params": records.study([records.trial(0, {}, [], state="waiting")]),
        "one trial": records.study([working]),
        "all diverge": records.study(diverged),
        "all cut": records.study(cut),
        "under way": under_way,
        "searched": records.rate_study(),
        "one edge": records.rate_study(edges=lower),
        "nothing confirmed yet": records.rate_study(best=records.confirmed("b", {LR: 0.01}, [])),
        "confirmation fails": records.rate_study(
            best=records.confirmed("b", {LR: 0.01}, [records.result("diverged", None, 100)]),
            reference=records.confirmed("a", {}, [records.result("diverged", None, 100)]),
        ),
        "words unknown": stripped,
        "whole": whole,
        "pair": pair,
        "pair of one": pair | {"trials": pair["trials"][:1], "importances": {}, "best": None},
        "no N": whole | {"num_samples": None},
    }  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("stage", list(stages()))
def test_a_study_at_any_stage_has_figures_and_words(stage: str) -> None:
    found = from_record(json.loads(json.dumps(stages()[stage])))
    for figure in study_figures(found, from_record(records.adam_study(seed=1))).values():
        figure.savefig(io.BytesIO(), format="png", dpi=40)
        for ax in figure.axes:
            assert not re.search(r"\b(nan|None|inf)\b", " ".join(texts(ax)))
    words = study_words(found)
    assert words and all(sentence.endswith(".") for sentence in words)
    assert not re.search(r"\b(nan|NaN|None|inf)\b", " ".join(words)), words


def test_the_page_shows_every_figure_and_escapes_what_it_is_given(study: StudyResult) -> None:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["names"] = names
    pair = from_record(records.pair_study() | {"description": "a < b"})
    views = [
        {"study": one, "words": study_words(one), "figures": dict.fromkeys(study_figures(one), "data:x")}
        for one in (study, pair)
    ]
    page = environment.get_template("studies.html.j2").render(studies=views)
    assert page.count("<img") == sum(len(view["figures"]) for view in views) >= 5  # type: ignore[arg-type]
    assert "a &lt; b" in page and "<em>optimizer.lr</em> = 0.0213" in page
    assert re.findall(r'id="study-([\w-]+)"', page) == ["sgd-lr", "sgd-lr-pair"]
