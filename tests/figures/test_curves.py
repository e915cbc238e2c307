"""The figures show the data, in the same colours everywhere."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ablations.store import history as histories
from analysis.figures import curves as plots
from analysis.figures import quality as quality_plots
from analysis.figures import style
from analysis.frames.jobs import Frames, Selected, load
from fakeface.evaluation.measures import Estimate
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, score, train

RUNS = ("adam", "sgd")


@pytest.fixture
def frames(tmp_path: Path) -> Frames:
    steps = np.arange(60)
    adam = train(
        tmp_path / "adam-0", (1 + 0.1 * (-1.0) ** steps).tolist(), (4 + 0.5 * (-1.0) ** steps).tolist()
    )
    return load([adam, train(tmp_path / "sgd-0", np.geomspace(1, 1e-4, 60).tolist(), [3.0] * 60)])


def axes() -> Axes:
    return style.figure(4, 3).subplots()


def labelled(ax: Axes, label: str) -> list[Line2D]:
    return [line for line in ax.get_lines() if line.get_label() == label]


def xs(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_xdata(), dtype=float)


def ys(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_ydata(), dtype=float)


def corner(ax: Axes) -> list[int]:
    """The colour of the first pixel of the grid in a panel."""
    pixels = ax.images[0].get_array()
    assert pixels is not None
    return [int(value) for value in pixels[0, 0]]


def words(ax: Axes) -> set[str]:
    return {text.get_text() for text in ax.texts}


def test_loss_curves_show_both_losses_raw_and_smoothed_under_the_report_s_title(frames: Frames) -> None:
    ax = plots.loss_curves(axes(), frames, "adam")
    assert ax.get_title(loc="left") == "Generator and Discriminator Loss During Training"
    assert "iterations" in ax.get_xlabel()
    raw = frames.curve("adam", 0, "Loss_G")
    drawn = [line for line in ax.get_lines() if np.array_equal(ys(line), raw)]
    assert len(drawn) == 1 and np.array_equal(xs(drawn[0]), raw.index)
    (smoothed,) = labelled(ax, "Loss_G")
    assert drawn[0].get_color() == smoothed.get_color()
    assert np.ptp(ys(smoothed)[5:-5]) < np.ptp(raw)
    assert {"Loss_D", "Loss_G"} <= words(ax)


def test_a_run_has_the_same_colour_in_every_figure(frames: Frames) -> None:
    (ax_d, ax_g) = plots.losses_overlaid(frames).axes
    quality = quality_plots.quality_over_steps(axes(), frames)
    for run in RUNS:
        (own,) = labelled(plots.loss_curves(axes(), frames, run), "Loss_G")
        for ax in (ax_d, ax_g, quality):
            (line,) = labelled(ax, run)
            assert line.get_color() == own.get_color() == style.run_styles(frames.runs)[run].color


def test_an_axis_is_logarithmic_where_the_span_demands_it_and_linear_elsewhere(frames: Frames) -> None:
    ax_d, ax_g = plots.losses_overlaid(frames).axes
    assert (ax_d.get_yscale(), ax_g.get_yscale()) == ("log", "linear")


def test_a_loss_of_exactly_zero_is_still_shown(tmp_path: Path) -> None:
    frames = load([train(tmp_path / "sgd-0", [*np.geomspace(1, 1e-4, 50), *[0.0] * 10], [3.0] * 60)])
    ax_d, _ = plots.losses_overlaid(frames).axes
    assert ax_d.get_yscale() == "symlog"
    (line,) = labelled(ax_d, "sgd")
    assert ys(line)[-1] == 0


def test_three_seeds_are_a_median_in_a_band_and_one_line_each_in_their_own_figure(tmp_path: Path) -> None:
    jobs = [train(tmp_path / f"adam-{seed}", [1.0 + seed] * 60, [4.0] * 60) for seed in (0, 1, 2)]
    frames = load(jobs)
    ax_d, _ = plots.losses_overlaid(frames).axes
    assert [ys(line)[30] for line in labelled(ax_d, "adam")] == [2]
    (band,) = ax_d.collections
    corners = band.get_paths()[0].vertices[:, 1]
    assert (corners.min(), corners.max()) == (1, 3)
    own = plots.loss_curves(axes(), frames, "adam")
    assert [ys(line)[30] for line in labelled(own, "Loss_D")] == [1, 2, 3]
    assert [text for text in words(ax_d) if text == "adam"] == ["adam"], "one label for the run"


def test_one_run_far_above_the_others_does_not_flatten_them_and_its_peak_is_told(tmp_path: Path) -> None:
    levels = {"a-0": 2.0, "b-0": 3.0, "c-0": 2.5, "wild-0": 80.0}
    frames = load([train(tmp_path / name, [1.0] * 60, [level] * 60) for name, level in levels.items()])
    top = plots.loss_ceiling(frames)
    assert top is not None and 3 < top < 20
    assert any("80" in text for text in words(plots.loss_curves(axes(), frames, "wild", top=top)))


def test_stacked_panels_hold_the_same_data(frames: Frames) -> None:
    for wide, narrow in zip(
        plots.losses_overlaid(frames).axes, plots.losses_overlaid(frames, stacked=True).axes, strict=True
    ):
        for one, other in zip(wide.get_lines(), narrow.get_lines(), strict=True):
            assert np.array_equal(xs(one), xs(other)), one.get_label()
        assert wide.get_title(loc="left") == narrow.get_title(loc="left")


def test_smoothing_is_deaf_to_a_spike_and_keeps_nan() -> None:
    curve = pd.Series([1.0] * 50)
    curve[20], curve[49] = 1000.0, math.nan
    smoothed = plots.smooth(curve)
    assert smoothed[20] == 1.0
    assert math.isnan(smoothed[49]) and smoothed.iloc[:49].notna().all()


def test_a_diverged_job_stays_in_with_a_cross_and_does_not_set_the_axis(tmp_path: Path) -> None:
    bad = [*[1.0] * 20, *np.geomspace(1, 1e6, 10).tolist(), math.nan]
    jobs = [
        train(tmp_path / "adam-0", [1.0] * 60, [4.0] * 60),
        train(tmp_path / "bad-0", bad, bad, exit_="diverged"),
    ]
    frames = load(jobs)
    top = plots.loss_ceiling(frames)
    assert top is not None and 4 < top < 5
    ax = plots.loss_curves(axes(), frames, "bad", top=top)
    crosses = [line for line in ax.get_lines() if line.get_marker() == "X"]
    assert [xs(line)[0] for line in crosses] == [30, 30]
    assert all(ys(line)[0] <= top for line in crosses)
    assert any("peak 1,000,000 at step 30" in text for text in words(ax))
    healthy = plots.loss_curves(axes(), frames, "adam", top=top)
    assert not [line for line in healthy.get_lines() if line.get_marker() == "X"]


def test_the_last_quality_has_its_interval_and_the_floor_a_line(tmp_path: Path) -> None:
    with begin(tmp_path / "a", total_steps=2) as journal:
        journal.append("evaluation", step=1, values={METRIC: 90.0}, **PROTOCOL)
        values = score(fd=Estimate(50.0, low=45.0, high=55.0), floor=12.0)
        journal.append("evaluation", step=2, values=values, **PROTOCOL)
    ax = quality_plots.quality_over_steps(axes(), load([Selected("a", 0, tmp_path / "a")]))
    (line,) = labelled(ax, "a")
    (interval,) = [drawn for drawn in ax.get_lines() if list(ys(drawn)) == [45.0, 55.0]]
    assert list(xs(interval)) == [2, 2]
    assert interval.get_color() == line.get_color()
    assert [drawn for drawn in ax.get_lines() if list(ys(drawn)) == [12.0, 12.0]]
    assert "real images among themselves" in words(ax)


def test_quality_shows_every_evaluation_under_the_metric_s_registered_name(frames: Frames) -> None:
    ax = quality_plots.quality_over_steps(axes(), frames)
    assert ax.get_ylabel() == f"{METRIC} (N = 2,000)"
    (line,) = labelled(ax, "adam")
    assert xs(line).tolist() == [1, 60]
    assert ys(line).tolist() == [100.0, 100.0 / 60]


def test_quality_over_time_counts_the_work_up_to_the_step_and_no_pause(tmp_path: Path) -> None:
    minute = 60_000
    with begin(tmp_path / "a", total_steps=2):
        start = load([Selected("a", 0, tmp_path / "a")]).sessions["time"].iloc[0]
    at = {  # two steps in one session, a night of nothing, then two more in another
        1: start + minute, 2: start + 3 * minute, "again": start + 600 * minute, 3: start + 601 * minute,
        "scored": start + 900 * minute,
    }  # fmt: skip
    history = histories.job_history(tmp_path / "a")
    for step in (1, 2, 3):
        record = {"kind": "metrics", "steps": [step], "values": {"Loss_D": [1.0]}, "time": at[step]}
        history.apply(record)
    history.apply({"kind": "session", "time": at["again"], "from_step": 2})
    for step in (1, 3):
        scored = {
            "kind": "evaluation",
            "step": step,
            "values": {METRIC: 9.0},
            "time": at["scored"],
            **PROTOCOL,
        }
        history.apply(scored)
    ax = quality_plots.quality_over_time(axes(), load([Selected("a", 0, tmp_path / "a")], lambda _: history))
    (line,) = labelled(ax, "a")
    assert xs(line).tolist() == pytest.approx([1, 4])


def test_sample_grids_show_the_last_grid_of_each_run_with_its_outcome(frames: Frames) -> None:
    panels = plots.sample_grids(frames, 0).axes
    assert [ax.get_title(loc="left") for ax in panels] == list(RUNS)
    assert [corner(ax) for ax in panels] == [[60, 0, 0], [60, 0, 0]]
    assert "finished, healthy, balanced" in words(panels[0])


def test_a_grid_that_cannot_be_read_gives_way_to_the_one_before(frames: Frames) -> None:
    paths = frames.images[frames.images["run"] == "sgd"]["path"].tolist()
    paths[1].write_bytes(b"\x89PNG torn")
    assert corner(plots.sample_grids(frames, 0).axes[1]) == [1, 0, 0]
    paths[0].unlink()
    assert "no samples" in words(plots.sample_grids(frames, 0).axes[1])


@pytest.mark.parametrize("exit_", ["crashed", "interrupted"])
def test_a_run_without_any_loss_still_gives_axes(tmp_path: Path, exit_: str) -> None:
    end(begin(tmp_path / "a"), exit_, None, None, 0)
    frames = load([Selected("a", 0, tmp_path / "a")])
    assert plots.loss_ceiling(frames) is None
    ax = plots.loss_curves(axes(), frames, "a")
    assert exit_ in next(text for text in words(ax) if text.startswith("a: "))
    assert [panel.get_lines() == [] for panel in plots.losses_overlaid(frames).axes]
    assert not labelled(quality_plots.quality_over_steps(axes(), frames), "a")
