"""Claims about trainings with a known truth: the verdicts, and what there is in place of one."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ablations.store import journal
from analysis.claims.words import sentence
from analysis.frames.studies import StudyResult
from analysis.statistics import Factor, factor_effect, holm
from fakeface.config import TrainingConfig
from fakeface.declaration import Declaration
from fakeface.gan.objective import declaration
from fakeface.scores import ScoreKind
from tests import study_records as records
from tests.claim_journals import BASE, STEPS, Trainings, compare, falling, judged, times

INF = math.inf


# ---------------------------------------------------------------------------------------------- comparisons


@pytest.mark.parametrize(
    ("factor", "direction", "margin", "verdict"),
    [
        (0.80, "lower", "by: 10%", "supported"),
        (0.95, "lower", "by: 10%", "refuted"),
        (1.20, "lower", "by: 10%", "refuted"),
        (0.90, "lower", "by: 10%", "undecided"),
        (1.20, "higher", "by: 10%", "supported"),
        (1.00, "higher", "by: 10%", "refuted"),
        (1.00, "same", "within: 5%", "supported"),
        (1.20, "same", "within: 5%", "refuted"),
        (0.80, "same", "within: 5%", "refuted"),
        (1.00, "not-lower", "by: 5%", "supported"),
        (1.30, "not-lower", "by: 5%", "supported"),
        (0.80, "not-lower", "by: 5%", "refuted"),
        (1.00, "not-higher", "by: 5%", "supported"),
        (1.30, "not-higher", "by: 5%", "refuted"),
    ],
)
def test_the_verdict_follows_from_where_the_truth_lies(
    lab: Trainings, factor: float, direction: str, margin: str, verdict: str
):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(factor, [101.0, 99.0, 100.5, 99.5, 100.0]))
    assert judged(lab, it=compare(direction, margin))["it"].word == verdict


def test_a_share_is_a_ratio_of_geometric_means(lab: Trainings):
    lab.scored("baseline", [80.0, 100.0, 125.0])
    lab.scored("sgd", [40.0, 52.0, 60.0])
    found = judged(lab, it=compare("lower", "by: 10%"))["it"]
    ratio = (40 * 52 * 60 / (80 * 100 * 125)) ** (1 / 3)
    assert found.estimate == pytest.approx(ratio - 1)
    assert found.region is not None
    assert (found.region.low, found.region.high) == (-INF, pytest.approx(-0.1))
    assert found.low is not None and found.high is not None
    assert -1 < found.low < ratio - 1 < found.high


@pytest.mark.parametrize("factor", [1.08, 1.097, 1.12, 1.22])
@pytest.mark.parametrize("direction", ["same", "not-higher", "not-lower"])
def test_a_tolerance_gives_the_same_verdict_where_the_runs_change_places(
    lab: Trainings, factor: float, direction: str
):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(factor, [101.0, 99.0, 100.5, 99.5, 100.0]))
    margin = "within: 10%" if direction == "same" else "by: 10%"
    turned = {"not-higher": "not-lower", "not-lower": "not-higher"}.get(direction, direction)
    body = "compare: {run: %s, against: %s, metric: quality, direction: %s, %s}"
    found = judged(
        lab,
        one=body % ("sgd", "baseline", direction, margin),
        other=body % ("baseline", "sgd", turned, margin),
    )
    assert found["one"].word == found["other"].word
    assert found["one"].p == pytest.approx(found["other"].p)


def failing(lab: Trainings, run: str, seeds: int, diverged: int) -> None:
    """Seeds with a distance near 100, of which the last ones diverged."""
    for seed in range(seeds):
        if seed >= seeds - diverged:
            lab.job(run, seed, None, exit_="diverged", loss_d=[1.0, math.nan], loss_g=[1.0, 1.0])
        else:
            lab.job(run, seed, BASE[seed % 5])


@pytest.mark.parametrize(
    ("seeds", "diverged", "same", "not_higher", "not_lower"),
    [
        (20, (4, 0), False, False, True),
        (20, (0, 4), False, True, False),
        (20, (1, 1), False, False, False),
        (20, (0, 0), True, True, True),
        (3, (0, 0), True, True, True),
        (5, (0, 0), True, True, True),
        (40, (1, 0), True, True, True),
    ],
)
def test_a_tolerance_is_supported_only_where_neither_run_may_fail_much_more_often(
    lab: Trainings, seeds: int, diverged: tuple[int, int], same: bool, not_higher: bool, not_lower: bool
):
    failing(lab, "sgd", seeds, diverged[0])
    failing(lab, "baseline", seeds, diverged[1])
    found = judged(
        lab,
        same=compare("same", "within: 20%"),
        not_higher=compare("not-higher", "by: 20%"),
        not_lower=compare("not-lower", "by: 20%"),
    )
    expected = {"same": same, "not_higher": not_higher, "not_lower": not_lower}
    assert {name: verdict.word == "supported" for name, verdict in found.items()} == expected
    for verdict in found.values():
        if verdict.word != "supported":
            assert verdict.word == "undecided"
            assert verdict.p is not None and verdict.p > 0.05
            assert f"of {seeds} seeds of" in sentence(verdict) and "claim the outcome" in sentence(verdict)


def test_a_diverged_training_of_a_measure_that_is_better_higher_is_on_its_lower_side(lab: Trainings):
    for run, lost in (("sgd", 4), ("baseline", 0)):
        for seed in range(20):
            if seed < lost:
                lab.job(run, seed, None, exit_="diverged", loss_d=[1.0, math.nan], loss_g=[1.0, 1.0])
            else:
                lab.job(run, seed, measures={"recall_test": 0.5 + 0.001 * BASE[seed % 5]})
    found = judged(
        lab,
        lower=compare("not-lower", "by: 20%", "recall"),
        higher=compare("not-higher", "by: 20%", "recall"),
    )
    assert (found["lower"].word, found["higher"].word) == ("undecided", "supported")


def test_equal_seeds_from_five_on_are_paired_and_fewer_or_others_are_not(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.8, BASE[::-1]))
    assert judged(lab, it=compare("lower", "by: 5%"))["it"].method == "paired t"
    lab.selected.pop()
    assert judged(lab, it=compare("lower", "by: 5%"))["it"].method == "Welch t"


@pytest.mark.parametrize("worse", ["sgd", "baseline"])
def test_a_diverged_run_ranks_last_and_is_told(lab: Trainings, worse: str):
    other = "baseline" if worse == "sgd" else "sgd"
    lab.scored(other, BASE)
    lab.scored(worse, [200.0, 201.0, 202.0, 203.0])
    lab.job(worse, 4, None, exit_="diverged", loss_d=[1.0, math.nan], loss_g=[1.0, 1.0])
    found = judged(lab, it=compare("higher" if worse == "sgd" else "lower", "by: 10%"))["it"]
    assert found.word == "supported"
    assert "1 training ranks last" in found.method
    assert "1 of 5 ranked last" in sentence(found)
    group = next(group for group in found.groups if group.name == worse)
    assert group.values[4] == INF


def test_a_finite_score_stays_in_whatever_the_outcome(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", BASE, samples="noise", dynamics="discriminator-won")
    assert judged(lab, it=compare("same", "within: 5%"))["it"].n == {"sgd": 5, "baseline": 5}


def test_a_score_that_came_out_nan_ranks_last(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", [math.nan, *BASE[1:]])
    found = judged(lab, it=compare("same", "within: 5%"))["it"]
    assert found.groups[0].values[0] == INF


def test_crashed_seeds_are_told_and_the_others_judge(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.5, BASE[:3]))
    lab.job("sgd", 3, exit_="crashed", loss_d=[1.0], loss_g=[1.0])
    found = judged(lab, it=compare("lower", "by: 5%"))["it"]
    assert (found.word, found.n) == ("supported", {"sgd": 3, "baseline": 5})
    assert "`sgd`: seed 3 crashed" in sentence(found)


def test_steps_to_a_threshold_are_compared(lab: Trainings):
    for seed in range(5):
        lab.job("sgd", seed, loss_d=falling(0.4, settled=15 + seed))
        lab.job("baseline", seed, loss_d=falling(0.4, settled=150 + seed))
    body = "steps: {run: sgd, against: baseline, metric: Loss_D, below: 0.7, direction: lower, by: 80%}"
    found = judged(lab, it=body)["it"]
    assert found.word == "supported"
    assert "is first below 0.7" in sentence(found)


# --------------------------------------------------------------------------------- what stands for a verdict


def test_one_seed_is_described_and_never_judged(lab: Trainings):
    lab.scored("baseline", [100.0])
    lab.scored("sgd", [1.0])
    found = judged(lab, it=compare("lower", "by: 5%"), o="outcome: {run: sgd, samples: healthy}")
    assert {verdict.word for verdict in found.values()} == {"described"}
    assert found["it"].estimate == pytest.approx(-0.99)
    assert (found["it"].low, found["it"].p, found["it"].needed_seeds) == (None, None, None)
    assert "one seed describes" in sentence(found["it"])


def test_a_run_that_was_not_done_names_the_command_and_stops_no_other_claim(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.5))
    lab.unbegun("both")
    body = "compare: {run: both, against: baseline, metric: quality, direction: lower, by: 5%}"
    found = judged(lab, it=compare("lower", "by: 5%"), other=body)
    assert found["it"].word == "supported"
    assert found["other"].word == "not run"
    assert "`both`: seed 0 not begun" in sentence(found["other"])
    assert "make both baseline" in sentence(found["other"])


def test_scores_of_several_protocols_are_refused_and_the_difference_is_named(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", BASE, protocol={"protocol": "bb", "details": {"num_samples": 500}})
    found = judged(
        lab, it=compare("same", "within: 5%"), loss=compare("same", "within: 5%", "converged Loss_D")
    )
    assert found["it"].word == "refused"
    assert "num_samples 500 against 2000" in sentence(found["it"])
    assert found["loss"].word == "supported", "losses have no protocol"


LOSSES = ("converged Loss_D", "Loss_G at 50", "median D(x)")


@pytest.mark.parametrize(
    "other", [{"loss": "hinge"}, {"penalty": "r1"}, {"loss": {"options": {"smoothing": 0.1}}}]
)
def test_losses_of_different_objectives_are_refused_and_their_pictures_compare(lab: Trainings, other: dict):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.5), objective=other)
    steps = "steps: {run: sgd, against: baseline, metric: Loss_D, below: 1, direction: lower, by: 5%}"
    claims = {f"m{i}": compare("same", "within: 5%", metric) for i, metric in enumerate(LOSSES)}
    found = judged(lab, pictures=compare("lower", "by: 5%"), steps=steps, **claims)
    assert found["pictures"].word == "supported"
    probabilities = other != {"loss": "hinge"}
    refused = ("m0", "m1", "steps") if probabilities else ("m0", "m1", "m2", "steps")
    assert {name for name, verdict in found.items() if verdict.word == "refused"} == set(refused)
    words = sentence(found["m0"])
    assert words.startswith("`sgd` minimises ") and " and `baseline` non-saturating: " in words
    assert "Loss_D of different objectives does not compare; compare `quality`" in words


def test_losses_of_one_objective_compare_and_journals_without_a_declaration_are_non_saturating(
    lab: Trainings,
):
    lab.scored("baseline", BASE, objective={"loss": "hinge"})
    lab.scored("sgd", BASE, objective={"loss": "hinge", "penalty": "none"})
    assert judged(lab, it=compare("same", "within: 5%", LOSSES[0]))["it"].word == "supported"
    assert Declaration.of({}) == declaration(TrainingConfig())
    assert Declaration.of({"objective": {"unit": 3, "later": 1, "loss": "mine"}}).unit == "nats"


def test_a_job_scored_under_a_former_protocol_only_is_missing(lab: Trainings):
    lab.scored("baseline", BASE, asked={ScoreKind.FINAL: "aa"})
    lab.scored("sgd", BASE, asked={ScoreKind.FINAL: "aa"}, protocol={"protocol": "bb"})
    found = judged(lab, it=compare("same", "within: 5%"))["it"]
    assert found.word == "not run"
    assert "scores kept weights again" in sentence(found)


def test_a_metric_without_a_better_side_refuses_diverged_runs(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", BASE[:3])
    lab.job("sgd", 3, None, exit_="diverged")
    found = judged(lab, it=compare("higher", "by: 0.1", "final D(x)"))["it"]
    assert found.word == "refused"
    assert "claim its outcome instead" in sentence(found)


def test_a_share_of_what_is_not_positive_is_refused(lab: Trainings):
    for seed in range(3):
        lab.job("sgd", seed, loss_d=[0.0] * STEPS)
        lab.job("baseline", seed)
    assert judged(lab, it=compare("lower", "by: 5%", "converged Loss_D"))["it"].word == "refused"


def test_curves_too_short_for_a_level_are_missing_with_the_reason(lab: Trainings):
    for run in ("sgd", "baseline"):
        lab.job(run, 0, loss_d=[1.0] * 5, loss_g=[1.0] * 5)
    found = judged(lab, it=compare("lower", "by: 5%", "converged Loss_D"))["it"]
    assert "5 points of Loss_D" in sentence(found)


# --------------------------------------------------------------------------------------- families and seeds


def test_a_family_is_corrected_as_a_whole_with_members_that_were_not_run(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.93, [103.0, 98.0, 101.0, 97.0, 100.0]))
    lab.unbegun("both")
    absent = "family: f, compare: {run: both, against: sgd, metric: quality, direction: lower, by: 5%}"
    here = f"family: f, {compare('lower', 'by: 3%')}"
    found = judged(lab, alone=compare("lower", "by: 3%"), one=here, two=absent, three=absent)
    assert found["alone"].word == "supported"
    assert found["one"].p == found["alone"].p
    assert found["one"].adjusted_p == pytest.approx(holm([found["one"].p, 1, 1])[0])
    assert found["one"].word == "undecided"
    assert found["one"].needed_seeds is not None
    assert "in its family of 3 it does not" in sentence(found["one"])
    assert (found["two"].word, found["two"].family_size) == ("not run", 3)


def test_an_undecided_claim_says_how_many_seeds_it_needs_and_a_decided_one_does_not(lab: Trainings):
    random = np.random.default_rng(1)
    lab.scored("baseline", list(random.normal(100, 10, 4)))
    lab.scored("sgd", list(random.normal(85, 10, 4)))
    found = judged(lab, small=compare("lower", "by: 1%"), large=compare("lower", "by: 90%"))
    assert found["small"].word == "undecided"
    assert found["small"].needed_seeds is not None and found["small"].needed_seeds >= 1
    assert f"{found['small'].needed_seeds} more seed" in sentence(found["small"])
    assert (found["large"].word, found["large"].needed_seeds) == ("refuted", None)


# ------------------------------------------------------------------------------------------ the other kinds


def test_outcomes_are_counted(lab: Trainings):
    lab.scored("sgd", BASE, samples="noise")
    lab.job("sgd", 5, None, exit_="diverged", samples="noise", dynamics=None)  # the word of older journals
    lab.scored("baseline", BASE)
    found = judged(
        lab,
        against="outcome: {run: sgd, against: baseline, samples: noise}",
        most="outcome: {run: sgd, samples: noise}",
        diverged="outcome: {run: baseline, exit: diverged, share: 0.6}",
    )
    assert found["against"].word == "supported"
    assert found["against"].estimate == pytest.approx(5 / 6)
    assert found["most"].word == "undecided"
    assert found["diverged"].word == "refuted"
    assert "5 of 6 seeds of `sgd`" in sentence(found["most"])


@pytest.mark.parametrize(
    ("of", "part", "expected"),
    [
        ("optimizer", Factor.FIRST, 0.2),
        ("init", Factor.SECOND, -0.03),
        ("interaction", Factor.INTERACTION, -0.04),
    ],
)
def test_effects_of_two_factors_are_those_of_the_two_by_two(
    lab: Trainings, of: str, part: Factor, expected: float
):
    cells = {"baseline": 0.5, "weight-init": 0.49, "sgd": 0.72, "both": 0.67}
    for run, level in cells.items():
        for seed, shift in enumerate((-0.0025, 0.0, 0.0025)):
            lab.job(run, seed, measures={"precision_test": level + shift})
    names = "factors: [optimizer, init], runs: [[baseline, weight-init], [sgd, both]]"
    found = judged(
        lab, it=f"effect: {{of: {of}, {names}, metric: precision, direction: same, within: 0.02}}"
    )["it"]
    assert found.estimate == pytest.approx(expected)
    values = [[level - 0.0025, level, level + 0.0025] for level in cells.values()]
    effect = factor_effect(values, part, paired=False)
    assert (found.low, found.high) == (effect.low, effect.high)
    assert found.word == "refuted"


@pytest.mark.parametrize(
    ("levels", "direction", "margin", "verdict"),
    [
        ((200.0, 150.0, 100.0), "falling", "by: 10%", "supported"),
        ((100.0, 150.0, 200.0), "falling", "by: 10%", "refuted"),
        ((100.0, 150.0, 200.0), "rising", "by: 10%", "supported"),
        ((100.0, 100.0, 100.0), "flat", "within: 10%", "supported"),
        ((100.0, 150.0, 200.0), "flat", "within: 10%", "refuted"),
        ((400.0, 200.0, 230.0), "falling", "by: 0", "refuted"),
        ((400.0, 200.0, 200.0), "falling", "by: 0", "undecided"),
        ((100.0, 100.0, 150.0), "flat", "within: 10%", "refuted"),
    ],
)
def test_a_trend_over_ordered_runs(
    lab: Trainings, levels: tuple[float, ...], direction: str, margin: str, verdict: str
):
    runs = ("sgd-tenth", "sgd-half", "sgd")
    for run, level in zip(runs, levels, strict=True):
        lab.scored(run, times(level / 100))
    body = f"trend: {{runs: [{', '.join(runs)}], metric: quality, direction: {direction}, {margin}}}"
    assert judged(lab, it=body)["it"].word == verdict


def test_a_trend_of_what_crosses_zero_is_judged_in_units(lab: Trainings):
    runs = ("sgd-tenth", "sgd-half", "sgd")
    for run, level in zip(runs, (-1.0, 1.0, 3.0), strict=True):
        for seed, wobble in enumerate((0.0, 0.01, -0.01)):
            lab.job(run, seed, loss_d=[level + wobble] * STEPS)
    body = f"trend: {{runs: [{', '.join(runs)}], metric: converged Loss_D, direction: rising, by: 0.5}}"
    assert judged(lab, it=body)["it"].word == "supported"


def test_a_tie_with_the_margin_decides_nothing_whatever_the_last_bits(lab: Trainings):
    for seed in range(5):
        for run, accuracy in (("baseline", 0.9), ("sgd", 0.8), ("both", 0.7)):
            lab.job(run, seed, accuracy=accuracy)
    for run, by in (("sgd", "0.1"), ("both", "0.2")):
        body = compare("lower", f"by: {by}", "final accuracy_fake").replace("run: sgd", f"run: {run}")
        found = judged(lab, it=body)["it"]
        assert found.word == "undecided"
        assert f"it ends where below −{by}00 begins, and a tie decides nothing" in sentence(found)


def test_one_training_is_not_judged_as_two(lab: Trainings):
    """Under the names of two runs, or with seeds that change nothing."""
    lab.scored("baseline", BASE)
    lab.selected += [replace(one, run="sgd") for one in lab.selected]
    found = judged(lab, it=compare("same", "within: 10%"))["it"]
    assert found.word == "refused"
    assert "`baseline` and `sgd` are the same trainings" in found.reason


def test_seeds_that_end_with_the_same_weights_are_refused(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(2))
    for one in lab.selected:
        path = one.folder / "journal.jsonl"
        *before, outcome = journal.read(path).records
        weights = one.run if one.run == "sgd" else f"{one.run}-{one.seed}"
        path.write_bytes(b"".join(map(journal.encode, [*before, outcome | {"weights_sha256": weights}])))
    found = judged(lab, it=compare("higher", "by: 10%"), of="outcome: {run: baseline, samples: healthy}")
    assert found["it"].word == "refused"
    assert "`sgd` ended with the same weights with seeds 0 and 1" in found["it"].reason
    assert found["of"].word == "undecided"


def test_further_seeds_allow_for_choosing_one_change_of_a_trend_and_for_the_family(lab: Trainings):
    """The change alone would refute the trend at the family's level; chosen of two changes it does not."""
    lab.scored("sgd-tenth", [100.0, 108.0, 93.0])
    lab.scored("sgd-half", times(0.5, [103.0, 94.0, 106.0]))
    lab.scored("sgd", times(0.5, [97.0, 107.0, 95.0]))
    trend = "trend: {runs: [sgd-tenth, sgd-half, sgd], metric: quality, direction: falling, by: 20%}"
    found = judged(lab, it=f"family: f, {trend}", other="family: f, outcome: {run: both, samples: noise}")[
        "it"
    ]
    assert found.word == "undecided"
    assert 0.0125 < found.p / 2 < 0.025
    assert found.needed_seeds == 2


def test_the_best_of_a_study_is_held_against_its_reference(lab: Trainings):
    found = judged(
        lab,
        {"sgd-lr": records.whole_sgd_study()},
        worse="best: {study: sgd-lr, direction: higher, by: 50%}",
        good="best: {study: sgd-lr, direction: not-higher, by: 50%}",
    )
    assert (found["worse"].word, found["good"].word) == ("refuted", "supported")
    assert found["good"].n == {"sgd-lr: best": 3, "sgd-lr: adam-lr": 3}


def searches_of(bests: list[list[float]], references: list[list[float]]) -> dict[str, StudyResult]:
    """The independent searches of a study: the distances of the best setting and of the reference by fresh seed."""
    found = {}
    for search, (best, reference) in enumerate(zip(bests, references, strict=True)):
        name = f"sgd-lr-{search + 1}" if search else "sgd-lr"
        confirmations = {
            part: records.confirmed(
                part, {}, [records.result(*distance(d), seed) for seed, d in enumerate(values)]
            )
            for part, values in (("best", best), ("reference", reference))
        }
        found[name] = records.rate_study(name=name, searches=len(bests), **confirmations)
    return found


def distance(value: float) -> tuple[str, float | None]:
    return ("works", value) if math.isfinite(value) else ("diverged", None)


def test_several_searches_give_one_value_each_so_that_their_spread_counts(lab: Trainings):
    # Within a search the seeds agree to 1%; from search to search the best setting differs by a third.
    bests = [[100.0, 101.0], [140.0, 141.4], [120.0, 121.2]]
    references = [[150.0, 151.5], [160.0, 161.6], [155.0, 156.55]]
    body = "best: {study: sgd-lr, direction: lower, by: 5%}"
    several = judged(lab, searches_of(bests, references), it=body)["it"]
    alone = judged(lab, searches_of(bests[:1], references[:1]), it=body)["it"]
    assert (alone.word, several.word) == ("supported", "undecided")
    assert several.n == {"sgd-lr: best": 3, "sgd-lr: adam-lr": 3}
    assert several.groups[0].by_seed == pytest.approx([math.sqrt(a * b) for a, b in bests])
    words = sentence(several)
    assert "(geometric means of 3 searches)" in words and "searches would decide it" in words
    assert "covers seeds" not in words
    assert sentence(alone).endswith("One search was made: the interval covers seeds, not searches.")


def test_a_search_whose_best_diverged_on_a_fresh_seed_ranks_last_and_one_that_is_missing_is_named(
    lab: Trainings,
):
    searches = searches_of([[100.0, INF], [101.0, 102.0], [103.0, 104.0]], [[200.0, 201.0]] * 3)
    body = "best: {study: sgd-lr, direction: lower, by: 5%}"
    assert judged(lab, searches, it=body)["it"].groups[0].values[1] == INF
    searches["sgd-lr-3"] = searches["sgd-lr-3"].model_copy(update={"total_steps": 7})  # of another study
    found = judged(lab, searches, it=body)["it"]
    assert found.n == {"sgd-lr: best": 2, "sgd-lr: adam-lr": 2}
    assert "`sgd-lr: best`: search 3 not confirmed on fresh seeds yet" in sentence(found)


def test_a_window_contains_excludes_or_leaves_open(lab: Trainings):
    # Edges: 1.7e-3 to 3.6e-3 below, 0.055 to 0.19 above.
    found = judged(
        lab,
        {"sgd-lr": records.whole_sgd_study()},
        below="window: {study: sgd-lr, excludes: 2e-4}",
        above="window: {study: sgd-lr, excludes: 0.5}",
        inside="window: {study: sgd-lr, contains: 2e-2}",
        outside="window: {study: sgd-lr, contains: 2e-4}",
        not_excluded="window: {study: sgd-lr, excludes: 2e-2}",
        edge="window: {study: sgd-lr, contains: 2e-3}",
    )
    assert {name: verdict.word for name, verdict in found.items()} == {
        "below": "supported",
        "above": "supported",
        "inside": "supported",
        "outside": "refuted",
        "not_excluded": "refuted",
        "edge": "undecided",
    }
    assert "`edges` of the study" in sentence(found["edge"])


def test_a_study_that_was_not_run_or_not_confirmed_says_so(lab: Trainings):
    best = "best: {study: sgd-lr, direction: lower, by: 5%}"
    absent = judged(lab, it=best)["it"]
    assert (absent.word, "make sgd-lr" in sentence(absent)) == ("not run", True)
    begun = judged(
        lab, {"sgd-lr": records.rate_study()}, it=best, window="window: {study: sgd-lr, excludes: 2e-4}"
    )
    assert begun["it"].word == "not run" and "not confirmed" in sentence(begun["it"])
    assert begun["window"].word == "undecided" and "not located" in sentence(begun["window"])
