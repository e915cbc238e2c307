"""Verdicts in words and numbers."""

import pytest

from analysis.claims.words import cells, record, sentence, tally
from tests.claim_journals import BASE, Trainings, compare, judged, times


def test_the_record_has_every_number_of_the_verdict(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.8))
    told = record(judged(lab, it=compare("lower", "by: 5%"))["it"])
    assert (told["id"], told["verdict"], told["n"]) == ("it", "supported", {"sgd": 5, "baseline": 5})
    assert told["estimate"] == pytest.approx(-0.2)
    assert told["interval"][0] <= told["estimate"] <= told["interval"][1]
    assert {"says", "words", "level", "method", "p", "adjusted_p", "needed_seeds", "values"} <= set(told)


def test_the_tally_counts_every_claim_once(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.8))
    lab.unbegun("both")
    body = "outcome: {run: both, samples: noise}"
    found = judged(lab, a=compare("lower", "by: 5%"), b=compare("higher", "by: 5%"), c=body)
    assert tally(list(found.values())) == "Of 3 claims 1 is supported, 1 is refuted and 1 is not run."


def test_a_margin_and_a_difference_beside_it_do_not_round_to_the_same(lab: Trainings):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(0.956))
    found = judged(lab, it=compare("lower", "by: 5%"))["it"]
    assert cells(found)[2] == "−4.4%"
    assert "below −5%" in sentence(found)


@pytest.mark.parametrize(
    "body, words",
    [
        (compare("lower", "by: 12.5%"), "below −12.5%"),
        (compare("same", "within: 12.5%"), "between −11% and +12.5%"),
        ("closes: {run: both, start: sgd, goal: baseline, at_least: 12.5%}", "above 12.5%"),
        ("outcome: {run: sgd, samples: healthy, share: 0.625}", "above 62.5%"),
        ("outcome: {run: sgd, against: baseline, samples: noise, by: 0.125}", "above +12.5 points"),
    ],
)
def test_a_margin_is_written_with_all_of_its_digits(lab: Trainings, body: str, words: str):
    lab.scored("baseline", BASE)
    lab.scored("sgd", times(2))
    lab.scored("both", times(1.8))
    assert words in sentence(judged(lab, it=body)["it"])
