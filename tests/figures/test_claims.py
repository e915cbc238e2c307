"""The figure of a claim: every seed as a dot, and nothing without data."""

import math
from pathlib import Path

import pytest

from analysis.figures.claims import claim_figure
from analysis.figures.style import run_styles
from tests import study_records as records
from tests.claim_journals import Trainings, compare, judged, times


@pytest.fixture
def lab(tmp_path: Path) -> Trainings:
    return Trainings(tmp_path)


def test_every_kind_of_claim_has_a_figure_of_its_seeds(lab: Trainings):
    for run, factor in (("baseline", 1.0), ("weight-init", 1.01), ("sgd", 2.0), ("both", 2.1)):
        lab.scored(run, times(factor))
    lab.job("sgd", 5, None, exit_="diverged")
    found = judged(
        lab,
        {"sgd-lr": records.whole_sgd_study()},
        compare=compare("higher", "by: 5%"),
        outcome="outcome: {run: sgd, against: baseline, exit: diverged}",
        trend="trend: {runs: [baseline, weight-init, both], metric: quality, direction: rising, by: 0}",
        window="window: {study: sgd-lr, excludes: 2e-4}",
        best="best: {study: sgd-lr, direction: lower, by: 5%}",
    )
    for name, verdict in found.items():
        figure = claim_figure(verdict, run_styles(list(lab.frames().runs)), "fd")
        assert figure is not None, name
        figure.draw_without_rendering()
        dots = sum(len(line.get_xdata()) for line in figure.axes[0].get_lines() if line.get_marker() == "o")  # type: ignore[arg-type]
        seeds = sum(math.isfinite(v) for group in verdict.groups for v in group.values.values())
        assert dots == seeds, name


def test_nothing_to_show_is_no_figure(lab: Trainings):
    lab.unbegun("sgd")
    lab.unbegun("baseline")
    assert claim_figure(judged(lab, it=compare("lower", "by: 5%"))["it"], {}, "fd") is None
