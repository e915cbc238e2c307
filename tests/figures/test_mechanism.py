"""How far networks move: the numbers, the sentences and the chart."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from analysis.figures.mechanism import mechanism_chart
from analysis.frames.jobs import Selected, load
from analysis.frames.movement import RunMovement, movements, stalled_rate
from analysis.report.mechanism import mechanism_words
from fakeface.evaluation.dynamics import STALLED_RATE
from fakeface.gan.series import UPDATE_RATIO
from tests.analysis_journals import begin, end


class Probed:
    """Journals of trainings with |update| / |weights| of both networks at every tenth step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.selected: list[Selected] = []

    def train(
        self, run: str, g: Sequence[float], d: Sequence[float], *, seed: int = 0, dynamics: str = "stalled",
        steps: int = 100, **settings: str,
    ) -> None:  # fmt: skip
        place = self.folder / f"{run}-{seed}"
        named = {f"optimizer.{name}": value for name, value in settings.items()}
        journal = begin(place, settings=named, seed=seed, total_steps=steps)
        values = {UPDATE_RATIO["G"]: list(g), UPDATE_RATIO["D"]: list(d)}
        probed = [steps // 10 * (i + 1) for i in range(len(g))]
        journal.append("metrics", steps=probed, values=values)
        end(journal, "finished", "noise", dynamics, steps)
        self.selected.append(Selected(run, seed, place))

    def found(self) -> list[RunMovement]:
        return movements(load(self.selected))


@pytest.fixture
def lab(tmp_path: Path) -> Probed:
    return Probed(tmp_path)


def test_movement_is_the_median_its_quartiles_and_the_distance_over_all_steps(lab: Probed):
    lab.train("a", [1e-3, 2e-3, 3e-3, math.nan, 9e-3], [1e-5] * 5, name="sgd")
    lab.train("a", [4e-3] * 5, [1e-5] * 5, seed=1, name="sgd")
    (row,) = lab.found()
    pooled = [1e-3, 2e-3, 3e-3, 9e-3, *[4e-3] * 5]
    moved = row.networks["G"]
    assert (moved.low, moved.rate, moved.high) == pytest.approx(tuple(np.quantile(pooled, [0.25, 0.5, 0.75])))
    # Probes at steps 10, 20, 30 and 50: the one at 40 is not finite, so the last one counts for 20 steps.
    assert moved.path == pytest.approx((10 * 6e-3 + 20 * 9e-3 + 50 * 4e-3) / 2)
    assert row.seeds == 2 and row.optimizer == "sgd"


@pytest.mark.parametrize(
    ("g", "d", "dynamics", "starved", "at_rest"),
    [
        (1e-3, 1e-3, "balanced", "neither", False),
        (1e-4, 1e-3, "stalled", "G", False),
        (1e-3, 1e-4, "stalled", "D", False),
        (1e-4, 1e-4, "stalled", "both", False),
        (1e-3, 1e-5, "discriminator-won", "neither", True),
        (1e-5, 1e-5, "discriminator-won", "G", True),
        (STALLED_RATE, STALLED_RATE, "balanced", "neither", False),
    ],
)
def test_a_network_starves_below_the_threshold_unless_it_has_won(
    lab: Probed, g: float, d: float, dynamics: str, starved: str, at_rest: bool
):
    lab.train("a", [g] * 3, [d] * 3, dynamics=dynamics)
    (row,) = lab.found()
    assert (row.starved, row.at_rest) == (starved, at_rest)
    assert ("hardly moves because it has won" in mechanism_words([row])[0]) == at_rest


def test_a_network_whose_slow_steps_add_up_does_not_starve(lab: Probed):
    lab.train("a", [1e-4] * 10, [1e-3] * 10, dynamics="balanced", steps=5_000)
    assert lab.found()[0].starved == "neither"


def test_seeds_may_differ_in_which_network_starves(lab: Probed):
    lab.train("a", [1e-4] * 3, [1e-3] * 3)
    lab.train("a", [1e-3] * 3, [1e-3] * 3, seed=1)
    assert [row.starved for row in lab.found()] == ["mixed"]
    assert "differs between the seeds in `a`" in mechanism_words(lab.found())[0]


def test_there_is_a_sentence_for_each_optimizer_and_way_to_starve(lab: Probed):
    lab.train("slow", [1.1e-4] * 4, [1e-3] * 4, name="sgd")
    lab.train("baseline", [2e-3] * 4, [3e-3] * 4, name="adam")
    lab.train("slower", [1e-5] * 4, [2e-3] * 4, name="sgd")
    lab.train("fast", [0.02] * 4, [0.01] * 4, name="sgd")
    first, second, third = mechanism_words(lab.found())
    assert first == (
        "Under `sgd`, the generator alone starves in `slow` and `slower`: the median step moves the generator by 1e-5 "
        "to 1.1e-4 of its own length and the discriminator by 1e-3 to 2e-3, and all steps together come to 0.0004 "
        "to 0.0044 and 0.04 to 0.08 lengths."
    )
    assert second.startswith("Under `sgd`, neither network starves in `fast`")
    assert third.startswith("Under `adam`, neither network starves in `baseline`")


def test_the_optimizer_is_the_default_or_that_of_each_network(lab: Probed):
    lab.train("plain", [1e-3], [1e-3])
    lab.train("pair", [1e-3], [1e-3], **{"G.name": "sgd"})
    assert [row.optimizer for row in lab.found()] == ["adam", "sgd (G) and adam (D)"]


def test_the_chart_has_the_medians_and_the_threshold_of_the_diagnosis(lab: Probed):
    assert stalled_rate() == STALLED_RATE
    lab.train("a", [1e-4, 2e-4, 4e-4], [1e-2] * 3)
    (ax,) = mechanism_chart(lab.found()).axes
    lines = {line.get_label(): [] for line in ax.get_lines()}
    for line in ax.get_lines():
        lines[line.get_label()] += [(np.asarray(line.get_xdata(), dtype=float)[0], line.get_color())]
    assert [x for x, _ in lines["slow"]] == [STALLED_RATE]
    (g, g_color), (d, d_color) = lines["a"]
    assert [g, d] == pytest.approx([2e-4, 1e-2]) and g_color != d_color
    assert {"G starves", "G", "D"} <= {text.get_text() for text in ax.texts}
    assert ax.get_xscale() == "log"


def test_thirty_runs_keep_their_rows_apart(lab: Probed):
    for index in range(30):
        lab.train(f"run-{index}", [1e-4] * 3, [1e-3] * 3)
    figure = mechanism_chart(lab.found())
    figure.draw_without_rendering()
    boxes = sorted((x.get_window_extent() for x in figure.axes[0].get_yticklabels()), key=lambda box: box.y0)
    assert len(boxes) == 30
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))


def test_without_probes_there_is_no_sentence_and_an_empty_chart(lab: Probed):
    lab.selected = [Selected(run, 0, lab.folder / run) for run in ("sgd", "x")]
    assert lab.found() == [] and mechanism_words([]) == []
    mechanism_chart([]).draw_without_rendering()
