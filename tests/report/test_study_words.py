"""A study's findings in sentences, however much of the study is done."""

import pytest

from analysis.report.study_words import study_words
from tests import study_records as records
from tests.study_records import LR, result, trial


def words_of(**parts: object) -> str:
    return " ".join(study_words(records.rate_study(**parts)))


def test_the_findings_of_a_whole_study():
    assert study_words(records.whole_sgd_study()) == [
        "30 of 30 settings of `sgd` have been tried, each for 300 generator steps unless cut short: 14 work, "
        "7 end in noise, 6 let the discriminator win and 3 stall.",
        'The best setting, `optimizer.lr` = 0.0213, has fd_test (N = 2,000) 1,718 on 3 fresh seeds (1,654 to 1,759).',
        "The reference, `adam-lr-best`, has 1,829 on 3 fresh seeds (1,749 to 1,877). The best setting comes "
        "to 0.94 times that (0.88 to 0.99 times, seed by seed); lower is better.",
        "One search was made: these seeds do not say what another search would find.",
        "The report’s own setting, `optimizer.lr` = 2e-4, came out `noise` and `stalled` with seed 0 (why "
        "stalled), at a Fréchet distance of 7,053, 4.1 times that of the best setting.",
        "Training begins to work at `optimizer.lr` = 2.5e-3 (95% interval 1.7e-3 to 3.6e-3; 3 of 6 trainings "
        "on that side worked).",
        "Training ceases to work at `optimizer.lr` = 0.1 (95% interval 0.055 to 0.19; 2 of 6 trainings on "
        "that side worked).",
        '7 of the search’s 45 trainings were cut short, which saved 1,400 of 13,500 generator steps (10%).',
    ]  # fmt: skip


def test_seeds_without_a_score_are_counted_and_no_ratio_is_made_of_the_rest():
    best = records.confirmed("b", {LR: 0.02}, [result("works", 1800.0, 100), result("diverged", None, 101)])
    words = words_of(best=best, reference=records.confirmed("a", {}, [result("works", 1700.0, 100)]))
    assert "1,800 on 1 of 2 fresh seeds; 1 of the seeds `diverged`" in words
    assert "A ratio needs a score from every seed of both" in words
    assert " times that (" not in words


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ([], "nothing was trained on the upper side"),
        ([(0.01, "works"), (1.0, "works")], "every one of 2 trainings from 0.01 to 1 worked"),
        ([(0.1, "diverged")], "none of 1 training at 0.1 worked"),
    ],
)
def test_an_edge_that_was_not_located_has_a_reason(tried: list[tuple[float, str]], words: str):
    results = [(x, result(regime, 2000.0, 300)) for x, regime in tried]
    found = words_of(edges={"upper": records.edge((None, None, None), results)})
    assert f"ceases to work was not located: {words}" in found


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([], "No setting of `sgd` has been tried to its end yet; 1 are planned."),
        ([trial(0, 1e-3, [result("noise", 5000.0)])], "though it ends in noise; fresh seeds"),
        (
            [trial(0, 1e-3, [result("noise", 5000.0)]), trial(1, 0.01, [result("works", 2000.0)])],
            "2,000; fresh seeds",
        ),
        ([trial(0, 1e-3, []).model_copy(update={"state": "complete", "regime": "crashed"})], "1 crashes."),
        ([trial(0, 2e-4, [], enqueued=True)], "2e-4, has not been trained to its end yet."),
        (
            [trial(0, 3e-4, [result("noise", 5000.0)], enqueued=True)],
            "The enqueued setting, `optimizer.lr` = 3e-4,",
        ),
        ([trial(0, 0.1, [result("diverged")])], "No training of the search was cut short; it took 150"),
    ],
)
def test_the_sentences_follow_the_trials(trials: list[records.TrialRecord], words: str):
    assert words in " ".join(study_words(records.study(trials)))


def test_the_other_objective_has_its_own_unit():
    found = records.study(
        [trial(0, 0.01, [result("works")]).model_copy(update={"value": 3.0})],
        objective=records.ObjectiveConfig(name="spectrum_distance"),
    )
    assert "with spectrum distance in dB 3.000" in " ".join(study_words(found))


def test_a_study_of_several_numbers_has_no_edges():
    assert "edge" not in " ".join(study_words(records.pair_study()))


def test_independent_searches_are_listed_with_what_each_found():
    first = records.rate_study(searches=3, best=records.confirmed("b", {LR: 0.02}, [result("works", 1800.0)]))
    second = records.rate_study(
        searches=3, best=records.confirmed("b", {LR: 0.05}, [result("works", 2000.0)])
    )
    assert (
        "2 of 3 independent searches have confirmed a best setting: `optimizer.lr` = 0.02 with 1,800 and "
        "`optimizer.lr` = 0.05 with 2,000. Their spread is that of repeating the search."
    ) in study_words(first, [second, records.rate_study(searches=3)])
