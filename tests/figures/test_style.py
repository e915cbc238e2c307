"""The theme stays with its figures, colours mean one thing each, and the ticks of an axis can be read."""

import math
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from analysis.figures import style
from analysis.figures.outcomes import LOOKS
from fakeface.palette import RUN_COLORS


def test_a_figure_has_the_theme_and_leaves_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    figure = style.figure(4, 3)
    ax = figure.subplots()
    ax.plot([1, 2], [3, 4])
    FigureCanvasAgg(figure).draw()
    assert dict(matplotlib.rcParams) == before
    assert not ax.spines["top"].get_visible() and ax.spines["bottom"].get_visible()
    assert {label.get_fontsize() for label in ax.get_xticklabels()} == {style.TEXT_SIZE - 1}
    with style.theme():
        assert matplotlib.rcParams["axes.titlelocation"] == "left"
    assert dict(matplotlib.rcParams) == before


def test_no_run_has_the_colour_of_an_outcome_and_no_two_outcomes_look_alike():
    outcomes = [np.array(to_rgb(look.color)) for look in LOOKS.values()]
    runs = [np.array(to_rgb(color)) for color in RUN_COLORS]
    assert min(np.linalg.norm(run - outcome) for run in runs for outcome in outcomes) > 0.2
    assert min(np.linalg.norm(a - b) for i, a in enumerate(outcomes) for b in outcomes[:i]) > 0.2
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)


def test_no_two_of_24_runs_look_alike():
    styles = style.run_styles([f"r{index}" for index in range(24)])
    assert len({(look.color, look.dashes) for look in styles.values()}) == 24
    assert [look.color for look in list(styles.values())[:6]] == list(RUN_COLORS)


def test_label_text_is_dark_enough_to_read_on_white():
    for look in [*style.run_styles([str(index) for index in range(6)]).values(), *LOOKS.values()]:
        channels = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(look.text_color)
        ]
        luminance = 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
        assert 1.05 / (luminance + 0.05) > 3.5, look.color


@pytest.mark.parametrize(
    "ends", [(22, 45), (3, 9), (20, 500), (0.9, 1500), (1e-4, 1e5), (1e-9, 1), (2.1, 2.9), (1000, 9e6)]
)
def test_the_ticks_of_a_log_axis_are_plain_numbers_that_do_not_overlap(ends: tuple[float, float]):
    figure = style.figure(3.2, 2)
    ax = figure.subplots()
    ax.plot(ends, [0, 1])
    style.log_axis(ax.xaxis)
    ax.set_xlim(*ends)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    labels = [label for label in ax.get_xticklabels(which="both") if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    assert len(boxes) >= 2
    assert all(left.x1 + 4 < right.x0 for left, right in pairwise(boxes)), [x.get_text() for x in labels]
    assert all(float(label.get_text().replace(",", "")) > 0 for label in labels)


def test_labels_never_overlap_and_stay_within_the_axes():
    ax = style.figure(4, 3).subplots()
    ax.set_ylim(0, 1)
    look = style.RunStyle("#0072B2", ())
    places = (0.5, 0.5, 0.51, 0.99, 1.0, math.nan)
    style.label_ends(ax, [style.LineEnd(1.0, value, f"r{i}", look) for i, value in enumerate(places)])
    heights = sorted(text.get_position()[1] for text in ax.texts)
    points = ax.get_position().height * 3 * 72
    assert min(np.diff(heights)) * points >= style.TEXT_SIZE
    assert heights[0] >= 0 and heights[-1] <= 1
