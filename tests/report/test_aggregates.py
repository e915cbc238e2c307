"""analysis.report.aggregates: which seeds count, and as what."""

from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis.figures import style
from analysis.figures.profiles import performance_profiles
from analysis.report.aggregates import aggregate_headings, aggregate_record, aggregate_rows, aggregates_of
from analysis.report.spread import spread_rows
from fakeface.errors import UserError
from tests.claim_journals import Trainings


def test_ended_seeds_count_and_a_diverged_one_ranks_last(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [1.0, 2.0, 3.0, 4.0])
    lab.scored("sgd", [2.5, 2.5])
    lab.job("sgd", 2, None, exit_="diverged")
    lab.job("sgd", 3, float("nan"), exit_="diverged")
    lab.job("sgd", 4, 0.1, exit_="interrupted")
    lab.unbegun("sgd", 5)
    lab.scored("alone", [1.0])
    found = aggregates_of(lab.frames())
    assert found.against == "baseline"
    first, second = found.table.to_dict("records")
    assert (first["run"], first["seeds"], first["diverged"], first["iqm"]) == ("baseline", 4, 0, 2.5)
    assert (second["run"], second["seeds"], second["diverged"], second["iqm"]) == ("sgd", 4, 2, np.inf)
    assert second["better"] == 4 / 16
    own = found.profiles[found.profiles["run"] == "sgd"]
    assert own["threshold"].tolist() == [1.0, 2.0, 2.5, 3.0, 4.0]
    assert own["share"].tolist() == [0, 0, 0.5, 0.5, 0.5]


def test_the_table_has_intervals_where_seeds_allow(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [100.0 + seed for seed in range(8)])
    lab.scored("sgd", [200.0 + seed for seed in range(5)])
    found = aggregates_of(lab.frames())
    assert aggregate_headings(found, "fd (N = 9)")[3:] == [
        "fd (N = 9), interquartile mean", "better than baseline"
    ]  # fmt: skip
    (_, *first), (_, *second) = aggregate_rows(found)
    assert first[0:2] == ["8", "0"]
    assert first[2].startswith("103.5 (10")
    assert first[3] == "–"
    assert second == ["5", "0", "202.0", "0% (0% to 30%)"]
    assert [run["better_low"] for run in aggregate_record(found)["runs"]] == [None, 0.0]


def test_one_seed_a_run_has_no_aggregate_and_a_notebook_is_told_so(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [1.0])
    assert aggregates_of(lab.frames()) is None
    with pytest.raises(UserError, match="no run has two seeds"):
        analysis.aggregates(lab.frames())
    lab.job("baseline", 1, 2.0)
    assert analysis.aggregates(lab.frames()).table["iqm"].tolist() == [1.5]


def test_a_profile_is_a_stair_that_ends_at_the_share_that_did_not_diverge(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [1.0, 2.0, 3.0])
    lab.job("baseline", 3, None, exit_="diverged")
    found = aggregates_of(lab.frames())
    ax = performance_profiles(
        style.figure(6, 3).subplots(), found.profiles, style.run_styles(["baseline"]), quality="fd"
    )
    (line,) = [one for one in ax.get_lines() if len(np.asarray(one.get_xdata())) == 5]
    assert np.asarray(line.get_ydata()).tolist() == [0, 0.25, 0.5, 0.75, 0.75]
    assert line.get_drawstyle() == "steps-post"
    assert ax.get_xlabel() == "fd"


def test_runs_that_fix_streams_are_compared_with_the_one_that_fixes_none(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [100.0, 120.0, 80.0], settings={})
    lab.scored("sgd", [200.0, 210.0], settings={"train.seeds.weights": 0})
    lab.scored("both", [100.0, 101.0, 102.0], settings={"train.seeds.data": 0, "train.seeds.noise": 0})
    lab.scored("sgd-half", [90.0, 99.0, 110.0], settings={"train.seeds.noise": 3})
    lab.job("sgd-half", 3, None, exit_="diverged", settings={"train.seeds.noise": 3})
    parts = aggregates_of(lab.frames()).parts
    assert [(part.run, part.varied) for part in parts] == [
        ("baseline", ("weights", "data", "noise")), ("sgd", ("data", "noise")), ("both", ("weights",)),
    ]  # fmt: skip
    whole, _, weights = parts
    assert whole.share is None
    assert whole.spread.estimate == pytest.approx(np.log([100, 120, 80]).std(ddof=1))
    assert weights.share.estimate == pytest.approx((weights.spread.estimate / whole.spread.estimate) ** 2)
    assert spread_rows(parts)[2][:3] == ["both", "weights", "3"]
    assert spread_rows(parts)[2][3].startswith("1.0% (0.5% to ")


def test_without_a_run_that_fixes_streams_there_is_no_table_of_spreads(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [100.0, 120.0])
    lab.scored("sgd", [100.0, 120.0])
    assert aggregates_of(lab.frames()).parts == []
