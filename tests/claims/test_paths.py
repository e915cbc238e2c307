"""Each setting's share of the change on an ablation path, where the truth is known."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from ablations.spec import load_spec
from ablations.spec.paths import AblationPath
from analysis.claims import Group
from analysis.claims.metrics import parse_metric
from analysis.claims.paths import PathResult, path_record, path_result, path_rows, path_words, shares_of
from analysis.figures.path import path_chart
from analysis.frames.jobs import load
from fakeface.outcomes import Regime
from tests.claim_journals import Trainings

SPEC = """\
runs:
  start: {}
  goal: {init: dcgan, optimizer: {name: sgd, lr: 0.03}}
  way: {between: {from: start, to: goal}}
"""
QUALITY = parse_metric("quality")
RUNS = ("start", "way+dcgan", "way+sgd", "goal", "way-dcgan", "way-sgd")
ADDITIVE = {
    "start": 100.0,
    "way+dcgan": 90.0,
    "way+sgd": 60.0,
    "goal": 50.0,
    "way-dcgan": 60.0,
    "way-sgd": 80.0,
}
"""What init, optimizer and lr do adds up: 10, 30 and 10 of 50."""
DEPENDENT = {**ADDITIVE, "way-dcgan": 95.0}
"""Without its initial weights the goal loses 45: they do more beside the other settings."""


def way(folder: Path) -> AblationPath:
    (folder / "runs.yaml").write_text(SPEC)
    (path,) = load_spec(folder / "runs.yaml").paths
    assert set(path.runs) == set(RUNS)
    return path


def simulated(
    truth: Mapping[str, float], seeds: int, rng: np.random.Generator, *, common: float = 0.0
) -> dict[str, Group]:
    """Normal values around the truth; `common` is what the runs of one seed share."""
    shared, works = common * rng.normal(size=seeds), dict.fromkeys(range(seeds), Regime.WORKS)
    values = {run: truth[run] + shared + rng.normal(size=seeds) for run in RUNS}
    return {run: Group(run, dict(enumerate(map(float, own))), {}, works) for run, own in values.items()}


def shares(found: PathResult) -> list[tuple[float | None, float | None, float | None]]:
    return [
        (move.added.estimate, move.left_out.estimate, move.interaction.estimate if move.interaction else None)
        for move in found.moves
    ]


def test_effects_that_add_up_have_the_same_share_both_ways(tmp_path: Path):
    groups = {run: Group(run, {0: value}, {}, {0: Regime.WORKS}) for run, value in ADDITIVE.items()}
    found = shares_of(way(tmp_path), QUALITY, groups)
    assert np.allclose(np.array(shares(found), dtype=float)[:2], [(0.2, 0.2, 0.0), (0.6, 0.6, 0.0)])
    assert shares(found)[2] == (pytest.approx(0.2), pytest.approx(0.2), None), (
        "the last setting compares the same runs"
    )
    assert {move.added.low for move in found.moves} == {None}, "one seed is described"
    assert sum(move.added.estimate or 0 for move in found.moves) == pytest.approx(1)


def test_shares_are_the_same_where_the_goal_is_the_worse_one(tmp_path: Path):
    groups = {run: Group(run, {0: -value}, {}, {0: Regime.WORKS}) for run, value in ADDITIVE.items()}
    assert shares(shares_of(way(tmp_path), QUALITY, groups))[1] == pytest.approx((0.6, 0.6, 0.0))


def test_an_interaction_is_found_and_said_in_words(tmp_path: Path):
    found = shares_of(way(tmp_path), QUALITY, simulated(DEPENDENT, 5, np.random.default_rng(0)))
    init = found.moves[0]
    assert init.interaction is not None and init.interaction.high is not None
    assert init.interaction.estimate == pytest.approx(0.2 - 0.9, abs=0.1)
    assert init.interaction.high < 0
    words = path_words(found, "fid (N = 10)")
    assert "means of 5 seeds" in words[0]
    assert "interaction with the settings that change after it: beside them it does more." in words[1]
    assert "cannot tell from none" in words[2]
    assert words[3].endswith("it is the last one, and leaving it out compares the same runs.")


@pytest.mark.parametrize(("seeds", "common"), [(3, 0.0), (3, 3.0), (6, 3.0)])
def test_intervals_cover_the_truth(tmp_path: Path, seeds: int, common: float):
    """At least as often as they say, up to the error of 300 simulations; unpaired, seeds that correlate widen them."""
    rng, path = np.random.default_rng(1), way(tmp_path)
    truth = {"added": 0.6, "left_out": 0.6, "interaction": 0.0}
    covered, times = dict.fromkeys(truth, 0), 300
    for _ in range(times):
        move = shares_of(path, QUALITY, simulated(ADDITIVE, seeds, rng, common=common)).moves[1]
        for name, value in truth.items():
            share = getattr(move, name)
            covered[name] += share.low <= value <= share.high
    assert all(count / times > 0.95 - 3 * math.sqrt(0.95 * 0.05 / times) for count in covered.values()), (
        covered
    )


def test_a_diverged_training_gives_no_share_and_says_so(tmp_path: Path, lab: Trainings):
    for run, value in ADDITIVE.items():
        lab.scored(run, [value, value + 1, value - 1])
    lab.selected = [one for one in lab.selected if (one.run, one.seed) != ("way-sgd", 1)]
    lab.job("way-sgd", 7, None, exit_="diverged", samples=None, dynamics=None)
    found = path_result(way(tmp_path), {}, load(lab.selected))
    optimizer = found.moves[1]
    assert optimizer.added.estimate == pytest.approx(0.6)
    assert optimizer.left_out.estimate is not None and optimizer.left_out.n == 2, "seeds that all runs have"
    diverged = [one for one in lab.selected if one.run != "way-sgd"]
    lab.selected = diverged
    lab.job("way-sgd", 1, None, exit_="diverged", samples=None, dynamics=None)
    found = path_result(way(tmp_path), {}, load(lab.selected))
    assert found.moves[1].left_out.reason == "`way-sgd` diverged with seed 1 and has no mean"
    assert found.moves[1].interaction is not None and found.moves[1].interaction.estimate is None
    assert "no share where only it is left out, since `way-sgd` diverged" in " ".join(
        path_words(found, "fid")
    )
    assert Regime.DIVERGED in path_rows(found)[2][6]
    assert path_record(found)["moves"][1]["left_out"]["share"] is None
    path_chart(found, "fid")


def test_what_was_not_run_is_named_and_stops_no_other_share(tmp_path: Path, lab: Trainings):
    for run in ("start", "way+dcgan", "goal"):
        lab.scored(run, [ADDITIVE[run], ADDITIVE[run] + 1])
    found = path_result(way(tmp_path), {}, load(lab.selected))
    assert found.moves[0].added.estimate == pytest.approx(0.2)
    assert found.moves[1].added.reason == "not run: `way+sgd`"
    path_chart(found, "fid")


def test_a_variants_path_is_known_by_its_labels(tmp_path: Path, lab: Trainings):
    labels = {run: f"{run}[data.limit=9]" for run in RUNS}
    for run, value in ADDITIVE.items():
        lab.scored(labels[run], [value])
    found = path_result(way(tmp_path), labels, load(lab.selected))
    assert found.goal.group.name == "goal[data.limit=9]"
    assert shares(found)[1] == pytest.approx((0.6, 0.6, 0.0))


def test_ends_that_seeds_do_not_tell_apart_leave_shares_without_bounds(tmp_path: Path):
    near = {run: 100 + value / 100 for run, value in ADDITIVE.items()}
    found = shares_of(way(tmp_path), QUALITY, simulated(near, 3, np.random.default_rng(0)))
    assert "so their shares have no bounds" in path_words(found, "fid")[1]
    assert str(found.moves[0].added).endswith("(no bounds)")


def test_two_ends_alike_have_no_share(tmp_path: Path):
    same: Sequence[float] = [50.0] * len(RUNS)
    groups = {
        run: Group(run, {0: value}, {}, {0: Regime.WORKS}) for run, value in zip(RUNS, same, strict=True)
    }
    found = shares_of(way(tmp_path), QUALITY, groups)
    assert {move.added.reason for move in found.moves} == {"start and goal do not differ"}
