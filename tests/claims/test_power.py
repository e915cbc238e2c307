"""What planned seeds can show of claims, against simulations and laws that are known."""

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from ablations.spec import load_spec
from analysis.claims import Evidence
from analysis.claims._base import Group
from analysis.claims.power import Outlook, cells, outlooks, record
from analysis.claims.reading import claims_of as claims_in
from analysis.claims.reading import read_claims
from analysis.frames.jobs import load
from analysis.statistics import judge_each
from tests.claim_journals import RUNS, STEPS, Trainings, claims_of, compare, judged

ROOT = Path(__file__).parents[2]
ALL = set(RUNS)


def outlook(folder: Path, n: int, body: str, *, lab: Trainings | None = None, **others: str) -> Outlook:
    """Of the claim with this body, beside others, and the earlier seeds of a lab."""
    frames = lab.frames() if lab else load([])
    return outlooks(claims_of(folder, it=body, **others), Evidence(frames, {}), n, ALL)[0]


def support(found: Outlook, truth: float, draws: int = 1500) -> float:
    """How often normal logarithms with the outlook's spread, around this true ratio, support a claim on two runs."""
    random, kind = np.random.default_rng(0), found.claim.kind
    places = np.array([math.log1p(truth), 0.0])[:, None]
    count = 0
    for _ in range(draws):
        values = np.exp(places + found.spread * random.normal(size=(2, found.n)))
        groups = [Group(name, dict(enumerate(row))) for name, row in zip("ab", values, strict=True)]
        count += judge_each(kind.effects(groups, found.level), kind.region).verdict == "supported"
    return count / draws


@pytest.mark.parametrize("n", [3, 5])
def test_the_truth_that_is_shown_in_80_percent_is_supported_as_often(tmp_path: Path, n: int):
    lower = outlook(tmp_path, n, compare("lower", "by: 10%"))
    same = outlook(tmp_path, n, compare("same", "within: 30%"))
    assert lower.shown is not None and same.shown is not None
    assert support(lower, lower.shown.high) == pytest.approx(0.8, abs=0.04)
    assert support(same, same.shown.low) == pytest.approx(0.8, abs=0.04)
    assert (1 + same.shown.low) * (1 + same.shown.high) == pytest.approx(1), "the same either way"


def test_the_chance_of_a_verdict_is_that_of_simulations(tmp_path: Path):
    same = outlook(tmp_path, 3, compare("same", "within: 15%"))
    assert same.truth == "nothing differs"
    assert same.chance == pytest.approx(support(same, 0.0), abs=0.05)
    alone = outlook(tmp_path, 4, compare("lower", "by: 10%"))
    # Refuted: nothing differs, and the edge is one margin away. Welch's degrees of freedom are 3 to 6.
    scores = -math.log(0.9) / (0.05 * math.sqrt(2 / 4))
    powers = [scipy.stats.nct.sf(scipy.stats.t.ppf(0.975, df), df, scores) for df in (3, 6)]
    assert powers[0] < alone.chance < powers[1]


def test_a_family_is_judged_at_its_share_of_the_level(tmp_path: Path):
    alone = outlook(tmp_path, 3, compare("lower", "by: 10%"))
    body = "family: f, " + compare("lower", "by: 10%")
    among = outlook(tmp_path, 3, body, b=body, c=body)
    assert (among.level, among.family_size) == (pytest.approx(1 - 0.05 / 3), 3)
    assert among.shown.high < alone.shown.high
    assert among.chance < alone.chance
    assert among.needed_seeds > alone.needed_seeds


def test_a_majority_of_five_seeds_cannot_be_shown_and_the_number_that_can_is_named(tmp_path: Path):
    body = "outcome: {run: sgd, samples: noise}"
    five, six = (outlook(tmp_path, n, body) for n in (5, 6))
    assert (five.decidable, five.least_p, five.least_seeds, five.chance) == (False, 0.0625, 6, 0.0)
    assert (cells(five)[3], cells(five)[2]) == ("never (p ≥ 0.062)", "6 seeds")
    assert (six.decidable, six.chance, six.needed_seeds) == (True, 1.0, 6)
    # 6 of 6 is the only table that supports it, so that its share must make that happen in 80%.
    assert six.shown.low == pytest.approx(0.8 ** (1 / 6))


def test_two_runs_differ_in_an_outcome_from_three_seeds_on(tmp_path: Path):
    body = "outcome: {run: sgd, against: baseline, samples: noise}"
    two, three = (outlook(tmp_path, n, body) for n in (2, 3))
    assert (two.decidable, two.least_seeds) == (False, 3)
    assert (three.decidable, three.chance) == (True, 1.0)
    assert three.shown.low == pytest.approx(0.8 ** (1 / 3), abs=1e-4), "if none of the other run ends so"


def test_one_seed_decides_nothing(tmp_path: Path):
    found = outlook(tmp_path, 1, compare("lower", "by: 10%"))
    assert (found.decidable, found.chance, found.shown) == (False, 0.0, None)
    assert cells(found)[3] == "never (one seed)"
    assert found.least_seeds == 2


def test_a_tolerance_that_is_too_small_for_the_spread_is_never_shown(tmp_path: Path):
    found = outlook(tmp_path, 3, compare("same", "within: 2%"))
    assert (found.decidable, found.shown) == (True, None)
    assert cells(found)[3] == "never (spread)"
    assert record(found)["shown"] is None


def test_nothing_is_said_of_a_chance_where_what_is_supposed_is_the_edge(tmp_path: Path):
    found = outlook(tmp_path, 5, compare("lower", "by: 0"))
    assert (found.chance, found.needed_seeds) == (None, None)
    assert found.shown.high < 0
    assert [cells(found)[index] for index in (1, 2, 5)] == ["–", "–", "–"]


def test_earlier_seeds_give_spread_truth_and_the_seeds_that_the_verdict_needs(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [95.0, 100.0, 106.0])
    lab.scored("sgd", [80.0, 90.0, 84.0])
    body = compare("lower", "by: 10%")
    found = outlook(tmp_path, 5, body, lab=lab)
    verdict = judged(lab, it=body)["it"]
    spreads = [np.std(np.log(values), ddof=1) for values in ([95.0, 100.0, 106.0], [80.0, 90.0, 84.0])]
    assert found.spread == pytest.approx(math.sqrt(np.mean(np.square(spreads))))
    assert found.source == "3 earlier seeds"
    assert found.truth.endswith("(−16%)")
    assert found.needed_seeds == 3 + verdict.needed_seeds


def test_no_spread_is_assumed_as_a_share_of_zero(tmp_path: Path):
    lab = Trainings(tmp_path)
    for run, loss in (("baseline", -1.0), ("sgd", 1.0)):
        lab.job(run, 0, loss_d=[loss] * STEPS)
    found = outlook(tmp_path, 5, compare("lower", "by: 0.5", "converged Loss_D"), lab=lab)
    assert "train two seeds of a run first" in found.reason


def test_the_spread_of_some_runs_serves_the_others(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [90.0, 100.0, 111.0])
    found = outlook(tmp_path, 5, compare("lower", "by: 10%"), lab=lab)
    assert found.spread == pytest.approx(np.std(np.log([90.0, 100.0, 111.0]), ddof=1))
    assert (found.source, found.truth) == ("3 earlier seeds", "nothing differs")


def test_a_margin_in_units_needs_a_value(tmp_path: Path):
    body = compare("higher", "by: 0.1", "recall")
    assert "train a seed first" in outlook(tmp_path, 3, body).reason
    lab = Trainings(tmp_path)
    for seed in range(2):
        lab.job("baseline", seed, measures={"recall_test": 0.4 + 0.02 * seed})
    assert outlook(tmp_path, 3, body, lab=lab).reason == ""


def test_earlier_seeds_that_diverged_leave_it_to_ranks(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [100.0, 101.0])
    lab.job("sgd", 0, 150.0)
    lab.job("sgd", 1, None, exit_="diverged")
    found = outlook(tmp_path, 3, compare("higher", "by: 5%"), lab=lab)
    assert (found.decidable, found.least_seeds) == (False, 4)
    assert cells(outlook(tmp_path, 4, compare("higher", "by: 5%"), lab=lab))[3] == "ranks decide"


def test_claims_on_other_runs_are_left_out(tmp_path: Path):
    claims = claims_of(
        tmp_path, it=compare("lower", "by: 10%"), study="window: {study: sgd-lr, excludes: 2e-4}"
    )
    assert outlooks(claims, Evidence(load([]), {}), 3, {"sgd"}) == []
    assert len(outlooks(claims, Evidence(load([]), {}), 3, {"sgd", "baseline"})) == 1


def test_every_shipped_claim_on_runs_has_an_outlook():
    spec = load_spec(ROOT / "runs.yaml", profile="paper", check_claims=read_claims)
    claims = [claim for claim in claims_in(spec) if claim.kind.named_runs]
    found = outlooks(claims, Evidence(load([]), {}), len(spec.seeds), {run.name for run in spec.runs})
    assert [row.claim.name for row in found] == [claim.name for claim in claims]
    # A margin in units needs a value to be compared with; a ratio needs none.
    assert all(row.reason.startswith("its margin is in units of") for row in found if row.reason)
