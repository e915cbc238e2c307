"""Claims in the specification: what they resolve to, and what is told of those that cannot be judged as written."""

from pathlib import Path

import pytest

from ablations.spec import Claim, SpecError, load_spec
from ablations.spec.claims import SERIES, Margin, Metric
from fakeface.gan.series import PROBE_SERIES, STEP_SERIES
from tests.claim_journals import RUNS, claims_of

ROOT = Path(__file__).parents[2]
COMPARE = "compare: {run: sgd, against: baseline, metric: %s, direction: lower, by: 5%%}"
LINE = 2 + len(RUNS) + 3 + 1
"""Of the only claim in a file by `claims_of`."""


def claim_of(folder: Path, body: str) -> Claim:
    return claims_of(folder, it=body)[0]


def test_what_every_training_logs_can_be_claimed_about():
    assert set(SERIES) == {*STEP_SERIES, *PROBE_SERIES}


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("quality", Metric("quality")),
        ("converged Loss_D", Metric("converged", "Loss_D")),
        ("oscillation Loss_G", Metric("oscillation", "Loss_G")),
        ("steps-to-converge Loss_D", Metric("steps-to-converge", "Loss_D")),
        ("final D(x)", Metric("final", "D(x)")),
        ("median update_ratio_G", Metric("median", "update_ratio_G")),
    ],
)
def test_a_metric_is_a_summary_and_what_is_logged(tmp_path: Path, text: str, metric: Metric):
    assert claim_of(tmp_path, COMPARE % text).metric == metric


@pytest.mark.parametrize(
    ("written", "margin"),
    [
        ("by: 5%", Margin(0.05, relative=True)),
        ("by: 0.05", Margin(0.05, relative=False)),
        ("by: 2.5 %", Margin(0.025, relative=True)),
        ("by: 0", Margin(0.0, relative=False)),
    ],
)
def test_a_margin_is_a_number_or_a_share(tmp_path: Path, written: str, margin: Margin):
    body = f"compare: {{run: sgd, against: baseline, metric: quality, direction: lower, {written}}}"
    assert claim_of(tmp_path, body).margin == margin


def test_a_claim_knows_the_runs_that_it_names_in_its_order(tmp_path: Path):
    cells = "factors: [optimizer, init], runs: [[baseline, weight-init], [sgd, both]]"
    claims = claims_of(
        tmp_path,
        compare=COMPARE % "quality",
        effect=f"effect: {{of: init, {cells}, metric: quality, direction: same, within: 5%}}",
        trend="trend: {runs: [sgd-tenth, sgd-half, sgd], metric: quality, direction: falling, by: 0}",
        outcome="outcome: {run: sgd, samples: noise}",
        study="study: {name: sgd-lr, best: {direction: not-higher, by: 10%}}",
    )
    assert [claim.runs for claim in claims] == [
        ("sgd", "baseline"),
        ("baseline", "weight-init", "sgd", "both"),
        ("sgd-tenth", "sgd-half", "sgd"),
        ("sgd",),
        (),
    ]
    assert claims[-1].study == "sgd-lr"


def test_steps_claims_say_which_threshold_on_which_side(tmp_path: Path):
    body = "steps: {run: sgd, against: baseline, metric: D(x), above: 0.9, direction: lower, by: 80%}"
    metric = claim_of(tmp_path, body).metric
    assert metric == Metric("reached", "D(x)", 0.9, "above")
    assert str(metric) == "steps until D(x) ≥ 0.9"


def difference(run: str = "sgd", metric: str = "quality", rest: str = "direction: lower, by: 5%") -> str:
    return f"compare: {{run: {run}, against: baseline, metric: {metric}, {rest}}}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (difference(run="sdg"), "unknown run 'sdg' — did you mean 'sgd'?"),
        (difference(run="baseline"), "the run 'baseline' is named twice"),
        (difference(metric="qualitty"), "did you mean 'quality'"),
        (difference(metric="convergd Loss_D"), "did you mean 'converged'"),
        (difference(metric="converged Loss_H"), "unknown logged metric 'Loss_H'"),
        (difference(metric="converged"), "unknown logged metric ''"),
        (difference(rest="direction: lowr, by: 5%"), "must be one of 'lower'"),
        (difference(rest="direction: lower"), "lacks `by`: the smallest difference that matters"),
        (difference(rest="direction: same"), "lacks `within`"),
        (difference(rest="direction: same, by: 5%"), "`same` takes its margin as `within`"),
        (difference(rest="direction: lower, within: 5%"), "`lower` takes its margin as `by`"),
        (difference(rest="direction: same, within: 0"), "must be > 0 (got 0)"),
        (difference(rest="direction: not-lower, by: 0%"), "must be > 0 (got 0%)"),
        (difference(rest="direction: lower, by: -1"), "must be >= 0"),
        (difference(rest="direction: lower, by: 100%"), "nothing is lower by 100% or more"),
        (difference(rest="direction: lower, by: much"), "must be a number or a share such as 5%"),
        (difference(rest="direction: lower, bye: 5%"), "unknown key 'bye'"),
        (f"{COMPARE % 'quality'}, outcome: {{run: sgd, samples: noise}}", "got compare and outcome"),
        ("source: nobody", "got none"),
        ("outcome: {run: sgd}", "give one of `exit`, `samples` and `dynamics`"),
        ("outcome: {run: sgd, samples: noisy}", "must be one of 'healthy'"),
        ("outcome: {run: sgd, samples: noise, share: 1}", "must be < 1"),
        ("outcome: {run: sgd, samples: noise, by: 0.5}", "is for `against` another run"),
        ("outcome: {run: sgd, against: both, samples: noise, share: 0.5}", "is for a run by itself"),
        (
            "trend: {runs: [sgd, both], metric: quality, direction: falling, by: 0}",
            "needs three runs or more",
        ),
        ("steps: {run: sgd, against: both, metric: Loss_D, direction: lower, by: 5%}", "give `below` or"),
        ("study: {name: sgd-lrr, window: {excludes: 2e-4}}", "did you mean 'sgd-lr'"),
        ("study: sgd-lr", "give `best` or `window`"),
        ("study: {name: sgd-lr, window: {}}", "give `contains` or `excludes`"),
        ("study: {name: adam-lr, best: {direction: lower, by: 5%}}", "has no `reference`"),
        ("family: f, study: {name: sgd-lr, window: {excludes: 2e-4}}", "cannot be in a `family`"),
        (
            "effect: {of: inits, factors: [optimizer, init], runs: [[baseline, weight-init], [sgd, both]], "
            "metric: quality, direction: same, within: 5%}",
            "did you mean 'init'",
        ),
    ],
)
def test_a_claim_that_cannot_be_judged_as_written_is_told_with_its_line(
    tmp_path: Path, body: str, words: str
):
    with pytest.raises(SpecError) as caught:
        claim_of(tmp_path, body)
    assert f"runs.yaml:{LINE}:" in str(caught.value)
    assert words in str(caught.value)


def test_every_problem_of_a_claim_is_told_at_once(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        claims_of(
            tmp_path, a=difference(run="sdg", metric="qualitty"), b="outcome: {run: bth, samples: noise}"
        )
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("profile", ["quick", "standard", "paper"])
def test_the_shipped_file_states_every_conclusion_and_guess_of_the_report(profile: str):
    claims = load_spec(ROOT / "runs.yaml", profile=profile).claims
    sources = {claim.source for claim in claims}
    assert {f"the report, conclusion {i}" for i in (1, 2, 3)} | {
        f"the report, guess {i}" for i in (1, 2, 3)
    } <= sources


def test_shipped_families_are_small_enough_to_decide_anything():
    families: dict[str, int] = {}
    for claim in load_spec(ROOT / "runs.yaml").claims:
        if claim.family is not None:
            families[claim.family] = families.get(claim.family, 0) + 1
    assert max(families.values()) <= 4
