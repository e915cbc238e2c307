"""The last score of each job in numbers, with its errors, and the table that shows it."""

import math
from pathlib import Path

import pytest

from ablations.store.journal import Journal
from analysis.frames.jobs import Selected, load
from analysis.frames.quality import Scores, scores_of
from analysis.report.quality import QualityView, quality_view
from analysis.wording import number
from fakeface.evaluation.measures import Estimate
from fakeface.scores import ScoreKind
from tests.analysis_journals import METRIC, PROTOCOL, begin, end, score, score_along

NAME = f"{METRIC} (N = 2,000)"
WHOLE = {
    "fd": Estimate(50.0, low=45.0, high=55.0), "fd_infinity": Estimate(41.0, error=2.5),
    "kd": Estimate(0.2, error=0.05), "precision": Estimate(0.4), "recall": Estimate(0.1), "floor": Estimate(12.0),
}  # fmt: skip


def measured(folder: Path, *, seed: int = 0, **values: Estimate | float) -> Journal:
    """A journal with a score at its end, with these measures by their keys."""
    journal = begin(folder, seed=seed)
    journal.append("evaluation", step=3, values=score(**values), **PROTOCOL)
    return journal


def scores(folder: Path, *runs: str, protocol: str | None = None) -> Scores:
    asked = {ScoreKind.FINAL: protocol} if protocol else {}
    return scores_of(load([Selected(run, 0, folder / run, asked) for run in runs]))


def view(found: Scores) -> QualityView:
    table = quality_view(found)
    assert table is not None
    return table


def test_the_last_score_has_every_measure_with_its_error(tmp_path: Path):
    measured(tmp_path / "a", **WHOLE).close()
    found = scores(tmp_path, "a")
    assert found.name == NAME
    (last,) = found.last
    assert (last.run, last.seed, last.step) == ("a", 0, 3)
    assert last.measured == WHOLE
    assert view(found).rows == [
        ["a", "0", "50.0 (45.0 to 55.0)", "41.0 ± 2.5", "0.200 ± 0.05", "0.400", "0.100", "12.0", "–", "–"]
    ]


def test_what_a_score_lacks_is_a_dash_and_nan_stays_nan(tmp_path: Path):
    measured(tmp_path / "few", fd=50.0, precision=0.4).close()
    measured(
        tmp_path / "nan", **dict.fromkeys(WHOLE, Estimate(math.nan, low=math.nan, high=math.nan))
    ).close()
    begin(tmp_path / "unscored").close()
    table = view(scores(tmp_path, "few", "nan", "unscored", "never"))
    assert [row[2:] for row in table.rows] == [
        ["50.0", "–", "–", "0.400", "–", "–", "–", "–"], [*["NaN"] * 6, "–", "–"], ["–"] * 8
    ]  # fmt: skip
    assert list(table.counts) == [*(f"{n} of 3" for n in (2, 1, 1, 2, 1, 1)), "0 of 3", "0 of 3"]
    assert table.headings[2] == f"{NAME}, 95% interval"
    assert len(table.headings) == len(table.rows[0]) == len(table.counts) + 2


def test_a_finished_run_has_its_best_and_mean_distance_along_the_run_beside_the_last_score(tmp_path: Path):
    along = {0: 900.0, 10: 400.0, 16: 400.0, 25: 400.0, 40: 100.0}
    for run, exit_, lacking in (
        ("whole", "finished", -1),
        ("diverged", "diverged", 40),
        ("partly", "finished", 16),
    ):
        journal = measured(tmp_path / run, fd=50.0)
        score_along(journal, {step: value for step, value in along.items() if step != lacking})
        end(journal, exit_, "healthy", "balanced", 40)
    found = scores(tmp_path, "whole", "diverged", "partly")
    whole, *others = [row.along for row in found.last]
    assert others == [None, None]
    # The logarithm falls from that of 400 to that of 100 between the steps 25 and 40, and is level before.
    fallen = math.log(4) * math.log(40 / 25) / math.log(40 / 10) / 2
    assert whole == (100.0, pytest.approx(math.exp(math.log(400) - fallen)))
    assert view(found).rows[0][-2:] == ["100.0", number(whole.mean)]
    assert view(found).headings[-2:] == ["best along the run", "mean along the run"]
    assert view(found).along == f"{METRIC}_n500", "the metric that they are of"


def test_numbers_of_another_protocol_do_not_enter(tmp_path: Path):
    with measured(tmp_path / "a", **WHOLE) as journal:
        journal.append("evaluation", step=3, protocol="bb", metric=METRIC, values=score(fd=1.0, floor=1.0))
    (last,) = scores(tmp_path, "a", protocol="aa").last
    assert [last.measured[key] for key in ("fd", "floor")] == [WHOLE["fd"], WHOLE["floor"]]


def test_without_a_score_there_is_no_table(tmp_path: Path):
    begin(tmp_path / "a").close()
    found = scores(tmp_path, "a")
    assert (found.name, found.last, quality_view(found)) == ("Fréchet distance", [], None)
