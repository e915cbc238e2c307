"""Claims that are judged at several looks: by the seeds of each, at its level, and in what words."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.claims import Evidence
from analysis.claims.judging import Look, Verdict, judge_claims
from analysis.claims.words import cells, record, sentence
from analysis.statistics.looks import look_levels
from tests.claim_journals import BASE, STEPS, Trainings, claims_of, compare, times

COUNTS = (3, 5, 8)
LEVELS = look_levels(COUNTS)
LOWER = compare("lower", "by: 5%")


def look(index: int) -> Look:
    return Look(tuple(range(COUNTS[index])), COUNTS, LEVELS)


def judged(lab: Trainings, looks: dict[str, Look], **bodies: str) -> dict[str, Verdict]:
    claims = claims_of(lab.folder, **bodies)
    found = judge_claims(claims, Evidence(lab.frames(), {}), lambda _: "", looks)
    return {verdict.claim.name: verdict for verdict in found}


@pytest.fixture
def eight(lab: Trainings) -> Trainings:
    """Eight seeds of two runs; the last three of `sgd` are far off."""
    lab.scored("baseline", [100.0, 104.0, 97.0, 101.0, 99.0, 100.0, 100.0, 100.0])
    lab.scored("sgd", [86.0, 98.0, 82.0, 92.0, 86.0, 200.0, 200.0, 200.0])
    return lab


def test_a_look_has_its_seeds_and_its_level(eight: Trainings):
    found = judged(eight, {"it": look(1)}, it=LOWER)["it"]
    assert found.n == {"sgd": 5, "baseline": 5}
    assert found.level == pytest.approx(LEVELS[1])
    once = judged(eight, {"it": Look(tuple(range(5)))}, it=LOWER)["it"]
    assert (once.n, once.level, once.look) == (found.n, 0.95, None), "the only look"
    assert found.low < once.low and once.high < found.high
    assert found.p == once.p
    assert found.adjusted_p == pytest.approx(min(1, found.p * 0.05 / (1 - LEVELS[1])))


def test_what_is_enough_for_one_look_may_be_too_little_for_one_of_several(eight: Trainings):
    once = judged(eight, {"it": Look(tuple(range(5)))}, it=LOWER)["it"]
    several = judged(eight, {"it": look(1)}, it=LOWER)["it"]
    assert 1 - LEVELS[1] < once.p < 0.05
    assert (once.word, several.word) == ("supported", "undecided")
    assert several.needed_seeds is None, "the next look is fixed already"
    later = replace(look(1), levels=(0.99, 0.96, 0.99))
    assert judged(eight, {"it": later}, it=LOWER)["it"].word == "supported"


def test_a_look_takes_all_of_its_seeds(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", BASE[:3])
    lab.unbegun("sgd", 3)
    lab.unbegun("sgd", 4)
    assert judged(lab, {"it": look(0)}, it=LOWER)["it"].word != "not run"
    early = judged(lab, {"it": look(1)}, it=LOWER)["it"]
    assert (early.word, early.p) == ("not run", None)
    assert "Look 2 of 3 is at 5 seeds: `sgd`: seeds 3, 4 not begun." in sentence(early)
    fixed = judged(lab, {"it": Look(tuple(range(5)))}, it=LOWER)["it"]
    assert fixed.groups[0].lacking == "seeds 3, 4 not begun", "a report judges what there is"


def test_seeds_that_are_not_of_a_look_change_nothing_at_it(lab: Trainings):
    """Neither a threshold that comes from untrained scores, nor a refusal for a training that diverged."""
    down = {0: 100.0, 10: 80.0, 16: 60.0, 25: 40.0, 40: 30.0, 63: 20.0, 100: 10.0, 160: 10.0, STEPS: 10.0}
    for seed in range(3):
        lab.job("baseline", seed, along=down)
        lab.job("sgd", seed, along={step: value * (1 + seed / 50) for step, value in down.items()})
    claims = {
        "reached": "steps: {run: sgd, against: baseline, metric: quality, below: 50%, direction: same, within: 50%}",
        "accuracy": compare("same", "within: 0.1", "median accuracy_fake"),
    }
    looks = dict.fromkeys(claims, look(0))
    before = judged(lab, looks, **claims)
    for run in ("baseline", "sgd"):
        lab.job(run, 3, along={step: 10 * value for step, value in down.items()})
    lab.job("sgd", 4, exit_="diverged", samples=None, dynamics=None)
    after = judged(lab, looks, **claims)
    for name in claims:
        assert before[name].estimate is not None
        assert [group.values for group in after[name].groups] == [g.values for g in before[name].groups]
        assert (after[name].word, after[name].p) == (before[name].word, before[name].p)


def test_a_family_is_corrected_by_the_p_values_of_all_looks(lab: Trainings):
    """A claim that was decided at an early look stays decided, and leaves its share to the others."""
    lab.scored("baseline", [*BASE, *BASE[:3]])
    lab.scored("sgd", times(0.5, [*BASE, *BASE[:3]]))
    lab.scored("both", times(0.94, [101.0, 99.0, 100.5, 99.5, 100.0, 99.8, 100.2, 101.0]))
    both = LOWER.replace("run: sgd", "run: both")
    alone = judged(lab, {"b": look(2)}, b=both)["b"]
    found = judged(lab, {"a": look(0), "b": look(2)}, a=f"family: f, {LOWER}", b=f"family: f, {both}")
    assert found["a"].word == "supported"
    assert (found["a"].n["sgd"], found["b"].n["both"]) == (3, 8)
    p = [found[name].p * 0.05 / (1 - one.level) for name, one in (("a", look(0)), ("b", look(2)))]
    assert p[0] < p[1]
    assert found["a"].adjusted_p == pytest.approx(2 * p[0])
    assert found["b"].adjusted_p == pytest.approx(max(2 * p[0], p[1]))
    assert found["b"].adjusted_p == pytest.approx(max(alone.adjusted_p, found["a"].adjusted_p))


@pytest.mark.parametrize("direction, margin", [("same", "within: 20%"), ("not-higher", "by: 20%")])
def test_every_look_at_a_tolerance_has_the_limit_on_failures_of_the_last(
    lab: Trainings, direction: str, margin: str
):
    """Eight seeds without a failure exclude 43 points at the level of their look. Fewer cannot, even where no training
    fails, and so support nothing; they refute at once."""
    lab.scored("baseline", [*BASE, *BASE[:3]])
    lab.scored("sgd", [*BASE, *BASE[:3]])
    lab.scored("both", times(2, [*BASE, *BASE[:3]]))
    claim = compare(direction, margin)
    early, late = (judged(lab, {"it": look(index)}, it=claim)["it"] for index in (1, 2))
    assert (early.word, late.word) == ("undecided", "supported")
    assert "0 of 5 seeds" in early.objection
    assert f"more by {100 * (1 - ((1 - LEVELS[2]) / 2) ** (1 / 8)):.0f} points" in early.objection
    assert "the last look is at 8" in early.objection
    other = claim.replace("run: sgd", "run: both")
    assert judged(lab, {"it": look(0)}, it=other)["it"].word == "refuted"
    assert judged(lab, {"it": Look(tuple(range(5)))}, it=claim)["it"].word == "supported", (
        "the only look has its own"
    )


def test_the_words_name_the_look_and_the_next_one(eight: Trainings):
    early, late = (judged(eight, {"it": look(index)}, it=LOWER)["it"] for index in (1, 2))
    assert "This is look 2 of 3, at 5 seeds of at most 8, judged at 98.84%" in sentence(early)
    assert "the next is at 8 seeds." in sentence(early)
    assert "--until-decided" not in sentence(early)
    assert "it was the last." in sentence(late)
    assert cells(early)[3].endswith(" (98.84%)")
    assert cells(early)[-1] == "look at 8"
    assert cells(late)[-1] == "–"
    assert "over its looks" in cells(early)[5]
    told = record(early)["look"]
    assert (told["number"], told["counts"], told["seeds"]) == (2, COUNTS, (0, 1, 2, 3, 4))


def test_looks_beside_are_named(eight: Trainings):
    verdict = judged(eight, {"it": Look(tuple(range(5)))}, it=LOWER)["it"]
    words = sentence(replace(verdict, judged_before=(2, 3)))
    assert "It was also judged on 2 and 3 of these seeds, as if that look were the only one" in words
    assert "`ablate run --until-decided` fixes its looks beforehand" in words
    assert record(replace(verdict, judged_before=(2,)))["judged_before"] == [2]


def test_an_undecided_claim_points_to_looks_that_are_fixed_beforehand(tmp_path: Path):
    lab = Trainings(tmp_path)
    lab.scored("baseline", [90.0, 100.0, 112.0])
    lab.scored("sgd", [70.0, 80.0, 90.0])
    verdict = judged(lab, {}, it=LOWER)["it"]
    assert verdict.needed_seeds is not None
    assert "`ablate run --until-decided` adds them, and allows for looking again" in sentence(verdict)
