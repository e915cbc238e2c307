"""The `claims` of a specification: what they mean, and what is said of those that cannot be judged as written."""

import re
from pathlib import Path

import pytest

from ablations.spec import SpecError, load_spec
from analysis.claims import KINDS, Claim, Evidence
from analysis.claims._base import Margin
from analysis.claims.closes import Closes
from analysis.claims.judging import judge_claims
from analysis.claims.metrics import Metric, claimable
from analysis.claims.reading import claims_of as claims_in
from analysis.claims.reading import guests, read_claims
from fakeface.evaluation.measures import MEASURES
from fakeface.gan.series import PROBE_SERIES, STEP_SERIES
from tests.claim_journals import RUNS, claims_of, report_of

ROOT = Path(__file__).parents[2]
COMPARE = "compare: {run: sgd, against: baseline, metric: %s, direction: lower, by: 5%%}"
LINE = 2 + len(RUNS) + 3 + 1
"""Of the only claim in a file by `claims_of`."""


def claim_of(folder: Path, body: str) -> Claim:
    return claims_of(folder, it=body)[0]


def test_what_every_training_logs_and_every_claimable_measure_can_be_claimed_about():
    measures, series = claimable()
    assert set(series) == {*STEP_SERIES, *PROBE_SERIES}
    assert measures[0] == "quality"
    assert {"fd", *measures[1:]} == {key for key in MEASURES if MEASURES[key].record.claimable}
    assert {"kd", "precision", "recall"} <= set(measures)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("quality", Metric("", "quality")),
        ("recall", Metric("", "recall")),
        ("converged Loss_D", Metric("converged", "Loss_D")),
        ("oscillation Loss_G", Metric("oscillation", "Loss_G")),
        ("Loss_D at 50", Metric("at", "Loss_D", 50)),
        ("D(G(z))_after at 20", Metric("at", "D(G(z))_after", 20)),
        ("area quality", Metric("area", "quality")),
        ("best quality at 1000", Metric("best", "quality", 1000)),
        ("final D(x)", Metric("final", "D(x)")),
        ("median update_ratio_G", Metric("median", "update_ratio_G")),
    ],
)
def test_a_metric_is_a_summary_and_what_is_logged(tmp_path: Path, text: str, metric: Metric):
    assert claim_of(tmp_path, COMPARE % text).kind.compared == metric


@pytest.mark.parametrize(
    ("written", "margin"),
    [
        ("by: 5%", Margin(0.05, relative=True)),
        ("by: 2.5 %", Margin(0.025, relative=True)),
        ("by: 0", Margin(0.0, relative=True)),
    ],
)
def test_a_margin_is_a_number_or_a_share(tmp_path: Path, written: str, margin: Margin):
    body = f"compare: {{run: sgd, against: baseline, metric: quality, direction: lower, {written}}}"
    assert claim_of(tmp_path, body).kind.margin == margin


@pytest.mark.parametrize("metric", ["quality", "median update_ratio_G"])
def test_what_spreads_by_factors_takes_a_share_and_anything_else_also_a_number(tmp_path: Path, metric: str):
    body = "compare: {run: sgd, against: baseline, metric: %s, direction: lower, by: 0.05}"
    with pytest.raises(SpecError, match=r"spreads by factors.*give a share such as 10% \(got 0\.05\)"):
        claim_of(tmp_path, body % metric)
    for other in ("recall", "converged Loss_D", "Loss_D at 50"):
        assert claim_of(tmp_path, body % other).kind.margin == Margin(0.05, relative=False)


def test_a_claim_knows_the_runs_that_it_names_in_its_order(tmp_path: Path):
    cells = "factors: [optimizer, init], runs: [[baseline, weight-init], [sgd, both]]"
    claims = claims_of(
        tmp_path,
        compare=COMPARE % "quality",
        effect=f"effect: {{of: init, {cells}, metric: quality, direction: same, within: 5%}}",
        trend="trend: {runs: [sgd-tenth, sgd-half, sgd], metric: quality, direction: falling, by: 0}",
        outcome="outcome: {run: sgd, samples: noise}",
        closes="closes: {run: sgd-half, base: baseline, start: sgd, goal: baseline, at_least: 50%}",
        best="best: {study: sgd-lr, direction: not-higher, by: 10%}",
    )
    assert [claim.kind.named_runs for claim in claims] == [
        ("sgd", "baseline"),
        ("baseline", "weight-init", "sgd", "both"),
        ("sgd-tenth", "sgd-half", "sgd"),
        ("sgd",),
        ("sgd-half", "sgd", "baseline"),
        (),
    ]
    assert claims[-1].kind.named_study == "sgd-lr"
    assert claims[-2].kind.subjects == ("sgd-half",), "a report on the ends of a gap is not about its steps"


def test_steps_claims_say_which_threshold_on_which_side(tmp_path: Path):
    body = "steps: {run: sgd, against: baseline, metric: D(x), above: 0.9, direction: lower, by: 80%}"
    metric = claim_of(tmp_path, body).kind.compared
    assert metric == Metric("reached", "D(x)", threshold=0.9, side="above")
    assert str(metric) == "steps until D(x) ≥ 0.9"
    assert metric.words == "the step at which the median of the last 20 values of D(x) is first above 0.9"
    share = claim_of(tmp_path, body.replace("D(x), above: 0.9", "quality, below: 50%")).kind.compared
    assert share == Metric("reached", "quality", threshold=0.5, side="below", untrained="baseline")
    assert (
        share.words
        == "the step at which the Fréchet distance is first below 50% of an untrained `baseline`'s"
    )


def difference(run: str = "sgd", metric: str = "quality", rest: str = "direction: lower, by: 5%") -> str:
    return f"compare: {{run: {run}, against: baseline, metric: {metric}, {rest}}}"


def closes(rest: str, run: str = "sgd-half", start: str = "sgd") -> str:
    return f"closes: {{run: {run}, start: {start}, goal: baseline, {rest}}}"


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
        ("outcome: {run: sgd, samples: noise, by: 0.5}", "`by` is for `against` another run"),
        ("outcome: {run: sgd, against: both, samples: noise, share: 0.5}", "`share` is for a run by itself"),
        (
            "trend: {runs: [sgd, both], metric: quality, direction: falling, by: 0}",
            "needs three runs or more",
        ),
        (
            difference(metric="steps-to-converge Loss_D"),
            "withdrawn, since it changes with the length of a training",
        ),
        (difference(metric="steps-to-converge Loss_D"), "write `area quality`, `Loss_D at 50`"),
        (difference(metric="Loss_D at 19"), "`at` must name step 20 or a later one (got 19)"),
        (difference(metric="Loss_H at 50"), "unknown logged metric 'Loss_H'"),
        (difference(metric="quality at 50"), "write `best quality at 50`, or `area`"),
        (difference(metric="converged Loss_D at 50"), "write `Loss_D at 50`"),
        (difference(metric="area recall"), "unknown measure along a run 'recall'"),
        ("steps: {run: sgd, against: both, metric: Loss_D, direction: lower, by: 5%}", "give `below` or"),
        (
            "steps: {run: sgd, against: both, metric: Loss_D, below: 50%, direction: lower, by: 5%}",
            "a share (50%) is for a measure: give a number for Loss_D",
        ),
        (
            "steps: {run: sgd, against: both, metric: recall, below: 1, direction: lower, by: 5%}",
            "unknown logged metric 'recall'",
        ),
        ("window: {study: sgd-lrr, excludes: 2e-4}", "did you mean 'sgd-lr'"),
        ("window: {study: sgd-lr}", "give `contains` or `excludes`"),
        ("best: {study: adam-lr, direction: lower, by: 5%}", "has no `reference`"),
        ("family: f, window: {study: sgd-lr, excludes: 2e-4}", "cannot be in a `family`"),
        (closes("at_least: 50%", run="sdg"), "unknown run 'sdg'"),
        (closes("at_least: 50%", run="baseline"), "the run 'baseline' is named twice"),
        (closes("at_least: 50%", start="baseline"), "there is no gap"),
        (closes("at_least: half"), "must be a share such as 50% or -25% (got 'half')"),
        (closes("at_least: 50%, at_most: 75%"), "give one of `at_least`, `at_most` and `within`"),
        (closes("within: -5%"), "`within` must be > 0"),
        (closes("metric: final D(x), at_least: 50%"), "has no better side"),
        (
            "effect: {of: inits, factors: [optimizer, init], runs: [[baseline, weight-init], [sgd, both]], "
            "metric: quality, direction: same, within: 5%}",
            "did you mean 'init'",
        ),
    ],
)
def test_a_claim_that_cannot_be_judged_as_written_has_an_error_with_its_line(
    tmp_path: Path, body: str, words: str
):
    with pytest.raises(SpecError) as caught:
        claim_of(tmp_path, body)
    assert f"runs.yaml:{LINE}:" in str(caught.value)
    assert words in str(caught.value)


def test_every_problem_of_a_claim_comes_at_once(tmp_path: Path):
    with pytest.raises(SpecError) as caught:
        claims_of(
            tmp_path, a=difference(run="sdg", metric="qualitty"), b="outcome: {run: bth, samples: noise}"
        )
    assert len(caught.value.problems) == 3


def test_errors_of_claims_and_of_the_rest_come_at_once_in_the_files_order(tmp_path: Path):
    path = tmp_path / "runs.yaml"
    path.write_text(
        "runs:\n  a: {optimizer: {lr: 0}}\n  b: {}\nclaims:\n"
        "  x: {says: It is so., compare: {run: a, against: nowhere, metric: qualitty, direction: lower, by: 5%}}\n"
        "  y: 3\n"
    )
    with pytest.raises(SpecError) as caught:
        load_spec(path, check_claims=read_claims)
    lines = str(caught.value).replace(f"{path}:", "").splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["2:23", "5:68", "6:6"], lines
    path.write_text(
        path.read_text().replace("lr: 0", "lr: 1").replace("qualitty", "quality").replace("y: 3", "y:")
    )
    with pytest.raises(SpecError, match="unknown run 'nowhere'"):
        load_spec(path, check_claims=read_claims)


def test_a_group_comes_with_what_the_families_of_its_ladder_name(tmp_path: Path):
    claims_of(
        tmp_path,
        one=f"family: f, {closes('at_least: 50%', run='sgd-tenth')}",
        two="family: f, compare: {run: both, against: weight-init, metric: quality, direction: lower, by: 0}",
        other="compare: {run: sgd-tenth, against: sgd-half, metric: quality, direction: lower, by: 0}",
    )
    spec = load_spec(tmp_path / "runs.yaml")
    assert guests(spec, {"sgd-tenth"}) == {"sgd-tenth", "sgd", "baseline", "both", "weight-init"}
    assert guests(spec, {"sgd", "baseline"}) == set(), "the ends of a gap do not bring its steps"


@pytest.mark.parametrize("profile", ["quick", "standard", "paper"])
def test_the_shipped_file_states_every_conclusion_and_guess_of_the_report(profile: str):
    spec = load_spec(ROOT / "runs.yaml", profile=profile, check_claims=read_claims)
    claims = claims_in(spec)
    quoted = re.compile(r'the report, ((conclusion|guess) [123]): ".+"')
    sources = {found[1] for claim in claims if (found := quoted.fullmatch(claim.source))}
    assert sources == {f"{what} {i}" for what in ("conclusion", "guess") for i in (1, 2, 3)}
    assert {KINDS[name] for name in KINDS} == {type(claim.kind) for claim in claims}, (
        "each kind has an example"
    )
    group = {run.name for run in spec.runs if run.group == "why-sgd"}
    assert {claim.kind.run for claim in claims if isinstance(claim.kind, Closes)} == group, (
        "each run of the ladder tests a cause"
    )
    assert guests(spec, group) - group == {"baseline", "sgd", "weight-init"}


def test_shipped_families_are_small_enough_to_decide_anything():
    claims = claims_in(load_spec(ROOT / "runs.yaml"))
    families = [claim.family for claim in claims if claim.family is not None]
    assert max(families.count(family) for family in families) <= 4


def test_each_conclusion_of_the_report_is_decided_by_five_seeds_of_trainings_like_those_that_were_seen(
    tmp_path: Path,
):
    claims = [one for one in claims_in(load_spec(ROOT / "runs.yaml")) if "conclusion" in one.source]
    found = judge_claims(claims, Evidence(report_of(tmp_path, 5).frames(), {}), lambda _: "")
    assert {verdict.claim.name: str(verdict.word) for verdict in found} == {
        "d-as-before": "supported", "d-as-sure": "supported", "g-as-fast": "supported", "g-lower": "refuted",
        "init-pictures": "supported", "sgd-d-fast": "refuted", "sgd-d-sure": "refuted", "sgd-noise": "supported",
        "sgd-mostly-noise": "undecided", "both-d-same": "supported", "both-noise": "supported",
    }  # fmt: skip
