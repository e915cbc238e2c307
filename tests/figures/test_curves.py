"""Loss curves show the data, in the same colours everywhere."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.figures import style
from analysis.figures.curves import compared_losses, run_losses
from analysis.frames.jobs import Selected, load
from analysis.frames.losses import loss_ceiling, loss_curves, smooth
from fakeface.gan.series import LOSS_D, LOSS_G
from tests.analysis_journals import begin, end, train

STEPS = 60


def axes() -> Axes:
    return style.figure(4, 3).subplots()


def labelled(ax: Axes, label: str) -> list[Line2D]:
    return [line for line in ax.get_lines() if line.get_label() == label]


def points(line: Line2D) -> list[list[float]]:
    return np.asarray(line.get_xydata(), dtype=float).tolist()


def words(ax: Axes) -> set[str]:
    return {text.get_text() for text in ax.texts}


def of_run(losses: pd.DataFrame, run: str, top: float | None = None) -> Axes:
    """The figure of one run."""
    own = losses[losses["run"] == run]
    return run_losses(axes(), own, style.RunStyle("#0072B2", ()), subtitle=run, last_step=STEPS, top=top)


def compared(losses: pd.DataFrame, metric: str) -> Axes:
    """All runs in one panel."""
    looks = style.run_styles(list(losses["run"].cat.categories))
    return compared_losses(axes(), losses, metric, looks, last_step=STEPS)


@pytest.fixture
def losses(tmp_path: Path) -> pd.DataFrame:
    """`adam` swings about a level, `sgd` has a Loss_D that falls by four decades."""
    swing = (-1.0) ** np.arange(STEPS)
    adam = train(tmp_path / "adam-0", (1 + 0.1 * swing).tolist(), (4 + 0.5 * swing).tolist())
    sgd = train(tmp_path / "sgd-0", np.geomspace(1, 1e-4, STEPS).tolist(), [3.0] * STEPS)
    return loss_curves(load([adam, sgd]))


def test_a_run_shows_both_losses_raw_and_smoothed_under_the_course_report_s_title(losses: pd.DataFrame):
    ax = of_run(losses, "adam")
    assert ax.get_title(loc="left") == "Generator and Discriminator Loss During Training"
    raw = losses[(losses["run"] == "adam") & (losses["metric"] == LOSS_G)]
    (drawn,) = [line for line in ax.get_lines() if points(line) == raw[["step", "value"]].to_numpy().tolist()]
    (smoothed,) = labelled(ax, LOSS_G)
    assert points(smoothed) == raw[["step", "smooth"]].to_numpy().tolist()
    assert drawn.get_color() == smoothed.get_color() == "#0072B2"
    assert {LOSS_D, LOSS_G} <= words(ax)


def test_the_runs_have_their_colours_and_an_axis_is_logarithmic_where_the_span_demands_it(
    losses: pd.DataFrame,
):
    panels = [compared(losses, metric) for metric in (LOSS_D, LOSS_G)]
    for ax in panels:
        colors = [labelled(ax, run)[0].get_color() for run in ("adam", "sgd")]
        assert colors == [look.color for look in style.run_styles(["adam", "sgd"]).values()]
    assert [ax.get_yscale() for ax in panels] == ["log", "linear"]


def test_a_loss_of_exactly_zero_is_still_shown(tmp_path: Path):
    zeros = [*np.geomspace(1, 1e-4, 50), *[0.0] * 10]
    ax = compared(loss_curves(load([train(tmp_path / "sgd-0", zeros, [3.0] * STEPS)])), LOSS_D)
    assert ax.get_yscale() == "symlog"
    assert points(labelled(ax, "sgd")[0])[-1] == [60, 0]


def test_three_seeds_are_a_median_in_a_band_and_one_line_each_in_their_own_figure(tmp_path: Path):
    jobs = [train(tmp_path / f"adam-{seed}", [1.0 + seed] * STEPS, [4.0] * STEPS) for seed in (0, 1, 5)]
    losses = loss_curves(load(jobs))
    ax = compared(losses, LOSS_D)
    assert [points(line)[30][1] for line in labelled(ax, "adam")] == [2]
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (1, 6)
    assert [points(line)[30][1] for line in labelled(of_run(losses, "adam"), LOSS_D)] == [1, 2, 6]
    assert sum(text.get_text() == "adam" for text in ax.texts) == 1, "one label for the run"


def test_one_run_far_above_the_others_does_not_set_the_axis_and_its_peak_is_given_in_words(tmp_path: Path):
    levels = {"a-0": 2.0, "b-0": 3.0, "c-0": 2.5, "wild-0": 80.0}
    losses = loss_curves(
        load([train(tmp_path / n, [1.0] * STEPS, [level] * STEPS) for n, level in levels.items()])
    )
    top = loss_ceiling(losses)
    assert top == pytest.approx(1.08 * 4 * 1.0 * np.median([1, 1, 1, 1, 2, 3, 2.5, 80]))
    assert "peak 80 at step 1" in words(of_run(losses, "wild", top))


def test_smoothing_ignores_a_spike_and_keeps_nan():
    curve = pd.Series([1.0] * 50)
    curve[20], curve[49] = 1000.0, math.nan
    smoothed = smooth(curve)
    assert smoothed[20] == 1.0
    assert math.isnan(smoothed[49]) and smoothed.iloc[:49].notna().all()


def test_a_diverged_job_stays_in_with_a_cross_and_does_not_set_the_axis(tmp_path: Path):
    bad = [*[1.0] * 20, *np.geomspace(1, 1e6, 10).tolist(), math.nan]
    jobs = [
        train(tmp_path / "adam-0", [1.0] * STEPS, [4.0] * STEPS),
        train(tmp_path / "bad-0", bad, bad, exit_="diverged"),
    ]
    losses = loss_curves(load(jobs))
    top = loss_ceiling(losses)
    assert top == pytest.approx(1.08 * 4)
    ax = of_run(losses, "bad", top)
    crosses = [line for line in ax.get_lines() if line.get_marker() == "X"]
    assert [points(line) for line in crosses] == [[[30, top]], [[30, top]]]
    assert "peak 1,000,000 at step 30" in words(ax)
    assert not [line for line in of_run(losses, "adam", top).get_lines() if line.get_marker() == "X"]


def test_a_run_without_any_loss_still_gives_axes(tmp_path: Path):
    end(begin(tmp_path / "a"), "crashed", None, None, 0)
    losses = loss_curves(load([Selected("a", 0, tmp_path / "a")]))
    assert losses.empty and loss_ceiling(losses) is None
    assert [list(ax.get_lines()) for ax in (of_run(losses, "a"), compared(losses, LOSS_D))] == [[], []]
