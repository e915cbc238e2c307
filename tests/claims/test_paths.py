"""What each setting on an ablation path does, where the truth is known."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ablations.spec import load_spec
from ablations.spec.paths import AblationPath
from analysis.claims import Group
from analysis.claims.metrics import parse_metric
from analysis.claims.paths import contributions, path_record, path_result, path_rows, path_words
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
    "start": 1000.0,
    "way+dcgan": 800.0,
    "way+sgd": 400.0,
    "goal": 320.0,
    "way-dcgan": 400.0,
    "way-sgd": 640.0,
}
"""Each setting multiplies: init by 0.8, optimizer by 0.5, lr by 0.8."""
DEPENDENT = {**ADDITIVE, "way-dcgan": 1000.0}
"""Without its initial weights the goal is far worse: they do more beside the other settings."""
WHOLE = math.log(0.32)


def way(folder: Path) -> AblationPath:
    (folder / "runs.yaml").write_text(SPEC)
    (path,) = load_spec(folder / "runs.yaml").paths
    assert set(path.runs) == set(RUNS)
    return path


def simulated(
    truth: Mapping[str, float], seeds: int, rng: np.random.Generator, *, common: float = 0.0
) -> dict[str, Group]:
    """Lognormal values around the truth; `common` is what the runs of one seed share, in units of their spread."""
    shared, works = common * rng.normal(size=seeds), dict.fromkeys(range(seeds), Regime.WORKS)
    values = {run: truth[run] * np.exp(0.05 * (shared + rng.normal(size=seeds))) for run in RUNS}
    return {run: Group(run, dict(enumerate(map(float, own))), {}, works) for run, own in values.items()}


def one_seed(values: Mapping[str, float]) -> dict[str, Group]:
    return {run: Group(run, {0: value}, {}, {0: Regime.WORKS}) for run, value in values.items()}


def test_settings_that_add_up_do_the_same_both_ways(tmp_path: Path):
    found = contributions(way(tmp_path), QUALITY, one_seed(ADDITIVE))
    changes = [(m.added.change.value, m.left_out.change.value) for m in found.moves]
    assert np.allclose(changes, [(-0.2, -0.2), (-0.5, -0.5), (-0.2, -0.2)])
    assert [m.interaction.change.value if m.interaction else None for m in found.moves] == [
        pytest.approx(0), pytest.approx(0), None
    ], "the last setting compares the same runs"  # fmt: skip
    shares = [m.added.share.value for m in found.moves]
    assert shares == pytest.approx([math.log(0.8) / WHOLE, math.log(0.5) / WHOLE, math.log(0.8) / WHOLE])
    assert sum(shares) == pytest.approx(1)
    assert {m.added.change.low for m in found.moves} == {None}, "one seed is described"


def test_shares_are_the_same_where_the_goal_is_the_worse_one(tmp_path: Path):
    groups = one_seed({run: 1 / value for run, value in ADDITIVE.items()})
    optimizer = contributions(way(tmp_path), QUALITY, groups).moves[1]
    assert optimizer.added.change.value == pytest.approx(1.0)
    assert optimizer.added.share.value == pytest.approx(math.log(0.5) / WHOLE)


def test_an_interaction_is_found_and_said_in_words(tmp_path: Path):
    found = contributions(way(tmp_path), QUALITY, simulated(DEPENDENT, 5, np.random.default_rng(0)))
    init = found.moves[0]
    assert init.left_out.change.value == pytest.approx(-0.68, abs=0.05)
    assert init.interaction.change.low > 0
    words = path_words(found, "fid (N = 10)")
    assert "geometric means of 5 seeds" in words[0]
    assert "of the whole change" in words[1]
    assert words[1].endswith("what it does depends on the settings that change after it.")
    assert words[2].endswith("These seeds cannot tell the two apart.")
    assert words[3].endswith("it is the last one, and leaving it out compares the same runs.")


@pytest.mark.parametrize(("seeds", "common"), [(3, 0.0), (3, 3.0), (6, 3.0)])
def test_intervals_cover_the_truth(tmp_path: Path, seeds: int, common: float):
    """At least as often as they say, up to the error of 300 simulations; unpaired, seeds that correlate widen them."""
    rng, path = np.random.default_rng(1), way(tmp_path)
    share = math.log(0.5) / WHOLE
    truth = {"added": (-0.5, share), "left_out": (-0.5, share), "interaction": (0.0, 0.0)}
    covered, times = {(name, what): 0 for name in truth for what in ("change", "share")}, 300
    for _ in range(times):
        move = contributions(path, QUALITY, simulated(ADDITIVE, seeds, rng, common=common)).moves[1]
        for name, values in truth.items():
            for what, value in zip(("change", "share"), values, strict=True):
                estimate = getattr(getattr(move, name), what)
                covered[name, what] += estimate.low <= value <= estimate.high
    assert all(count / times > 0.95 - 3 * math.sqrt(0.95 * 0.05 / times) for count in covered.values()), (
        covered
    )


def test_a_diverged_training_gives_no_change_and_says_so(tmp_path: Path, lab: Trainings):
    for run, value in ADDITIVE.items():
        lab.scored(run, [value, value * 1.01, value / 1.01])
    lab.selected = [one for one in lab.selected if (one.run, one.seed) != ("way-sgd", 1)]
    lab.job("way-sgd", 7, None, exit_="diverged", samples=None, dynamics=None)
    found = path_result(way(tmp_path), {}, load(lab.selected))
    optimizer = found.moves[1]
    assert optimizer.added.change.value == pytest.approx(-0.5)
    assert optimizer.left_out.change is not None and optimizer.left_out.n == 2, "seeds that both runs have"
    diverged = [one for one in lab.selected if one.run != "way-sgd"]
    lab.selected = diverged
    lab.job("way-sgd", 1, None, exit_="diverged", samples=None, dynamics=None)
    found = path_result(way(tmp_path), {}, load(lab.selected))
    assert found.moves[1].left_out.reason == "`way-sgd` diverged with seed 1 and has no mean"
    assert found.moves[1].interaction is not None and found.moves[1].interaction.change is None
    assert "not known beside all other settings, since `way-sgd` diverged" in " ".join(
        path_words(found, "fid")
    )
    assert Regime.DIVERGED in path_rows(found)[2][7]
    assert path_record(found)["moves"][1]["left_out"]["change"] is None
    path_chart(found, "fid")


def test_what_was_not_run_is_named_and_stops_no_other_setting(tmp_path: Path, lab: Trainings):
    for run in ("start", "way+dcgan", "goal"):
        lab.scored(run, [ADDITIVE[run], ADDITIVE[run] * 1.01])
    found = path_result(way(tmp_path), {}, load(lab.selected))
    assert found.moves[0].added.change.value == pytest.approx(-0.2)
    assert found.moves[1].added.reason == "not run: `way+sgd`"
    path_chart(found, "fid")


def test_a_variants_path_is_known_by_its_labels(tmp_path: Path, lab: Trainings):
    labels = {run: f"{run}[data.limit=9]" for run in RUNS}
    for run, value in ADDITIVE.items():
        lab.scored(labels[run], [value])
    found = path_result(way(tmp_path), labels, load(lab.selected))
    assert found.goal.group.name == "goal[data.limit=9]"
    assert found.moves[1].added.change.value == pytest.approx(-0.5)


def test_ends_that_seeds_do_not_tell_apart_have_no_whole_change_to_share(tmp_path: Path):
    near = {run: 100 + value / 1000 for run, value in ADDITIVE.items()}
    found = contributions(way(tmp_path), QUALITY, simulated(near, 3, np.random.default_rng(0)))
    assert "These seeds do not show that the two differ" in path_words(found, "fid")[0]
    assert {move.added.share for move in found.moves} == {None}
    assert all(move.added.change for move in found.moves)
    path_chart(found, "fid")


def test_two_ends_alike_have_no_share(tmp_path: Path):
    found = contributions(way(tmp_path), QUALITY, one_seed(dict.fromkeys(RUNS, 50.0)))
    assert {move.added.share for move in found.moves} == {None}
    assert {move.added.change.value for move in found.moves} == {0.0}
