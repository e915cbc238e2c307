"""Figures of quality, and the grids of samples."""

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from scipy.stats import t

from ablations.store import history as histories
from analysis.figures import style
from analysis.figures.quality import quality_by_run, quality_curves
from analysis.figures.samples import sample_grid
from analysis.frames.jobs import Frames, Selected, load
from analysis.frames.quality import Scores, scores_of
from fakeface.gan.series import LOSS_D
from tests.analysis_journals import CURVE, METRIC, PROTOCOL, begin, score, score_along, train


def axes() -> Axes:
    return style.figure(4, 3).subplots()


def points(line: Line2D) -> list[list[float]]:
    return np.asarray(line.get_xydata(), dtype=float).tolist()


def over_steps(scores: Scores, *runs: str, last: int = 60) -> Axes:
    return quality_curves(axes(), scores, style.run_styles(runs), over="step", last=last)


def labelled(ax: Axes, label: str) -> Line2D:
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line


def test_the_scores_along_the_runs_are_shown_on_two_logarithmic_axes_under_their_own_name(tmp_path: Path):
    frames = load([train(tmp_path / f"{run}-0", [1.0] * 60, [4.0] * 60) for run in ("adam", "sgd")])
    ax = over_steps(scores_of(frames), "adam", "sgd")
    assert (ax.get_ylabel(), ax.get_xscale(), ax.get_yscale()) == (f"{METRIC}_n500", "symlog", "log")
    assert points(labelled(ax, "adam")) == pytest.approx(np.array([[1, 100], [60, 100 / 60]]))
    assert labelled(ax, "sgd").get_color() == style.run_styles(["adam", "sgd"])["sgd"].color


def test_step_0_has_its_place_on_the_logarithmic_axis(tmp_path: Path):
    with begin(tmp_path / "a", total_steps=5_000) as journal:
        score_along(journal, {0: 900.0, 10: 800.0, 5_000: 50.0})
    ax = over_steps(scores_of(load([Selected("a", 0, tmp_path / "a")])), "a", last=5_000)
    places = [
        ax.transLimits.transform(ax.transScale.transform((step, 100)))[0]
        for step in (0, 10, 100, 1_000, 5_000)
    ]
    assert places[0] == pytest.approx(0) and places[-1] == pytest.approx(1)
    assert np.diff(places)[1:3] == pytest.approx(np.diff(places)[2]) and np.diff(places)[0] > 0.05
    assert list(ax.get_xticks()) == [0, 10, 40, 100, 400, 1_000, 4_000]


def test_three_seeds_are_their_median_in_a_band(tmp_path: Path):
    jobs = []
    for seed, value in enumerate((10.0, 30.0, 80.0)):
        with begin(tmp_path / f"a{seed}", seed=seed) as journal:
            score_along(journal, {0: 100.0, 3: value})
        jobs.append(Selected("a", seed, tmp_path / f"a{seed}"))
    ax = over_steps(scores_of(load(jobs)), "a", last=3)
    assert points(labelled(ax, "a")) == [[0, 100], [3, 30]]
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (10, 100)


def test_the_strip_of_last_scores_has_a_line_for_the_floor(tmp_path: Path):
    jobs = []
    for seed in range(2):
        with begin(tmp_path / f"a{seed}", seed=seed) as journal:
            journal.append("evaluation", step=3, values=score(fd=50.0 + seed, floor=12.0), **PROTOCOL)
        jobs.append(Selected("a", seed, tmp_path / f"a{seed}"))
    ax = quality_by_run(axes(), scores_of(load(jobs)), style.run_styles(["a"]))
    assert [line for line in ax.get_lines() if list(np.asarray(line.get_xdata())) == [12.0, 12.0]]
    assert "real images" in {text.get_text() for text in ax.texts}


def test_time_is_the_work_up_to_the_step_without_pauses(tmp_path: Path):
    minute = 60_000
    history = histories.job_history(tmp_path / "a")
    at = {1: minute, 2: 3 * minute, "again": 600 * minute, 3: 601 * minute, "scored": 900 * minute}
    history.apply({"kind": "session", "time": 0, "from_step": 0})
    for step in (1, 2, 3):
        if step == 3:  # a night later
            history.apply({"kind": "session", "time": at["again"], "from_step": 2})
        history.apply({"kind": "metrics", "steps": [step], "values": {LOSS_D: [1.0]}, "time": at[step]})
    for step in (1, 3):
        found = {"step": step, "values": {CURVE["metric"]: 9.0}, "time": at["scored"]}
        history.apply({"kind": "curve", **found, **CURVE})
    scores = scores_of(load([Selected("a", 0, tmp_path / "a")], lambda _: history))
    ax = quality_curves(axes(), scores, style.run_styles(["a"]), over="minutes", last=4)
    assert points(labelled(ax, "a")) == [[1, 9], [4, 9]]


def test_the_strip_has_every_seed_and_the_mean_of_a_run_with_its_interval(tmp_path: Path):
    values = {"a": [10.0, 12.0, 17.0], "b": [30.0], "nan": [math.nan]}
    jobs = []
    for run, scores in values.items():
        for seed, value in enumerate(scores):
            with begin(tmp_path / f"{run}{seed}", seed=seed) as journal:
                journal.append("evaluation", step=3, values=score(fd=value), **PROTOCOL)
            jobs.append(Selected(run, seed, tmp_path / f"{run}{seed}"))
    looks = style.run_styles(list(values))
    ax = quality_by_run(axes(), scores_of(load(jobs)), looks)
    dots = [sorted(float(x) for x, _ in strip.get_offsets()) for strip in ax.collections]
    assert [dot for dot in dots if dot] == [[10, 12, 17], [30]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    half = t.ppf(0.975, 2) * np.std(values["a"], ddof=1) / 3**0.5
    ends = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in ax.get_lines()]
    assert [pytest.approx(13 - half), pytest.approx(13 + half)] in ends


def test_a_job_without_a_score_gives_empty_axes(tmp_path: Path):
    begin(tmp_path / "a").close()
    assert not over_steps(scores_of(load([Selected("a", 0, tmp_path / "a")])), "a").get_lines()


def grid(frames: Frames) -> Axes:
    return sample_grid(axes(), list(frames.images["path"]), title="adam", subtitle="finished", color="red")


def test_the_newest_grid_that_can_be_read_is_shown(tmp_path: Path):
    frames = load([train(tmp_path / "adam-0", [1.0] * 60, [4.0] * 60)])
    first, last = frames.images["path"]
    (title,) = [text for text in grid(frames).findobj(Text) if text.get_text() == "adam"]
    assert title.get_color() == "red"

    def corner() -> list[int]:
        return [int(value) for value in grid(frames).images[0].get_array()[0, 0]]

    assert corner() == [60, 0, 0]
    last.write_bytes(b"\x89PNG torn")
    assert corner() == [1, 0, 0]
    first.unlink()
    assert "no samples" in {text.get_text() for text in grid(frames).texts}
